package syncer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"spillway/destinations"
	"spillway/diffstore"
	"spillway/mappings"
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

	void    map[string]bool
	hashes  claims
	due     int64
	line    *line  // that the batches of the present step go through
	batch   *batch // that is being filled, or nil
	bytes   int    // of its records, about
	flights *flights

	mu      sync.Mutex
	counts  runlog.Counts
	settled int64
	stuck   int           // batches in a row without a verdict
	stop    error         // why nothing more is sent
	stopped chan struct{} // closed with it

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
	sheet.whole = route.object.JSON
	s := &sender{
		sync: r.sync, route: route, session: session, sheet: sheet, rows: uninterrupted{r.recorder}, log: r.log, observer: r.engine.observer,
		allRows: r.engine.project.Runlog.Rows == "all", now: r.engine.now, meter: &destinations.Meter{}, void: map[string]bool{}, hashes: newClaims(),
		counts: r.run.Counts, due: r.run.Due() - r.run.Quarantined, stopped: make(chan struct{}), missed: map[uint64]bool{}, flights: newFlights(),
	}
	if per := r.sync.Delivery.Rate.PerSecond(); per > 0 {
		s.limiter = rate.NewLimiter(rate.Limit(per), 1)
	}
	err := s.deliver(ctx, sealed.Doubtful)
	usage := s.meter.Usage()
	r.run.Counts = s.counts
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
			s.void[i.Key] = true
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
		for i, err := range s.sheet.items(step) {
			if err != nil {
				return err
			}
			if i.Batch != (diffstore.Token{}) || again != (i.Verdict == diffstore.Carried) {
				continue
			}
			if err := s.offer(ctx, i); err != nil {
				return err
			}
		}
		if err := s.flush(ctx); err != nil {
			return err
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
		if err := s.offer(ctx, i); err != nil {
			return err
		}
	}
	return s.flush(ctx)
}

// offer puts an item into the batch that is being filled, sending it when it is full. No identifier and no key stands
// twice in a batch.
func (s *sender) offer(ctx context.Context, i item) error {
	switch {
	case i.Step == write && s.void[i.Key]:
		return nil
	case i.Quarantined:
		return s.rows.Rows(ctx, s.now(), quarantinedRow(&i))
	case i.Step == remove && s.missed[s.hashes.id(i.Folded)]:
		// It is the answers to the writes that decide who stands under an identifier (invariant 5).
		return s.conclude(ctx, []item{i}, sameResult(1, destinations.Result{
			Status: destinations.Deferred, Code: codeNotSent, Reason: "a record that was to move away from this identifier, or to it, was not accepted",
		}))
	}
	if i.Partial {
		if s.crowd.has(s.hashes.id(i.Folded)) {
			i.Partial = false
		} else {
			s.route.shorten(&i)
		}
	}
	size := s.sizeOf(&i)
	if s.batch != nil && (s.full(size) || !s.flights.take(s.batch, &i)) {
		if err := s.flush(ctx); err != nil {
			return err
		}
	}
	if s.batch == nil {
		s.batch = s.line.next()
		s.flights.await(s.batch, &i)
	}
	s.batch.items = append(s.batch.items, i)
	s.bytes += size
	return nil
}

// full reports whether the batch has no room for a record of this size.
func (s *sender) full(size int) bool {
	return len(s.batch.items) >= s.route.batch || s.route.object.MaxBytes > 0 && s.bytes+size > s.route.object.MaxBytes
}

// sizeOf returns about how many bytes a record takes, or 0 where that does not matter.
func (s *sender) sizeOf(i *item) int {
	if s.route.object.MaxBytes == 0 {
		return 0
	}
	n := len(i.Key) + len(i.ID) + 2*len(i.Stored) + 32
	for _, f := range i.Fields {
		n += len(f.Name) + mappings.ValueSize(f.Value) + 4
	}
	return n
}

// flush sends the batch on its way.
func (s *sender) flush(ctx context.Context) error {
	if s.batch == nil {
		return nil
	}
	b := s.batch
	s.batch, s.bytes = nil, 0
	reason := s.halted()
	if reason == nil {
		s.line.filled <- b
		return nil
	}
	err := s.conclude(ctx, b.items, notSent(len(b.items), reason))
	s.line.release(b)
	return err
}

// write sends a batch when its turn has come, unless the run was stopped by then.
func (s *sender) write(ctx context.Context, b *batch) {
	s.pace()
	if reason := s.halted(); reason != nil {
		b.results = notSent(len(b.items), reason)
		return
	}
	request, err := s.request(b)
	if err != nil {
		s.halt(err)
		b.results = notSent(len(b.items), err)
		return
	}
	b.sent = true
	results, err := s.route.destination.Write(ctx, request)
	b.results = s.interpret(len(b.items), results, err)
}

// pace waits for the next batch's turn at the sync's own rate, or until nothing more is sent.
func (s *sender) pace() {
	if s.limiter == nil {
		return
	}
	turn := time.NewTimer(s.limiter.Reserve().Delay())
	defer turn.Stop()
	select {
	case <-turn.C:
	case <-s.stopped:
	}
}

func (s *sender) request(b *batch) (destinations.Batch, error) {
	r := destinations.Batch{
		Sync: s.sync.Name, Object: s.sync.Object, Op: b.items[0].Op, Identifier: s.sync.Identifier,
		Records: make([]destinations.Record, len(b.items)), Attempts: s.sync.Retry.Attempts, Meter: s.meter,
	}
	for n := range b.items {
		i := &b.items[n]
		r.Records[n] = destinations.Record{Key: i.Key, ID: i.ID, Fields: i.Fields, Token: tokenText(i, b.tokens[n])}
	}
	if !s.sheet.whole {
		return r, nil
	}
	return r, s.addJSON(b.items, r.Records)
}

// addJSON gives records the fields that were left as they are stored, all of them in one piece of memory.
func (s *sender) addJSON(items []item, records []destinations.Record) error {
	size := 0
	for n := range items {
		size += 2 * len(items[n].Stored)
	}
	text := make([]byte, 0, size)
	for n := range items {
		i := &items[n]
		if i.Stored == "" {
			continue
		}
		from := len(text)
		var err error
		if text, err = i.appendJSON(text, s.sheet.names); err != nil {
			return fmt.Errorf("read the staged plan: %w", err)
		}
		records[n].JSON = text[from:len(text):len(text)]
	}
	return nil
}

// settleLeaves forgets, or marks as left, what needs no sending. A run that was stopped leaves it to the next.
func (s *sender) settleLeaves(ctx context.Context) error {
	if s.stopReason() != nil {
		return nil
	}
	outcome := diffstore.Gone
	if s.sync.Mode == destinations.Insert {
		outcome = diffstore.Left // a key once accepted is never sent again
	}
	fates := make([]diffstore.Fate, 0, chunkRows)
	settle := func() error {
		defer func() { fates = fates[:0] }()
		if len(fates) == 0 {
			return nil
		}
		if err := s.session.Settle(ctx, fates); err != nil {
			return ofState(fmt.Errorf("settle what left the source: %w", err))
		}
		return nil
	}
	for i, err := range s.sheet.items(leave) {
		if err != nil {
			return err
		}
		f := diffstore.Fate{Key: i.Key, ID: i.Folded, Outcome: outcome, At: s.now()}
		if i.Folded != "" {
			if s.missed[s.hashes.id(i.Folded)] {
				continue // the key that was to stand under this identifier does not yet
			}
			f.Outcome = diffstore.Gone
		}
		if fates = append(fates, f); len(fates) == chunkRows {
			if err := settle(); err != nil {
				return err
			}
		}
	}
	return settle()
}

func (s *sender) halt(reason error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stop == nil {
		s.stop = reason
		close(s.stopped)
	}
}

// stopReason says why nothing more is sent, if so.
func (s *sender) stopReason() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stop
}

// halted says why the next batch of this step is not sent, if it is not.
func (s *sender) halted() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stop == nil && s.stuck >= patience {
		return errStuck
	}
	return s.stop
}
