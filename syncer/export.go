package syncer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"spillway/syncer/project"
	"spillway/syncer/runlog/export"
	"spillway/warehouse"
)

const (
	// exportedRuns is how many runs are written to the warehouse in one transaction.
	exportedRuns = 100

	// exportTime bounds one transaction.
	exportTime = 5 * time.Minute
)

// exporter writes runs into the tables of a warehouse.
type exporter struct {
	writer warehouse.Writer
	tables export.Tables
}

// Exports reports whether the project has its run log written to a warehouse.
func (e *Engine) Exports() bool { return e.project.Runlog.Warehouse != "" }

// Export writes the runs that are over and do not stand there yet into the warehouse that [runlog] names, and returns how
// many it wrote. What it could not write is written by the next call. A project that names no warehouse has none to write.
func (e *Engine) Export(ctx context.Context) (n int, err error) {
	if !e.Exports() {
		return 0, nil
	}
	e.held.exporting.Lock()
	defer e.held.exporting.Unlock()
	if err := e.runs.ExportTo(ctx, exportPlace(e.project.Runlog)); err != nil {
		return 0, err
	}
	waiting, err := e.runs.CountUnexported(ctx, time.Time{})
	if err != nil || waiting == 0 {
		return 0, err
	}
	err = e.withExporter(ctx, func(x *exporter) error {
		if err := x.writer.Create(ctx, x.tables.All()); err != nil {
			return err
		}
		for {
			written, err := e.exportSome(ctx, x)
			if n += written; err != nil || written == 0 {
				return err
			}
		}
	})
	return n, err
}

// exportSome writes some runs and returns how many. It keeps that they stand there only afterwards: where that fails they
// are written once more, in place of themselves.
func (e *Engine) exportSome(ctx context.Context, x *exporter) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, exportTime)
	defer cancel()
	runs, err := e.runs.Unexported(ctx, exportedRuns)
	if err != nil || len(runs) == 0 {
		return 0, err
	}
	if err := x.writer.Replace(ctx, x.tables.Replace(ctx, e.runs, runs)); err != nil {
		return 0, err
	}
	return len(runs), e.runs.Exported(context.WithoutCancel(ctx), runs)
}

// exportPlace names where the tables are.
func exportPlace(r project.Runlog) string { return r.Warehouse + "\n" + r.Schema + "\n" + r.Prefix }

// withExporter opens a writer, which has connections of its own, for as long as work takes.
func (e *Engine) withExporter(ctx context.Context, work func(*exporter) error) (err error) {
	r := e.project.Runlog
	defer func() {
		if err != nil {
			err = fmt.Errorf("write the run log to warehouse %s: %w", r.Warehouse, err)
		}
	}()
	w := e.project.Warehouses[r.Warehouse]
	writer, err := w.Kind.OpenWriter(ctx, w.Config, warehouse.Env{Log: e.log.With("warehouse", r.Warehouse), Project: e.project.Root})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, writer.Close()) }()
	return work(&exporter{writer: writer, tables: export.NewTables(r.Schema, r.Prefix)})
}

// CheckExport finds out whether the tables in the warehouse can be written. It makes those that there are not, and writes
// nothing into them.
func (e *Engine) CheckExport(ctx context.Context) error {
	return e.withExporter(ctx, func(x *exporter) error {
		if err := x.writer.Create(ctx, x.tables.All()); err != nil {
			return err
		}
		return x.writer.Replace(ctx, x.tables.Erase("", []string{""}))
	})
}

// Unexported returns how many runs wait to be written to the warehouse.
func (e *Engine) Unexported(ctx context.Context) (int64, error) {
	if !e.Exports() || e.runs == nil {
		return 0, nil
	}
	return e.runs.CountUnexported(ctx, time.Time{})
}

// eraseExported takes the rows of a key from the tables in the warehouse.
func (e *Engine) eraseExported(ctx context.Context, s *project.Sync, key string) error {
	if !e.Exports() {
		return nil
	}
	e.held.exporting.Lock()
	defer e.held.exporting.Unlock()
	err := e.withExporter(ctx, func(x *exporter) error {
		if err := x.writer.Create(ctx, x.tables.All()); err != nil {
			return err
		}
		return x.writer.Replace(ctx, x.tables.Erase(s.Name, e.runs.Forms(key)))
	})
	if err != nil {
		return fmt.Errorf("the key was erased here, and not from the warehouse; run forget once more when it can be reached: %w", err)
	}
	return nil
}

// warnOfLost tells how many runs the retention is about to drop that never came to the warehouse.
func (e *Engine) warnOfLost(ctx context.Context) error {
	if !e.Exports() || e.project.Runlog.Retention <= 0 {
		return nil
	}
	lost, err := e.runs.CountUnexported(ctx, e.now().Add(-e.project.Runlog.Retention))
	if err == nil && lost > 0 {
		e.log.Warn("runs dropped by the retention before they came to the warehouse", "runs", lost, "warehouse", e.project.Runlog.Warehouse)
	}
	return err
}
