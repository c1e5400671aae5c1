package syncer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/oklog/ulid/v2"

	"spillway/diffstore"
	"spillway/syncer/project"
	"spillway/syncer/runlog"
	"spillway/warehouse"
)

// runner is one run of one sync.
type runner struct {
	engine   *Engine
	sync     *project.Sync
	run      runlog.Run
	recorder *runlog.Recorder
	log      *slog.Logger
	trace    Trace
	entered  time.Time // into the present phase
}

// Run runs s now and waits. What became of it is in the Run it returns; the error says that even that could not be
// written down.
func (e *Engine) Run(ctx context.Context, s *project.Sync, trigger runlog.Trigger) (runlog.Run, error) {
	r, err := e.begin(ctx, s, e.NewRun(s, trigger), Parent(ctx))
	if err != nil {
		return runlog.Run{}, err
	}
	return r.conclude(ctx, r.execute(ctx))
}

// NewRun returns a run of s that waits. It stands in no log yet.
func (e *Engine) NewRun(s *project.Sync, trigger runlog.Trigger) runlog.Run {
	now := e.now().UTC()
	return runlog.Run{
		ID: ulid.MustNew(ulid.Timestamp(now), ulid.DefaultEntropy()).String(), Sync: s.Name, State: runlog.Queued, Phase: runlog.Extracting,
		Trigger: trigger, StartedAt: now, ConfigHash: s.ConfigHash, Timings: runlog.Timings{},
	}
}

// Begin takes up a run that was entered into the run log and waits, with what it is to do, and waits for its end. What
// became of it is in the Run it returns; the error says that even that could not be written down. Runs of different syncs
// may go on at once.
func (e *Engine) Begin(ctx context.Context, s *project.Sync, run runlog.Run, o runlog.Order) (runlog.Run, error) {
	r, err := e.begin(ctx, s, run, o.Trace)
	if err != nil {
		return runlog.Run{}, err
	}
	if o.Held != "" {
		return r.conclude(ctx, r.approve(ctx, o.Held))
	}
	if err := r.prepare(ctx, o); err != nil {
		return r.conclude(ctx, err)
	}
	return r.conclude(ctx, r.execute(ctx))
}

// prepare does what is to be done before the model is read. It is done once, however often the run is taken up.
func (r *runner) prepare(ctx context.Context, o runlog.Order) error {
	if !o.Full && len(o.Keys) == 0 {
		return nil
	}
	if o.Full {
		if err := r.engine.Reset(ctx, r.sync); err != nil {
			return ofState(err)
		}
	} else if _, err := r.engine.Retry(ctx, r.sync, o.Keys, ""); err != nil {
		return err
	}
	return ofState(r.engine.runs.Reorder(ctx, r.run.ID, runlog.Order{Trace: o.Trace}))
}

// begin writes into the run log that a run goes on from now.
func (e *Engine) begin(ctx context.Context, s *project.Sync, run runlog.Run, parent string) (*runner, error) {
	now := e.now().UTC()
	r := &runner{engine: e, sync: s, entered: now, run: run, trace: untraced{}}
	r.run.State, r.run.StartedAt, r.run.ConfigHash, r.run.Commit = runlog.Running, now, s.ConfigHash, e.commit()
	var err error
	if r.recorder, err = e.runs.Begin(context.WithoutCancel(ctx), r.run); err != nil {
		return nil, err
	}
	r.log = slog.New(newTee(e.log.Handler(), r.recorder)).With("sync", s.Name, "run", r.run.ID)
	if e.options.Tracer != nil {
		r.trace = e.options.Tracer.Trace(s, r.run, parent)
	}
	r.trace.Phase(r.run)
	e.observer.Phase(s.Name, runlog.Extracting)
	r.log.Info("run started", "trigger", string(run.Trigger))
	return r, nil
}

// execute takes the run from its source to its end. Its error is the run's failure.
func (r *runner) execute(ctx context.Context) (err error) {
	session, err := r.engine.store.Begin(ctx, r.sync.Name)
	if err != nil {
		return ofState(fmt.Errorf("open the snapshot of %s: %w", r.sync.Name, err))
	}
	defer func() { err = errors.Join(err, ofState(session.Close())) }()
	route, source, err := r.engine.route(ctx, r.sync)
	if err != nil {
		return err
	}
	sheet, err := createChangeset(r.engine.planFile(r.run.ID))
	if err != nil {
		return err
	}
	keep := false
	defer func() {
		if keep {
			err = errors.Join(err, sheet.close())
		} else {
			err = errors.Join(err, sheet.discard())
		}
	}()
	st := newStager(r.sync, route, session, sheet, uninterrupted{r.recorder}, r.engine.observer, r.engine.now)
	report, sealed, err := r.stage(ctx, st, source)
	if err == nil { // until now an earlier held plan could still be approved
		err = r.engine.dropHeldPlans(ctx, r.sync.Name)
	}
	if err != nil {
		return err
	}
	if report.Held {
		keep = true
		return r.hold(ctx, st, report)
	}
	return r.send(ctx, route, session, sheet, sealed)
}

// stage fills the sheet and judges the guards. Counts are the run's only once the whole source was read.
func (r *runner) stage(ctx context.Context, st *stager, source warehouse.Warehouse) (GuardReport, seal, error) {
	if err := st.read(ctx, source, warehouse.Tag{Sync: r.sync.Name, Run: r.run.ID}); err != nil {
		return GuardReport{}, seal{}, err
	}
	if err := r.phase(ctx, runlog.Comparing); err != nil {
		return GuardReport{}, seal{}, err
	}
	if err := st.conclude(ctx); err != nil {
		return GuardReport{}, seal{}, err
	}
	previous, err := st.view.Size(ctx)
	if err != nil {
		return GuardReport{}, seal{}, ofState(fmt.Errorf("size of the snapshot: %w", err))
	}
	version, err := st.view.Version(ctx)
	if err != nil {
		return GuardReport{}, seal{}, ofState(fmt.Errorf("version of the snapshot: %w", err))
	}
	r.run.Counts, r.run.Outcomes = st.tally.counts, st.tally.outcomes
	report := st.guarded(previous)
	s := seal{
		Run: r.run.ID, Sync: r.sync.Name, At: r.engine.now(), ConfigHash: r.sync.ConfigHash, Snapshot: version,
		Counts: r.run.Counts, Outcomes: r.run.Outcomes, Doubtful: st.tally.doubtful, Waiting: report.Removals != "",
	}
	if err := st.sheet.finish(s); err != nil {
		return GuardReport{}, seal{}, err
	}
	if s.Waiting {
		r.log.Warn("removals wait: rows of the model have no key", "removals", st.tally.removals, "keyless", st.tally.keyless)
	}
	r.log.Info("source compared", "source", r.run.Source, "added", r.run.Added, "changed", r.run.Changed,
		"removed", r.run.Removed, "carried", r.run.Carried, "invalid", r.run.Invalid)
	return report, s, nil
}

// hold stops the run before anything is sent. The plan is kept, so that exactly it can be approved.
func (r *runner) hold(ctx context.Context, st *stager, report GuardReport) error {
	log := uninterrupted{r.recorder}
	for _, kind := range []step{write, remove} {
		for i, err := range st.sheet.items(kind) {
			if err != nil {
				return err
			}
			if kind == write && st.void[i.Key] {
				continue
			}
			row := runlog.Row{Key: i.Key, ID: i.ID, Op: string(i.Op), Outcome: runlog.RowHeld, Code: CodeGuard, Reason: "the run was held; nothing was sent", Untried: true}
			if i.Quarantined {
				row = quarantinedRow(&i)
			}
			if err := log.Rows(ctx, r.engine.now(), row); err != nil {
				return err
			}
		}
	}
	r.run.Rest(runlog.RowHeld)
	r.run.State = runlog.Held
	r.run.Error = &runlog.Failure{Code: CodeGuard, Message: report.Reason}
	return nil
}

// phase moves the run on to its next phase.
func (r *runner) phase(ctx context.Context, p runlog.Phase) error {
	now := r.engine.now()
	r.run.Timings[r.run.Phase] += now.Sub(r.entered).Milliseconds()
	r.entered, r.run.Phase = now, p
	r.engine.observer.Phase(r.sync.Name, p)
	r.trace.Phase(r.run)
	return ofState(r.recorder.Update(context.WithoutCancel(ctx), r.run))
}

// conclude settles the run's state and writes it down for good.
func (r *runner) conclude(ctx context.Context, err error) (runlog.Run, error) {
	cancelled := ctx.Err() != nil
	if err != nil || cancelled {
		r.run.Rest(runlog.RowDeferred) // what the run did not come to was not tried
	}
	switch {
	case cancelled:
		r.run.State = runlog.Cancelled
		r.run.Error = interruption(context.Cause(ctx), err)
	case err != nil:
		r.run.State = runlog.Failed
		r.run.Error = failure(err)
	case r.run.State == runlog.Running && r.run.Rejected+r.run.Deferred+r.run.Unknown > 0:
		r.run.State = runlog.Partial
	case r.run.State == runlog.Running:
		r.run.State = runlog.Succeeded
	}
	if unbalanced := r.run.Balance(); unbalanced != nil {
		r.run.State = runlog.Failed
		r.run.Error = &runlog.Failure{Code: CodeAccounting, Message: "the counts of the run do not add up, please report this: " + unbalanced.Error()}
	}
	now := r.engine.now().UTC()
	r.run.Timings[r.run.Phase] += now.Sub(r.entered).Milliseconds()
	r.run.FinishedAt, r.run.DurationMS = &now, now.Sub(r.run.StartedAt).Milliseconds()
	r.run.Errors = r.recorder.Groups()
	r.trace.End(r.run)
	r.logEnd()
	return r.run, r.recorder.Finish(context.WithoutCancel(ctx), r.run)
}

// InterruptedError is the cause with which a run's context is cancelled by somebody who can say why.
type InterruptedError struct{ Why string }

func (e *InterruptedError) Error() string { return e.Why }

func interruption(cause, err error) *runlog.Failure {
	message := "the run was interrupted"
	if i, ok := errors.AsType[*InterruptedError](cause); ok {
		message += ": " + i.Why
	}
	message += "; what was not settled is sent by the next run"
	if err != nil && !errors.Is(err, context.Canceled) {
		message += ". It ended with: " + err.Error()
	}
	return &runlog.Failure{Code: CodeInterrupted, Message: message}
}

func (r *runner) logEnd() {
	level := slog.LevelInfo
	if r.run.State == runlog.Failed {
		level = slog.LevelError
	}
	code := ""
	if r.run.Error != nil {
		code = r.run.Error.Code
	}
	r.log.Log(context.Background(), level, "run finished", "state", string(r.run.State), "code", code,
		"accepted", r.run.Accepted, "rejected", r.run.Rejected, "deferred", r.run.Deferred, "unknown", r.run.Unknown,
		"held", r.run.Held, "quarantined", r.run.Quarantined)
}

// uninterrupted is a rowLog that goes on writing when the run is interrupted.
type uninterrupted struct{ recorder *runlog.Recorder }

func (u uninterrupted) Rows(ctx context.Context, now time.Time, rows ...runlog.Row) error {
	return ofState(u.recorder.Rows(context.WithoutCancel(ctx), now, rows...))
}

func (e *Engine) planFile(run string) string { return filepath.Join(planDir(e.dir), run+".plan") }

func quarantinedRow(i *item) runlog.Row {
	return runlog.Row{
		Key: i.Key, ID: i.ID, Op: string(i.Op), Outcome: runlog.RowQuarantined, Code: i.Code,
		Reason: fmt.Sprintf("given up after %d refusals; it goes out again when the row changes, or after: spillway retry", i.Refusals),
	}
}

// Plan says what a run of s would send. Nothing is sent, and nothing is kept.
func (e *Engine) Plan(ctx context.Context, s *project.Sync, showValues bool) (plan *Plan, err error) {
	view, err := e.store.View(ctx, s.Name)
	if err != nil {
		return nil, ofState(fmt.Errorf("open the snapshot of %s: %w", s.Name, err))
	}
	defer func() { err = errors.Join(err, ofState(view.Close())) }()
	return e.planWith(ctx, s, view, showValues)
}

func (e *Engine) planWith(ctx context.Context, s *project.Sync, view diffstore.View, showValues bool) (plan *Plan, err error) {
	e.observer.Phase(s.Name, runlog.Extracting)
	started := e.now()
	route, source, err := e.route(ctx, s)
	if err != nil {
		return nil, err
	}
	sheet, err := createScratchChangeset()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, sheet.discard()) }()
	var problems groupLog
	st := newStager(s, route, view, sheet, &problems, e.observer, e.now)
	tag := warehouse.Tag{Sync: s.Name, Run: "plan"}
	billed, err := st.estimate(ctx, source, tag)
	if err != nil {
		return nil, err
	}
	if err := st.read(ctx, source, tag); err != nil {
		return nil, err
	}
	read := e.now().Sub(started)
	e.observer.Phase(s.Name, runlog.Comparing)
	if err := st.conclude(ctx); err != nil {
		return nil, err
	}
	previous, err := view.Size(ctx)
	if err != nil {
		return nil, fmt.Errorf("size of the snapshot: %w", err)
	}
	p := newPlan(st, st.guarded(previous), previous, read, showValues)
	p.Errors, p.Billed = problems.List(), billed
	return p, nil
}

// groupLog is a rowLog that only groups.
type groupLog struct{ runlog.Groups }

func (g *groupLog) Rows(_ context.Context, _ time.Time, rows ...runlog.Row) error {
	for _, row := range rows {
		g.Add(row)
	}
	return nil
}
