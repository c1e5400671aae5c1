package syncer

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"spillway/syncer/runlog"
)

// Review is the plan of a held run, for people who decide about it.
type Review struct {
	Run     runlog.Run
	Stale   string    // why it cannot be approved; empty: it can
	Until   time.Time // it can be approved
	Rows    []ReviewedRow
	Next    int              // where the next page begins; 0: there is none
	Fields  map[string]int64 // changed rows by field
	Waiting bool             // the removals are not sent
	Partial bool             // Fields counts the first rows of a long plan alone
}

// ReviewedRow is one operation of a held plan.
type ReviewedRow struct {
	Sample
	ID          string // the identifier
	Quarantined bool   // it is not sent
}

// reviewedRows is how many operations of a plan are looked through for the fields that they change.
const reviewedRows = 200_000

// Review reads the plan of a held run: most of its operations from a place on. shown says of which fields the values may
// be shown; nil shows none. Where the plan itself is gone, Stale says so and there are no rows. Its error wraps ErrApproval
// where the run was not held.
func (e *Engine) Review(ctx context.Context, id string, from, most int, shown func(field string) bool) (v Review, err error) {
	if v.Run, err = e.runs.Run(ctx, id); err != nil {
		return v, err
	}
	if v.Run.State != runlog.Held {
		return v, notApproved("run %s was not held: it is %s", v.Run.ID, v.Run.State)
	}
	v.Until, v.Fields = heldSince(v.Run).Add(approvalPeriod), map[string]int64{}
	if _, err := e.Approvable(ctx, v.Run.ID); errors.Is(err, ErrApproval) {
		v.Stale = strings.TrimPrefix(err.Error(), ErrApproval.Error()+": ")
	} else if err != nil {
		return v, err
	}
	sheet, sealed, err := openChangeset(e.planFile(v.Run.ID))
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, errPlan) { // Stale says it
		return v, nil
	}
	if err != nil {
		return v, ofState(err)
	}
	defer func() { err = errors.Join(err, sheet.close()) }()
	v.Waiting = sealed.Waiting
	return v, v.read(ctx, sheet, from, most, shown)
}

// read goes through a plan: removals first, as they are what cannot be undone.
func (v *Review) read(ctx context.Context, sheet *changeset, from, most int, shown func(field string) bool) error {
	voided := map[string]bool{}
	for i, err := range sheet.items(void) {
		if err != nil {
			return err
		}
		voided[strings.Clone(i.Key)] = true
	}
	n := 0
	for _, kind := range []step{remove, write} {
		for i, err := range sheet.items(kind) {
			switch {
			case err != nil:
				return err
			case ctx.Err() != nil:
				return context.Cause(ctx)
			case kind == write && voided[i.Key]:
				continue
			}
			if n++; n > max(reviewedRows, from+most) {
				v.Partial = true
				return nil
			}
			for _, field := range i.Changed {
				v.Fields[strings.Clone(field)]++
			}
			switch {
			case n <= from:
			case len(v.Rows) == most:
				v.Next = from + most
			default:
				row, err := reviewed(&i, shown)
				if err != nil {
					return err
				}
				v.Rows = append(v.Rows, row)
			}
		}
	}
	return nil
}

func reviewed(i *item, shown func(field string) bool) (ReviewedRow, error) {
	sample, err := newSample(i, kindOf(i))
	if err != nil {
		return ReviewedRow{}, err
	}
	sample.reveal(func(field string) bool { return shown != nil && shown(field) })
	return ReviewedRow{Sample: sample, ID: strings.Clone(i.ID), Quarantined: i.Quarantined}, nil
}

// Discard throws the plan of a held run away, so that it cannot be approved any more, and records the run as cancelled. Its
// error wraps ErrApproval where the run was not held.
func (e *Engine) Discard(ctx context.Context, id, by string) (runlog.Run, error) {
	run, err := e.runs.Run(ctx, id)
	if err != nil {
		return runlog.Run{}, err
	}
	if run.State != runlog.Held {
		return runlog.Run{}, notApproved("run %s was not held: it is %s", run.ID, run.State)
	}
	if err := os.Remove(e.planFile(run.ID)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return runlog.Run{}, ofState(fmt.Errorf("discard the plan of run %s: %w", run.ID, err))
	}
	why := "its plan was discarded by " + by
	if run.Error != nil {
		why += "; it was held because " + run.Error.Message
	}
	run.State, run.Error = runlog.Cancelled, &runlog.Failure{Code: CodeGuard, Message: why}
	return run, e.runs.Withdraw(ctx, run)
}
