package syncer

import (
	"context"
	"testing"

	"spillway/syncer/runlog"
	"spillway/warehouse"
)

// TestReadingAheadEndsWithItsRun lets the source fail, and the run be interrupted, before, in and behind the rows that
// are read ahead.
func TestReadingAheadEndsWithItsRun(t *testing.T) {
	t.Parallel()
	errSource := &warehouse.Error{Message: "the source failed", Temporary: true}
	people := manyPeople()
	for _, at := range []int{0, 7, chunkRows - 1, chunkRows, 2*chunkRows + 1, 3 * chunkRows, len(people)} {
		for _, interrupted := range []bool{false, true} {
			w := newWorld(t)
			w.source.packs = true
			w.source.set(people...)
			ctx, cancel := context.WithCancel(t.Context())
			w.source.next = func(ctx context.Context, n int) error {
				if n != at {
					return nil
				}
				if interrupted {
					cancel()
					return ctx.Err()
				}
				return errSource
			}
			run := w.runWith(ctx)
			want := runlog.Failed
			if interrupted {
				want = runlog.Cancelled
			}
			if run.State != want || run.Accepted != 0 || len(w.remote.calls()) > 0 {
				t.Errorf("failing at row %d (interrupted: %v) the run was %s, with %d rows accepted", at, interrupted, run.State, run.Accepted)
			}
			cancel()
			w.close()
		}
	}
}
