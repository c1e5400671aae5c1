package syncer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"spillway/destinations"
	"spillway/diffstore"
	"spillway/syncer/project"
	"spillway/syncer/runlog"
)

const (
	// grace is how long requests in flight may go on after the run was interrupted.
	grace = 12 * time.Second
	// patience is after how many batches in a row without a single verdict a run sends no more writes, or removals.
	patience = 5
)

// sender delivers a sealed plan: steps 6 to 8 of a row's way.
type sender struct {
	sync     *project.Sync
	route    *route
	session  diffstore.Session
	sheet    *changeset
	rows     rowLog
	allRows  bool // the run log keeps rows that were accepted too
	log      *slog.Logger
	observer Observer
	now      func() time.Time
	limiter  *rate.Limiter
	meter    *destinations.Meter
	sampler  *sampler

	void    map[string]bool
	hashes  claims
	members []string // the names of fields, as they stand in JSON before their values
	waiting bool     // removals are not sent
	due     int64
	line    *line  // that the batches of the present step go through
	batch   *batch // that is being filled, or nil
	bytes   int    // of its records, about
	flights *flights
	fates   []diffstore.Fate // of no use, but for its memory; of the stage that settles

	mu       sync.Mutex
	counts   runlog.Counts
	outcomes runlog.Matrix
	settled  int64
	stuck    int           // batches in a row without a verdict
	stop     error         // why nothing more is sent
	stopped  chan struct{} // closed with it

	// missed tells of each identifier that is to be removed or handed over, by its hash, whether a write that was to
	// move away from it or to it was not accepted. It has no others, and none is added while sending.
	missed map[uint64]bool
	crowd  *crowd // nil where records are sent whole anyway
}

// send delivers the plan and keeps the run's counts up to date.
func (r *runner) send(ctx context.Context, route *route, session diffstore.Session, sheet *changeset, sealed seal) error {
	if err := r.phase(ctx, runlog.Sending); err != nil {
		return err
	}
	sheet.whole, sheet.lasting = route.object.JSON, true
	s := &sender{
		sync: r.sync, route: route, session: session, sheet: sheet, rows: uninterrupted{r.recorder}, log: r.log, observer: r.engine.observer,
		allRows: r.engine.project.Runlog.Rows == "all", now: r.engine.now, meter: r.meter(), sampler: r.sampler(), void: map[string]bool{}, hashes: newClaims(), waiting: sealed.Waiting,
		counts: r.run.Counts, outcomes: r.run.Outcomes, due: r.run.Due() - r.run.Quarantined, stopped: make(chan struct{}), missed: map[uint64]bool{}, flights: newFlights(),
	}
	if sheet.whole {
		s.members = membersOf(sheet.names)
	}
	if per := r.sync.Delivery.Rate.PerSecond(); per > 0 {
		s.limiter = rate.NewLimiter(rate.Limit(per), 1)
	}
	err := s.deliver(ctx, sealed.Doubtful)
	usage := s.meter.Usage()
	r.run.Counts, r.run.Outcomes = s.counts, s.outcomes
	r.run.Requests, r.run.Retries, r.run.BytesSent = usage.Requests, usage.Retries, usage.Bytes
	r.run.ThrottledMS = usage.Throttled.Milliseconds()
	if err != nil {
		return err
	}
	if err := r.phase(ctx, runlog.Settling); err != nil {
		return err
	}
	return s.verdict()
}

// verdict is the run's failure, if the destination gave one.
func (s *sender) verdict() error {
	err := s.stopReason()
	switch {
	case err == nil:
		return nil
	case errors.Is(err, destinations.ErrUnreachable) && s.counts.Accepted+s.counts.Rejected > 0:
		return nil // it failed half-way: the run is partial
	case errors.Is(err, errInterrupted):
		return nil
	}
	if FailureCode(err) == CodeInternal {
		err = &destinations.Error{Message: err.Error()}
	}
	return fmt.Errorf("destination %s, object %s: %w", s.sync.Destination, s.sync.Object, err)
}

var (
	errStuck       = errors.New("the destination gave no verdict on any record for a while; the rest waits for the next run")
	errInterrupted = errors.New("the run was interrupted")
)

// deliver sends writes, then removals, then settles what needs no sending. A removal starts only after every write
// is settled. A destination that gives no verdict on writes may still give some on removals.
func (s *sender) deliver(ctx context.Context, doubtful bool) error {
	if err := s.load(); err != nil {
		return err
	}
	sending, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	interrupted := context.AfterFunc(ctx, func() {
		s.halt(errInterrupted)
		timer := time.AfterFunc(grace, cancel)
		context.AfterFunc(sending, func() { timer.Stop() })
	})
	defer interrupted()
	for _, step := range []step{write, remove} {
		s.line = newLine(sending, s)
		if err := errors.Join(s.sendAll(sending, step, doubtful), s.line.end()); err != nil {
			return err
		}
		s.stuck = 0
	}
	return s.settleLeaves(context.WithoutCancel(ctx))
}

// load reads what must be known before the first batch.
func (s *sender) load() error {
	wanted := []step{void, remove, leave}
	if s.sync.Delivery.Fields == project.ChangedFields {
		s.crowd, wanted = newCrowd(), append(wanted, write)
	}
	for i, err := range s.sheet.items(wanted...) {
		switch {
		case err != nil:
			return err
		case i.Step == write:
			s.crowd.add(s.hashes.id(i.Folded))
		case i.Step == void:
			s.void[strings.Clone(i.Key)] = true
		case i.Folded != "":
			s.missed[s.hashes.id(i.Folded)] = false
		}
	}
	return nil
}

// sendAll sends the operations of a step. Those that were tried before come after the others, and those in doubt last,
// so that rows which never get a verdict do not keep the rest from being sent (invariant 8).
func (s *sender) sendAll(ctx context.Context, step step, doubtful bool) error {
	for _, again := range []bool{false, true} {
		skipped := false
		for i, err := range s.sheet.operations(step) {
			switch {
			case err != nil:
				return err
			case again != (i.Verdict == diffstore.Carried):
				skipped = true
				continue
			case i.Batch != (diffstore.Token{}):
				continue
			}
			if err := s.offer(ctx, i); err != nil {
				return err
			}
		}
		if err := s.flush(ctx); err != nil {
			return err
		}
		if !skipped {
			break
		}
	}
	if !doubtful {
		return nil
	}
	return s.sendDoubtful(ctx, step)
}

// sendDoubtful sends what is in doubt in the batches in which it was sent before.
func (s *sender) sendDoubtful(ctx context.Context, step step) error {
	var group diffstore.Token
	for i, err := range s.sheet.doubtful(step) {
		if err != nil {
			return err
		}
		if i.Batch != group {
			if err := s.flush(ctx); err != nil {
				return err
			}
			group = i.Batch
		}
		if err := s.offer(ctx, &i); err != nil {
			return err
		}
	}
	return s.flush(ctx)
}
