// Package export writes the run log as tables: into files for spreadsheets and other programs, and with the names and
// types that they have in a warehouse. Nothing of it grows with the log: it is read page by page.
//
// What is exported holds keys and identifiers as the run log shows them, and never the values of a row (DESIGN §4.10).
package export

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"time"

	"spillway/syncer/runlog"
)

// What is exported.
type What string

// The tables of the run log.
const (
	Runs     What = "runs"     // the runs that are over
	Rows     What = "rows"     // all rows that the log keeps of them
	Problems What = "problems" // those of them that were not accepted
	Errors   What = "errors"   // the problems of each run, grouped by cause
)

// Format is the form of a file.
type Format string

// The forms of files.
const (
	JSONL   Format = "jsonl" // a JSON object a line
	CSV     Format = "csv"   // RFC 4180, with a header
	Parquet Format = "parquet"
)

// Options say what is exported, and how.
type Options struct {
	What   What
	Format Format
	Sync   string    // of this sync; empty takes all
	Since  time.Time // of runs begun then or later; zero takes all
}

// sink takes the records of a table one by one.
type sink[T any] interface {
	write(record *T) error
	close() error // writes what is left; the file itself stays open
}

// Write writes a table of the run log to w, oldest runs first, and returns how many records it has. A log that is nil
// has none.
func Write(ctx context.Context, l *runlog.Log, w io.Writer, o Options) (int64, error) {
	switch o.What {
	case Runs:
		return pour(w, o, runColumns, func(take func(*runlog.Run) error) error {
			return eachRun(ctx, l, o, take)
		})
	case Rows, Problems:
		return pour(w, o, rowColumns, func(take func(*Row) error) error {
			return eachRun(ctx, l, o, func(run *runlog.Run) error { return eachRow(ctx, l, run, o.What == Problems, take) })
		})
	case Errors:
		return pour(w, o, errorColumns, func(take func(*Error) error) error {
			return eachRun(ctx, l, o, func(run *runlog.Run) error { return eachError(run, take) })
		})
	}
	return 0, fmt.Errorf("the run log has no table %q", o.What)
}

// pour writes all records that each gives.
func pour[T any](w io.Writer, o Options, columns []column[T], each func(take func(*T) error) error) (n int64, err error) {
	buffer := bufio.NewWriterSize(w, 1<<16)
	var to sink[T]
	switch o.Format {
	case JSONL:
		to = newLines[T](buffer)
	case CSV:
		to, err = newSheet(buffer, columns)
	case Parquet:
		to, err = newParquet(buffer, columns)
	default:
		err = fmt.Errorf("there is no format %q", o.Format)
	}
	if err != nil {
		return 0, err
	}
	err = each(func(record *T) error {
		n++
		return to.write(record)
	})
	if err == nil {
		err = to.close()
	}
	if err == nil {
		err = buffer.Flush()
	}
	return n, err
}

// eachRun gives the runs that are over, oldest first.
func eachRun(ctx context.Context, l *runlog.Log, o Options, take func(*runlog.Run) error) error {
	if l == nil {
		return nil
	}
	for after := ""; ; {
		runs, err := l.Over(ctx, runlog.Span{Sync: o.Sync, Since: o.Since, After: after})
		if err != nil || len(runs) == 0 {
			return err
		}
		for i := range runs {
			if err := take(&runs[i]); err != nil {
				return err
			}
		}
		after = runs[len(runs)-1].ID
	}
}

// pageOfRows is how many rows are read at a time.
const pageOfRows = 1000

// eachRow gives the rows of a run that the log keeps, or only those that were not accepted.
func eachRow(ctx context.Context, l *runlog.Log, run *runlog.Run, problems bool, take func(*Row) error) error {
	seq := int64(0)
	for cursor := ""; ; {
		rows, next, err := l.Rows(ctx, run.ID, runlog.RowFilter{Problem: problems, Cursor: cursor, Limit: pageOfRows})
		if err != nil {
			return err
		}
		for _, r := range rows {
			seq++
			row := newRow(run, seq, r)
			if err := take(&row); err != nil {
				return err
			}
		}
		if cursor = next; cursor == "" {
			return nil
		}
	}
}

func eachError(run *runlog.Run, take func(*Error) error) error {
	for i, g := range run.Errors {
		e := newError(run, int64(i)+1, g)
		if err := take(&e); err != nil {
			return err
		}
	}
	return nil
}
