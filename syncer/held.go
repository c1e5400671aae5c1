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
	held, err := e.runs.Run(ctx, id)
	if err != nil {
		return runlog.Run{}, err
	}
	if held.State != runlog.Held {
		return runlog.Run{}, notApproved("run %s was not held: it is %s", held.ID, held.State)
	}
	s, ok := e.project.Sync(held.Sync)
	if !ok {
		return runlog.Run{}, notApproved("the project has no sync %s any more", held.Sync)
	}
	if age := e.now().Sub(heldSince(held)); age > approvalPeriod {
		return runlog.Run{}, notApproved("it was held %s ago, and a plan may be approved for 24 hours; run %s again", age.Round(time.Minute), s.Name)
	}
	sheet, sealed, err := openChangeset(e.planFile(held.ID))
	if errors.Is(err, fs.ErrNotExist) {
		return runlog.Run{}, notApproved("its plan is gone: a later run of %s took its place, or it was approved before", s.Name)
	}
	if err != nil {
		return runlog.Run{}, notApproved("%w", err)
	}
	if err := e.approvable(ctx, s, sealed); err != nil {
		return runlog.Run{}, errors.Join(err, sheet.close())
	}
	r, err := e.begin(ctx, s, runlog.ByApprove)
	if err != nil {
		return runlog.Run{}, errors.Join(err, sheet.close())
	}
	return r.conclude(ctx, r.apply(ctx, sheet, sealed))
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
	r.run.Counts = sealed.Counts
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
		if err == nil && run.State == runlog.Held && e.now().Sub(heldSince(run)) <= approvalPeriod {
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
