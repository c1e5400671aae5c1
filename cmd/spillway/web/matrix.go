package web

import (
	"net/url"

	"spillway/syncer/runlog"
)

// matrix is what became of the operations of a run, by why they were due.
type matrix struct {
	Columns []amount // outcomes with their sums, and what is under way
	Rows    []matrixRow
	Due     int64
}

// matrixRow is one kind of operations.
type matrixRow struct {
	Name  string
	Cells []int64 // by column; none for a run that an earlier version recorded, which kept only the sums
	Due   int64
}

// matrixOf makes the matrix of a run. Its cells add up to its columns and rows, and these to the operations due.
func matrixOf(r *runlog.Run) matrix {
	m := matrix{Due: r.Due()}
	var known int64
	for _, o := range runlog.Fates {
		a := amount{Name: string(o), Count: r.Came(o)}
		if a.Count > 0 {
			a.Link = rowsLink(r.ID, url.Values{"outcome": {a.Name}})
		}
		m.Columns = append(m.Columns, a)
		for _, k := range runlog.Kinds {
			known += r.Outcomes.Of(k, o)
		}
	}
	open := r.Outstanding()
	if open > 0 {
		m.Columns = append(m.Columns, amount{Name: "under way", Count: open})
	}
	for _, k := range runlog.Kinds {
		row := matrixRow{Name: kindNames[k], Due: r.Planned(k)}
		if known+open == m.Due {
			for _, o := range runlog.Fates {
				row.Cells = append(row.Cells, r.Outcomes.Of(k, o))
			}
			if open > 0 {
				row.Cells = append(row.Cells, row.Due-r.Outcomes.Sum(k))
			}
		}
		m.Rows = append(m.Rows, row)
	}
	return m
}

var kindNames = map[runlog.Kind]string{
	runlog.KindAdded: "added", runlog.KindChanged: "changed", runlog.KindRemoved: "removed", runlog.KindCarried: "carried over",
}
