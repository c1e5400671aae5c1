package daemon

import (
	"context"
	"time"
)

// How long the daemon waits before it tries again to write the run log to a warehouse: twice as long after each failure.
const (
	firstRetry = 15 * time.Second
	lastRetry  = 15 * time.Minute
)

// keepExported writes runs to the warehouse that the project names for it: those of an earlier process first, and then
// each when it is over.
func (d *Daemon) keepExported(ctx context.Context) {
	retry := time.Duration(0)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		case <-d.ended:
			if retry > 0 {
				continue // it is tried again when its time has come
			}
		}
		retry = nextRetry(retry, d.export(ctx))
		if retry > 0 {
			timer.Reset(retry)
		}
	}
}

// nextRetry is after how long to try again; not at all where the last try did not fail.
func nextRetry(last time.Duration, err error) time.Duration {
	if err == nil {
		return 0
	}
	return min(lastRetry, max(firstRetry, 2*last))
}

// exportSoon says that there may be runs to write.
func (d *Daemon) exportSoon() {
	select {
	case d.ended <- struct{}{}:
	default:
	}
}

// export writes what there is. A failure is told in the log, and concerns no run.
func (d *Daemon) export(ctx context.Context) error {
	d.mu.Lock()
	v := d.version
	v.runs++
	d.mu.Unlock()
	n, err := v.engine.Export(ctx)
	switch {
	case err != nil && ctx.Err() == nil:
		d.log.Error("run log not written to the warehouse", "warehouse", v.project.Runlog.Warehouse, "error", err.Error())
	case n > 0:
		d.log.Info("run log written to the warehouse", "warehouse", v.project.Runlog.Warehouse, "runs", n)
	}
	d.mu.Lock()
	defer d.unlock()
	d.unuse(v)
	return err
}

// Unexported returns how many runs wait to be written to the warehouse that the project names for the run log, and whether
// it names one.
func (d *Daemon) Unexported(ctx context.Context) (n int64, exports bool, err error) {
	e := d.engine()
	if !e.Exports() {
		return 0, false, nil
	}
	n, err = e.Unexported(ctx)
	return n, true, err
}
