package syncer

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"spillway/syncer/project"
	"spillway/syncer/runlog"
)

// approvalPeriod is how long a held plan may be approved.
const approvalPeriod = 24 * time.Hour

// ErrApproval is wrapped by every refusal to apply a held plan.
var ErrApproval = errors.New("the plan cannot be approved")

func notApproved(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrApproval}, args...)...)
}

// Approve applies exactly the plan that run id held, now, and waits. It is refused after 24 hours, or when the
// snapshot or the sync's configuration moved since.
func (e *Engine) Approve(ctx context.Context, id string) (runlog.Run, error) {
	p, err := e.heldPlan(ctx, id)
	if err != nil {
		return runlog.Run{}, err
	}
	r, err := e.begin(ctx, p.sync, e.NewRun(p.sync, runlog.ByApprove), Parent(ctx))
	if err != nil {
		return runlog.Run{}, errors.Join(err, p.sheet.close())
	}
	return r.conclude(ctx, r.apply(ctx, p.sheet, p.seal))
}

// Approvable returns the sync of a held run whose plan may be applied now.
func (e *Engine) Approvable(ctx context.Context, id string) (*project.Sync, error) {
	p, err := e.heldPlan(ctx, id)
	if err != nil {
		return nil, err
	}
	return p.sync, p.sheet.close()
}

// approve applies the plan that a run held, as the run r.
func (r *runner) approve(ctx context.Context, held string) error {
	p, err := r.engine.heldPlan(ctx, held)
	if err != nil {
		return err
	}
	return r.apply(ctx, p.sheet, p.seal)
}

// heldPlan is a plan that may be applied.
type heldPlan struct {
	sync  *project.Sync
	sheet *changeset
	seal  seal
}

// heldPlan opens the plan of a held run. Its error wraps ErrApproval where it may not be applied.
func (e *Engine) heldPlan(ctx context.Context, id string) (*heldPlan, error) {
	held, err := e.runs.Run(ctx, id)
	if err != nil {
		return nil, err
	}
	if held.State != runlog.Held {
		return nil, notApproved("run %s was not held: it is %s", held.ID, held.State)
	}
	s, ok := e.project.Sync(held.Sync)
	if !ok {
		return nil, notApproved("the project has no sync %s any more", held.Sync)
	}
	if age := e.now().Sub(heldSince(held)); age > approvalPeriod {
		return nil, notApproved("it was held %s ago, and a plan may be approved for 24 hours; run %s again", age.Round(time.Minute), s.Name)
	}
	sheet, sealed, err := openChangeset(e.planFile(held.ID))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, notApproved("its plan is gone: a later run of %s took its place, or it was approved before", s.Name)
	}
	if err != nil {
		return nil, notApproved("%w", err)
	}
	if err := e.approvable(ctx, s, sealed); err != nil {
		return nil, errors.Join(err, sheet.close())
	}
	return &heldPlan{sync: s, sheet: sheet, seal: sealed}, nil
}

func (e *Engine) approvable(ctx context.Context, s *project.Sync, sealed seal) error {
	if s.ConfigHash != sealed.ConfigHash {
		return notApproved("the configuration of %s changed since; run it again for a new plan", s.Name)
	}
	view, err := e.store.View(ctx, s.Name)
	if err != nil {
		return ofState(fmt.Errorf("open the snapshot of %s: %w", s.Name, err))
	}
	version, err := view.Version(ctx)
	if err = errors.Join(err, ofState(view.Close())); err != nil {
		return fmt.Errorf("version of the snapshot of %s: %w", s.Name, err)
	}
	if version != sealed.Snapshot {
		return notApproved("the snapshot of %s moved since; run it again for a new plan", s.Name)
	}
	return nil
}

// apply sends a plan that was held.
func (r *runner) apply(ctx context.Context, sheet *changeset, sealed seal) (err error) {
	session, err := r.engine.store.Begin(ctx, r.sync.Name)
	if err != nil {
		return errors.Join(ofState(fmt.Errorf("open the snapshot of %s: %w", r.sync.Name, err)), sheet.close())
	}
	defer func() { err = errors.Join(err, ofState(session.Close())) }()
	var route *route
	d, err := r.engine.Destination(ctx, r.sync.Destination)
	if err == nil {
		route, err = newRoute(ctx, r.sync, r.engine.sourceFile(r.sync), d)
	}
	if err != nil {
		return errors.Join(err, sheet.close()) // nothing was sent: the plan may still be approved
	}
	r.run.Counts, r.run.Outcomes = sealed.Counts, sealed.Outcomes
	return errors.Join(r.send(ctx, route, session, sheet, sealed), sheet.discard())
}

func heldSince(r runlog.Run) time.Time {
	if r.FinishedAt != nil {
		return *r.FinishedAt
	}
	return r.StartedAt
}

// dropHeldPlans removes the plans of earlier held runs of a sync: its newest run takes their place.
func (e *Engine) dropHeldPlans(ctx context.Context, sync string) error {
	held, err := e.runs.Runs(ctx, runlog.Filter{Sync: sync, State: runlog.Held, Limit: 1000})
	if err != nil {
		return err
	}
	for _, r := range held {
		if err := os.Remove(e.planFile(r.ID)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove the plan of held run %s: %w", r.ID, err)
		}
	}
	return nil
}

// sweepPlans removes the plans that no held run can use any more: those of runs that a crash cut off, and those that
// are too old.
func (e *Engine) sweepPlans(ctx context.Context) error {
	entries, err := os.ReadDir(planDir(e.dir))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("look for plans of earlier runs: %w", err)
	}
	for _, entry := range entries {
		id, ok := strings.CutSuffix(entry.Name(), ".plan")
		if !ok {
			continue
		}
		run, err := e.runs.Run(ctx, id)
		if err == nil && (!run.State.Terminal() || run.State == runlog.Held && e.now().Sub(heldSince(run)) <= approvalPeriod) {
			continue
		}
		if err != nil && !errors.Is(err, runlog.ErrNotFound) {
			return err
		}
		if err := os.Remove(filepath.Join(planDir(e.dir), entry.Name())); err != nil {
			return fmt.Errorf("remove the plan of run %s: %w", id, err)
		}
	}
	return nil
}

// createScratchChangeset makes a changeset outside the state directory, for a plan that is only looked at. One that
// comes to nothing writes nothing.
func createScratchChangeset() (*changeset, error) {
	out := newBehind(nil)
	out.open = func() (*os.File, error) { return unnamedFile("") }
	return newChangeset(out, "")
}
