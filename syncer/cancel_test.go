package syncer

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"spillway/destinations"
	"spillway/syncer/runlog"
)

// onPhase calls do when a run enters a phase.
type onPhase struct {
	Unobserved
	phase runlog.Phase
	do    func()
}

func (o onPhase) Phase(_ string, p runlog.Phase) {
	if p == o.phase {
		o.do()
	}
}

func TestAnInterruptedRunEndsInTimeWithNothingLost(t *testing.T) {
	t.Parallel()
	const rows = 20
	tests := []struct {
		name string
		set  func(w *world, cancel func()) // what interrupts the run, which begins with ten of the rows delivered
		took time.Duration                 // at most
		done int64                         // accepted at least
	}{
		{"before it begins", func(_ *world, cancel func()) { cancel() }, 0, 0},
		{"while the model is read", func(w *world, cancel func()) {
			w.source.next = func(_ context.Context, n int) error {
				if n == 7 {
					cancel()
				}
				return nil
			}
		}, 0, 0},
		{"at the end of the model", func(w *world, cancel func()) {
			w.source.next = func(_ context.Context, n int) error {
				if n == rows {
					cancel()
				}
				return nil
			}
		}, 0, 0},
		{"while it compares", func(w *world, cancel func()) { w.observer = onPhase{phase: runlog.Comparing, do: cancel} }, 0, 0},
		{"before the first request", func(w *world, cancel func()) { w.observer = onPhase{phase: runlog.Sending, do: cancel} }, 0, 0},
		{"while requests are in flight that are answered", func(w *world, cancel func()) {
			w.remote.answer = func(_ context.Context, b destinations.Batch) ([]*destinations.Result, error) {
				cancel()
				<-time.After(5 * time.Second)
				return make([]*destinations.Result, len(b.Records)), nil
			}
		}, 5 * time.Second, 2},
		{"while requests hang", func(w *world, cancel func()) {
			w.remote.answer = func(ctx context.Context, _ destinations.Batch) ([]*destinations.Result, error) {
				cancel()
				<-ctx.Done()
				return nil, ctx.Err()
			}
		}, grace, 0},
		{"while requests hang, and their outcome is told in part", func(w *world, cancel func()) {
			w.remote.answer = func(ctx context.Context, b destinations.Batch) ([]*destinations.Result, error) {
				cancel()
				<-ctx.Done()
				results := make([]*destinations.Result, len(b.Records))
				results[1] = &destinations.Result{Status: destinations.Deferred}
				return results, ctx.Err()
			}
		}, grace, 1},
		{"while removals are in flight", func(w *world, cancel func()) {
			w.remote.answer = func(ctx context.Context, b destinations.Batch) ([]*destinations.Result, error) {
				if !writes(b.Op) {
					cancel()
					<-ctx.Done()
					return nil, ctx.Err()
				}
				return make([]*destinations.Result, len(b.Records)), nil
			}
		}, grace, 10},
		{"while it waits for its turn", func(w *world, cancel func()) {
			if err := w.sync.Delivery.Rate.UnmarshalText([]byte("1/h")); err != nil {
				w.t.Fatal(err)
			}
			w.remote.answer = func(_ context.Context, b destinations.Batch) ([]*destinations.Result, error) {
				time.AfterFunc(time.Minute, cancel)
				return make([]*destinations.Result, len(b.Records)), nil
			}
		}, time.Minute, 2},
		{"while it settles", func(w *world, cancel func()) { w.observer = onPhase{phase: runlog.Settling, do: cancel} }, 0, 15},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				defer w.close()
				w.remote.object.MaxBatch, w.sync.Delivery.Concurrency = 2, 2
				all := many(rows + 5)
				w.source.set(append(all[:10:10], all[rows:]...)...)
				w.run()
				w.close()

				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				w.source.set(all[:rows]...) // ten rows are new, five are gone
				tt.set(w, cancel)
				start := time.Now()
				run := w.runWith(ctx)
				if run.State != runlog.Cancelled || run.Error == nil || run.Error.Code != CodeInterrupted {
					t.Errorf("the run is %s with %+v", run.State, run.Error)
				}
				if took := time.Since(start); took > tt.took {
					t.Errorf("it took %s, want %s at most", took, tt.took)
				}
				if run.Accepted < tt.done {
					t.Errorf("%d are accepted, want %d at least: %+v", run.Accepted, tt.done, run.Counts)
				}
				if got := w.rows(run, runlog.RowFilter{Outcome: runlog.RowUnknown}); int64(len(got)) != run.Unknown {
					t.Errorf("%d unknown rows in the run log, %d are counted", len(got), run.Unknown)
				}
				w.close()

				w.observer, w.source.next, w.remote.answer = nil, nil, nil
				if err := w.sync.Delivery.Rate.UnmarshalText([]byte("100/s")); err != nil {
					t.Fatal(err)
				}
				if run := w.run(); run.State != runlog.Succeeded || len(w.remote.records) != rows {
					t.Errorf("the next run is %s with %+v, and %d records stand", run.State, run.Counts, len(w.remote.records))
				}
			})
		})
	}
}
