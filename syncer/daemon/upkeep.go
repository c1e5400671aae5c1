package daemon

import (
	"context"
	"fmt"

	"spillway/syncer"
	"spillway/syncer/project"
)

// Reset forgets what a sync delivered, so that its next run sends everything again. Its error wraps ErrUnknownSync or
// ErrBusy.
func (d *Daemon) Reset(ctx context.Context, sync string) error {
	return d.upkeep(ctx, sync, func(ctx context.Context, e *syncer.Engine, s *project.Sync) error { return e.Reset(ctx, s) })
}

// Adopt takes what the model of a sync gives now as delivered, and sends nothing. It waits until the model is read, and
// returns how many rows were taken, and how many were not because they are invalid. Errors are those of Reset.
func (d *Daemon) Adopt(ctx context.Context, sync string) (adopted, invalid int64, err error) {
	err = d.upkeep(ctx, sync, func(ctx context.Context, e *syncer.Engine, s *project.Sync) (err error) {
		adopted, invalid, err = e.Adopt(ctx, s)
		return err
	})
	return adopted, invalid, err
}

// Forget erases every trace of one key of a sync from the state directory, and reports whether there was any. Errors are
// those of Reset.
func (d *Daemon) Forget(ctx context.Context, sync, key string) (found bool, err error) {
	err = d.upkeep(ctx, sync, func(ctx context.Context, e *syncer.Engine, s *project.Sync) (err error) {
		found, err = e.Forget(ctx, s, key)
		return err
	})
	return found, err
}

// upkeep works on the snapshot of a sync. It is refused while a run of the sync goes on, and one that is entered meanwhile
// begins when the work is done.
func (d *Daemon) upkeep(ctx context.Context, sync string, work func(context.Context, *syncer.Engine, *project.Sync) error) error {
	d.mu.Lock()
	st, err := d.standing(sync)
	switch {
	case err != nil:
	case d.stopped:
		err = errStopped
	case st.running != nil || d.keeping[sync] != nil:
		err = fmt.Errorf("%w: %s", ErrBusy, sync)
	}
	if err != nil {
		d.mu.Unlock()
		return err
	}
	ctx, interrupt := context.WithCancelCause(ctx)
	defer interrupt(nil)
	v, s := d.version, st.sync
	v.runs++
	d.keeping[sync] = interrupt
	d.mu.Unlock()
	err = work(ctx, v.engine, s)
	d.mu.Lock()
	defer d.unlock()
	delete(d.keeping, sync)
	d.unuse(v)
	d.dispatch()
	d.endIdle()
	return err
}
