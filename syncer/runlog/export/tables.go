package export

import (
	"context"
	"errors"
	"iter"

	"spillway/syncer/runlog"
	"spillway/warehouse"
)

// Tables are those of a warehouse that the run log is written to.
type Tables struct{ Runs, Rows, Errors warehouse.Table }

// NewTables names the tables; prefix stands before runs, rows and errors.
func NewTables(schema, prefix string) Tables {
	return Tables{
		Runs:   tableOf(schema, prefix+"runs", runColumns, "run_id"),
		Rows:   tableOf(schema, prefix+"rows", rowColumns, "run_id", "seq"),
		Errors: tableOf(schema, prefix+"errors", errorColumns, "run_id", "seq"),
	}
}

func tableOf[T any](schema, name string, columns []column[T], key ...string) warehouse.Table {
	t := warehouse.Table{Schema: schema, Name: name, Key: key}
	for _, c := range columns {
		t.Columns = append(t.Columns, warehouse.Column{Name: c.field, Type: c.class})
	}
	return t
}

// All are the tables in the order in which they are written.
func (t Tables) All() []warehouse.Table { return []warehouse.Table{t.Rows, t.Errors, t.Runs} }

// Replace is what puts runs into the tables, with those of their rows that were not accepted, in place of what stands of
// them there.
func (t Tables) Replace(ctx context.Context, l *runlog.Log, runs []runlog.Run) []warehouse.Replacement {
	ids := make([]string, len(runs))
	for i := range runs {
		ids[i] = runs[i].ID
	}
	where := []warehouse.Match{{Column: "run_id", Values: ids}}
	each := func(take func(*runlog.Run) error) error {
		for i := range runs {
			if err := take(&runs[i]); err != nil {
				return err
			}
		}
		return nil
	}
	return []warehouse.Replacement{
		{Table: t.Rows, Where: where, Rows: records(rowColumns, func(take func(*Row) error) error {
			return each(func(run *runlog.Run) error { return eachRow(ctx, l, run, true, take) })
		})},
		{Table: t.Errors, Where: where, Rows: records(errorColumns, func(take func(*Error) error) error {
			return each(func(run *runlog.Run) error { return eachError(run, take) })
		})},
		{Table: t.Runs, Where: where, Rows: records(runColumns, each)},
	}
}

// Erase is what takes the rows of a key, in all its forms, from the tables.
func (t Tables) Erase(sync string, forms []string) []warehouse.Replacement {
	return []warehouse.Replacement{{Table: t.Rows, Where: []warehouse.Match{
		{Column: "sync", Values: []string{sync}}, {Column: "row_key", Values: forms},
	}}}
}

// stopped ends each when nobody takes its records any more.
type stopped struct{}

func (stopped) Error() string { return "stopped" }

// records are what each gives, as rows of a table that are valid until the next.
func records[T any](columns []column[T], each func(take func(*T) error) error) iter.Seq2[warehouse.Row, error] {
	return func(yield func(warehouse.Row, error) bool) {
		row := make(warehouse.Row, len(columns))
		err := each(func(record *T) error {
			for i, c := range columns {
				row[i] = c.value(record)
			}
			if !yield(row, nil) {
				return stopped{}
			}
			return nil
		})
		if err != nil && !errors.Is(err, stopped{}) {
			yield(nil, err)
		}
	}
}
