package syncer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"spillway/destinations"
	"spillway/diffstore"
	"spillway/syncer/runlog"
)

// interpret makes one result a record of what Write returned, and decides whether sending goes on.
func (s *sender) interpret(records int, results []destinations.Result, err error) []destinations.Result {
	stop := err != nil && (halting(err) || results != nil)
	switch {
	case err != nil && results == nil:
		results = sameResult(records, resultOf(err))
	case len(results) != records:
		s.log.Error("the destination answered for another number of records than were sent", "object", s.sync.Object,
			"records", records, "results", len(results))
		results = sameResult(records, destinations.Result{
			Code: "answer_mismatch", Reason: fmt.Sprintf("%d records were sent and %d results came back", records, len(results)),
		})
	}
	if err != nil {
		s.log.Warn("batch failed", "object", s.sync.Object, "code", FailureCode(err))
	}
	if stop {
		s.halt(err)
	}
	s.watch(results)
	return results
}

// resultOf is what an error of a whole batch means for each of its records.
func resultOf(err error) destinations.Result {
	r := destinations.Result{Status: destinations.Unknown, Code: FailureCode(err), Reason: err.Error()}
	if halting(err) && !errors.Is(err, context.Canceled) {
		r.Status = destinations.Deferred
	}
	return r
}

// halting reports whether err stands against every further batch too.
func halting(err error) bool {
	for _, kind := range []error{
		destinations.ErrAuth, destinations.ErrUnreachable, destinations.ErrConfig, destinations.ErrNoObject, context.Canceled,
	} {
		if errors.Is(err, kind) {
			return true
		}
	}
	return false
}

// watch counts batches without a verdict: see patience.
func (s *sender) watch(results []destinations.Result) {
	verdicts := false
	for _, r := range results {
		verdicts = verdicts || r.Status == destinations.Accepted || r.Status == destinations.Rejected
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if verdicts {
		s.stuck = 0
		return
	}
	s.stuck++
}

// settle records the verdicts on batches in the snapshot (invariant 1). A record without one stays in doubt.
func (s *sender) settle(ctx context.Context, group []*batch) error {
	now := s.now()
	fates := s.fates[:0]
	for _, b := range group {
		at := now
		if !b.sent {
			at = time.Time{}
		}
		for n := range b.results {
			fates = s.appendFates(fates, &b.items[n], b.tokens[n], &b.results[n], at)
		}
	}
	if len(fates) == 0 {
		return nil
	}
	s.fates = fates
	defer clear(fates) // whose texts are of items
	if err := s.session.Settle(ctx, fates); err != nil {
		return ofState(fmt.Errorf("record what the destination answered: %w", err))
	}
	return nil
}

func (s *sender) appendFates(fates []diffstore.Fate, i *item, token diffstore.Token, r *destinations.Result, at time.Time) []diffstore.Fate {
	f := diffstore.Fate{Key: i.Key, Token: token, Code: r.Code, At: at}
	if i.Step == remove {
		f.ID = i.Folded
	}
	switch {
	case r.Status == destinations.Accepted && i.Step == remove:
		f.Outcome = diffstore.Gone
	case r.Status == destinations.Accepted:
		f.Outcome = diffstore.Taken
	case r.Status == destinations.Rejected:
		f.Outcome = diffstore.Refused
	case r.Status == destinations.Deferred && !r.Doubt:
		f.Outcome = diffstore.Returned
	default:
		return fates
	}
	fates = append(fates, f)
	if f.Outcome == diffstore.Taken && s.sync.OnRemoved == onRemovedIgnore {
		for _, id := range i.Old { // the record under the former identifier stays as it is
			fates = append(fates, diffstore.Fate{Key: i.Key, ID: id, Outcome: diffstore.Gone, At: at})
		}
	}
	return fates
}

// conclude counts the outcomes and writes them into the run log, as far as it keeps them.
func (s *sender) conclude(ctx context.Context, items []item, results []destinations.Result) error {
	var rows []runlog.Row
	s.mu.Lock()
	for n := range results {
		i, r := &items[n], &results[n]
		outcome := outcomeOf(r.Status)
		s.counts.Count(outcome, 1)
		s.outcomes.Add(kindOf(i), outcome, 1)
		if i.Step == write && r.Status != destinations.Accepted {
			s.miss(i)
		}
		if outcome != runlog.RowAccepted || s.allRows {
			rows = append(rows, runlog.Row{
				Key: i.Key, ID: i.ID, Op: string(i.Op), Outcome: outcome, Code: r.Code, Reason: r.Reason, Untried: r.Code == codeNotSent || r.Code == CodeKeyless,
			})
		}
	}
	s.settled += int64(len(items))
	done := s.settled
	s.mu.Unlock()
	for _, row := range rows {
		if row.Outcome == runlog.RowRejected {
			s.log.Debug("record rejected", "object", s.sync.Object, "key", row.Key, "code", row.Code)
		}
	}
	s.observer.Sent(s.sync.Name, done, s.due)
	if len(rows) == 0 {
		return nil
	}
	return s.rows.Rows(ctx, s.now(), rows...)
}

// miss remembers a write that was not accepted: the identifier that it was to take over stays with its former key, and
// those that it was to move away from stay in use.
func (s *sender) miss(i *item) {
	for _, id := range append([]string{i.Folded}, i.Old...) {
		h := s.hashes.id(id)
		if _, matters := s.missed[h]; matters {
			s.missed[h] = true
		}
	}
}

func outcomeOf(s destinations.Status) runlog.Outcome {
	switch s {
	case destinations.Accepted:
		return runlog.RowAccepted
	case destinations.Rejected:
		return runlog.RowRejected
	case destinations.Deferred:
		return runlog.RowDeferred
	case destinations.Unknown:
	}
	return runlog.RowUnknown
}

// notSent is the result of records that no request was made for.
func notSent(n int, reason error) []destinations.Result {
	return sameResult(n, destinations.Result{Status: destinations.Deferred, Code: codeNotSent, Reason: "not sent: " + reason.Error()})
}

// codeNotSent is the code of operations that no request was made for.
const codeNotSent = "not_sent"

func sameResult(n int, r destinations.Result) []destinations.Result {
	results := make([]destinations.Result, n)
	for i := range results {
		results[i] = r
	}
	return results
}
