package syncer

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"spillway/destinations"
	"spillway/diffstore"
	"spillway/syncer/runlog"
	"spillway/warehouse"
)

// failAt makes the source fail instead of giving row n.
func failAt(n int, err error) func(context.Context, int) error {
	return func(_ context.Context, at int) error {
		if at == n {
			return err
		}
		return nil
	}
}

func TestASourceThatIsNotReadToItsEndChangesNothing(t *testing.T) {
	t.Parallel()
	truncated := fmt.Errorf("%w: 20 rows were announced, 7 came", warehouse.ErrTruncated)
	tests := []struct {
		name string
		set  func(*world)
		code string
	}{
		{"it is cut short", func(w *world) { w.source.next = failAt(7, truncated) }, CodeUnavailable},
		{"it is cut short at its end", func(w *world) { w.source.next = failAt(len(w.source.people), truncated) }, CodeUnavailable},
		{"an error in the middle", func(w *world) {
			w.source.next = failAt(7, &warehouse.Error{Code: "22012", Message: "division by zero"})
		}, CodeWarehouse},
		{"an error before the first row", func(w *world) { w.source.next = failAt(0, &warehouse.Error{Message: "gone", Temporary: true}) }, CodeUnavailable},
		{"a column is gone", func(w *world) { w.source.columns = append([]warehouse.Column{}, personColumns[:3]...) }, CodeModel},
		{"the key is gone", func(w *world) { w.source.columns = append([]warehouse.Column{}, personColumns[1:]...) }, CodeModel},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.source.set(twenty(0)...)
			w.run()
			before := w.version()
			w.remote.calls()
			changed := twenty(3)
			for i := range changed {
				changed[i].Score = "2"
			}
			w.source.set(changed...)
			tt.set(w)
			run := w.runFailing()
			if run.State != runlog.Failed || run.Error.Code != tt.code {
				t.Errorf("the run is %s with %+v, want %s", run.State, run.Error, tt.code)
			}
			if !strings.Contains(run.Error.Message, "customers") || !strings.Contains(run.Error.Message, "models/customers.sql") {
				t.Errorf("the message does not name the model and its file: %s", run.Error.Message)
			}
			if sent := w.sent(); len(sent) > 0 || run.Requests != 0 || run.Counts != (runlog.Counts{}) {
				t.Errorf("sent %v, counts %+v", sent, run.Counts)
			}
			if after := w.version(); after != before {
				t.Errorf("the snapshot went from %s to %s", before, after)
			}
		})
	}
}

// runFailing is run for one that may end in any way.
func (w *world) runFailing() runlog.Run {
	w.t.Helper()
	run, err := w.open().Run(w.t.Context(), w.sync, runlog.ByCLI)
	if err != nil {
		w.t.Fatal(err)
	}
	if err := run.Balance(); err != nil {
		w.t.Error(err)
	}
	return run
}

func (w *world) version() string {
	w.t.Helper()
	view, err := w.open().store.View(w.t.Context(), w.sync.Name)
	if err != nil {
		w.t.Fatal(err)
	}
	version, err := view.Version(w.t.Context())
	if err = errors.Join(err, view.Close()); err != nil {
		w.t.Fatal(err)
	}
	return version
}

func TestErrorsOfADestinationStopTheRunAsTheyShould(t *testing.T) {
	t.Parallel()
	type batchError struct {
		err     error
		results bool // of the records before it
	}
	tests := []struct {
		name   string
		errors map[int]batchError // by batch, of ten with two rows each
		state  runlog.State
		code   string
		want   runlog.Counts
		calls  int
	}{
		{
			"refused credentials",
			map[int]batchError{0: {destinations.ErrAuth, false}},
			runlog.Failed, CodeAuth,
			runlog.Counts{Deferred: 20},
			1,
		},
		{
			"credentials that are refused half-way",
			map[int]batchError{4: {destinations.ErrAuth, false}},
			runlog.Failed, CodeAuth,
			runlog.Counts{Accepted: 8, Deferred: 12},
			5,
		},
		{
			"unreachable from the start",
			map[int]batchError{0: {destinations.ErrUnreachable, false}},
			runlog.Failed, CodeUnreachable,
			runlog.Counts{Deferred: 20},
			1,
		},
		{
			"unreachable half-way",
			map[int]batchError{4: {destinations.ErrUnreachable, false}},
			runlog.Partial, "",
			runlog.Counts{Accepted: 8, Deferred: 12},
			5,
		},
		{
			"a request that it does not take",
			map[int]batchError{0: {destinations.ErrConfig, false}},
			runlog.Failed, CodeConfig,
			runlog.Counts{Deferred: 20},
			1,
		},
		{
			"an object that is gone",
			map[int]batchError{3: {destinations.ErrNoObject, false}},
			runlog.Failed, CodeConfig,
			runlog.Counts{Accepted: 6, Deferred: 14},
			4,
		},
		{
			"an error without results is of its batch alone",
			map[int]batchError{3: {errBreak, false}, 5: {errBreak, false}},
			runlog.Partial, "",
			runlog.Counts{Accepted: 16, Unknown: 4},
			10,
		},
		{
			"an error with results stops the run, and they stand",
			map[int]batchError{3: {errBreak, true}},
			runlog.Failed, CodeDestination,
			runlog.Counts{Accepted: 8, Deferred: 12},
			4,
		},
		{
			"five batches in a row without a verdict stop it",
			map[int]batchError{2: {errBreak, false}, 3: {errBreak, false}, 4: {errBreak, false}, 5: {errBreak, false}, 6: {errBreak, false}},
			runlog.Partial, "",
			runlog.Counts{Accepted: 4, Unknown: 10, Deferred: 6},
			7,
		},
		{
			"four do not",
			map[int]batchError{2: {errBreak, false}, 3: {errBreak, false}, 4: {errBreak, false}, 5: {errBreak, false}},
			runlog.Partial, "",
			runlog.Counts{Accepted: 12, Unknown: 8},
			10,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.remote.object.MaxBatch = 2
			w.source.set(twenty(0)...)
			calls := 0
			w.remote.answer = func(_ context.Context, b destinations.Batch) ([]*destinations.Result, error) {
				e, fails := tt.errors[calls]
				calls++
				switch {
				case fails && !e.results:
					return nil, fmt.Errorf("the service: %w", e.err)
				case fails:
					return make([]*destinations.Result, len(b.Records)), fmt.Errorf("the service: %w", e.err)
				}
				return make([]*destinations.Result, len(b.Records)), nil
			}
			run := w.run()
			tt.want.Source, tt.want.Added = 20, 20
			if run.State != tt.state || (run.Error == nil) != (tt.code == "") || run.Error != nil && run.Error.Code != tt.code {
				t.Errorf("the run is %s with %+v, want %s with %q", run.State, run.Error, tt.state, tt.code)
			}
			if diff := cmp.Diff(tt.want, run.Counts); diff != "" {
				t.Errorf("counts (-want +got):\n%s", diff)
			}
			if calls != tt.calls {
				t.Errorf("%d calls, want %d", calls, tt.calls)
			}
			w.remote.answer = nil
			if run := w.run(); run.State != runlog.Succeeded || len(w.remote.records) != 20 {
				t.Errorf("the next run is %s with %+v", run.State, run.Counts)
			}
		})
	}
}

func TestResultsForAnotherNumberOfRecordsSayNothing(t *testing.T) {
	t.Parallel()
	for name, extra := range map[string]int{"one less": -1, "one more": 1, "none": -3} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.source.set(p("1", "a", "1"), p("2", "b", "1"), p("3", "c", "1"))
			w.remote.answer = func(_ context.Context, b destinations.Batch) ([]*destinations.Result, error) {
				return make([]*destinations.Result, len(b.Records)+extra), nil
			}
			run := w.run()
			if run.State != runlog.Partial || run.Unknown != 3 {
				t.Errorf("the run is %s with %+v", run.State, run.Counts)
			}
			w.remote.answer = nil
			if run := w.run(); run.Carried != 3 || run.Accepted != 3 {
				t.Errorf("the next run has %+v", run.Counts)
			}
		})
	}
}

// brokenStore fails where it is told to, and lies where it is told to.
type brokenStore struct {
	diffstore.Store
	intend, settle func() error
	lie            diffstore.Verdict // instead of every verdict
}

type brokenSession struct {
	diffstore.Session
	store *brokenStore
}

func (s *brokenStore) Begin(ctx context.Context, sync string) (diffstore.Session, error) {
	session, err := s.Store.Begin(ctx, sync)
	return brokenSession{session, s}, err
}

func (s brokenSession) Compare(ctx context.Context, entries []diffstore.Entry) ([]diffstore.Change, error) {
	changes, err := s.Session.Compare(ctx, entries)
	for i := range changes {
		if s.store.lie != 0 {
			changes[i].Verdict = s.store.lie
		}
	}
	return changes, err
}

func (s brokenSession) Intend(ctx context.Context, attempts []diffstore.Attempt) ([]diffstore.Token, error) {
	if s.store.intend != nil {
		if err := s.store.intend(); err != nil {
			return nil, err
		}
	}
	return s.Session.Intend(ctx, attempts)
}

func (s brokenSession) Settle(ctx context.Context, fates []diffstore.Fate) error {
	if s.store.settle != nil {
		if err := s.store.settle(); err != nil {
			return err
		}
	}
	return s.Session.Settle(ctx, fates)
}

// failOn fails at the n-th call, counted from 1, and after it.
func failOn(n int, err error) func() error {
	calls := 0
	return func() error {
		if calls++; calls >= n {
			return err
		}
		return nil
	}
}

func TestAStoreThatFailsIsWhyTheRunFailed(t *testing.T) {
	t.Parallel()
	full := fmt.Errorf("the disk is full: %w", fs.ErrInvalid)
	tests := []struct {
		name    string
		store   brokenStore
		unknown bool // some rows are sent whose outcome cannot be recorded
	}{
		{"at the first intent", brokenStore{intend: failOn(1, full)}, false},
		{"at the third intent", brokenStore{intend: failOn(3, full)}, false},
		{"at the first outcome", brokenStore{settle: failOn(1, full)}, true},
		{"at the third outcome", brokenStore{settle: failOn(3, full)}, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.remote.object.MaxBatch = 2
			w.source.set(many(2000)...)
			w.wrap = func(s diffstore.Store) diffstore.Store {
				tt.store.Store = s
				return &tt.store
			}
			run := w.runFailing()
			if run.State != runlog.Failed || run.Error.Code != CodeStore || !strings.Contains(run.Error.Message, "the disk is full") {
				t.Errorf("the run is %s with %+v", run.State, run.Error)
			}
			if stand := int64(len(w.remote.records)); run.Accepted+run.Unknown != stand || run.Deferred != 2000-stand || run.Deferred == 0 {
				t.Errorf("%d records stand, and the counts are %+v", stand, run.Counts)
			}
			if (run.Unknown > 0) != tt.unknown {
				t.Errorf("%d rows are unknown", run.Unknown)
			}
			tt.store.intend, tt.store.settle = nil, nil
			if run := w.run(); run.State != runlog.Succeeded || len(w.remote.records) != 2000 {
				t.Errorf("the next run is %s with %+v", run.State, run.Counts)
			}
		})
	}
}

func TestCountsThatDoNotAddUpFailTheRun(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.source.set(p("1", "a", "1"))
	w.wrap = func(s diffstore.Store) diffstore.Store { return &brokenStore{Store: s, lie: diffstore.Kept} }
	run, err := w.open().Run(t.Context(), w.sync, runlog.ByCLI)
	if err != nil {
		t.Fatal(err)
	}
	if run.State != runlog.Failed || run.Error.Code != CodeAccounting || !strings.Contains(run.Error.Message, "1 rows") {
		t.Errorf("the run is %s with %+v", run.State, run.Error)
	}
}

func TestARunThatTriesNothingListsABoundedNumberOfRows(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.remote.object.MaxBatch = 100
	const n = 10_300
	w.source.set(many(n)...)
	w.remote.answer = func(context.Context, destinations.Batch) ([]*destinations.Result, error) {
		return nil, destinations.ErrAuth
	}
	run := w.run()
	if run.Deferred != n || len(run.Errors) != 2 || run.Errors[0].Count+run.Errors[1].Count != n {
		t.Errorf("%+v, %+v", run.Counts, run.Errors)
	}
	// A hundred were tried, and of the others ten thousand are listed.
	if got := len(w.rows(run, runlog.RowFilter{Limit: n})); got != 10_100 {
		t.Errorf("%d rows in the run log", got)
	}
}
