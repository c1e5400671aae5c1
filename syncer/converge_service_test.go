package syncer

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"spillway/destinations"
)

// faults says how often, in percent, what goes wrong.
type faults struct{ lost, refused, deferred, doubtful, broken, fatal, cancelled int }

// answer is the service at its worst.
func (h *history) answer(ctx context.Context, b destinations.Batch) ([]*destinations.Result, error) {
	if err := h.life.tick(); err != nil {
		return nil, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.mayRemove(b)
	results, err := h.verdicts(b)
	for n, rec := range b.Records {
		outcome := "no verdict"
		if results != nil && n < len(results) {
			outcome = "accepted"
			if results[n] != nil {
				outcome = results[n].Status.String()
			}
		}
		h.note("sent %s %s %s %v token %.6s: %s %v", b.Op, rec.Key, rec.ID, texts(rec.Fields)["score"], rec.Token, outcome, err)
	}
	if h.chance(h.faults.cancelled) {
		h.cancel()
		if h.chance(50) {
			return results, errors.Join(err, ctx.Err())
		}
	}
	return results, err
}

func (h *history) verdicts(b destinations.Batch) ([]*destinations.Result, error) {
	results := make([]*destinations.Result, len(b.Records))
	switch {
	case h.chance(h.faults.lost):
		for n := range results {
			h.perhaps(b, n)
			results[n] = &destinations.Result{}
		}
		if h.chance(30) {
			return nil, errors.New("the connection was reset")
		}
		return results, nil
	case h.chance(h.faults.fatal):
		kind := []error{destinations.ErrAuth, destinations.ErrUnreachable, destinations.ErrConfig}[h.rand.IntN(3)]
		return nil, fmt.Errorf("fatal: %w", kind)
	case h.chance(h.faults.broken):
		for n := h.rand.IntN(len(results) + 1); n < len(results); n++ {
			results[n] = &destinations.Result{Status: destinations.Deferred}
		}
		return results, fmt.Errorf("half-way: %w", destinations.ErrUnreachable)
	}
	for n := range results {
		switch {
		case h.chance(h.faults.refused):
			results[n] = &destinations.Result{Status: destinations.Rejected, Code: "no", Reason: "no"}
		case h.chance(h.faults.doubtful):
			h.perhaps(b, n)
			results[n] = &destinations.Result{Status: destinations.Deferred, Doubt: true}
		case h.chance(h.faults.deferred):
			results[n] = &destinations.Result{Status: destinations.Deferred}
		default:
			if b.Op == destinations.Upsert {
				h.homes[b.Records[n].Key] = b.Records[n].ID
			}
		}
	}
	return results, nil
}

// perhaps is the fate of a record without an answer: it arrives now, later, or never.
func (h *history) perhaps(b destinations.Batch, n int) {
	op, rec := b.Op, b.Records[n]
	rec.Fields = slices.Clone(rec.Fields)
	switch h.rand.IntN(3) {
	case 0:
		h.w.remote.apply(op, rec)
	case 1:
		h.late = append(h.late, func() { h.w.remote.apply(op, rec) })
	}
}

func (h *history) chance(percent int) bool { return h.rand.IntN(100) < percent }

// mayRemove notes a removal that touches the record of a row that is present.
func (h *history) mayRemove(b destinations.Batch) {
	if b.Op != destinations.Delete {
		return
	}
	rows := h.rows
	if rows == nil {
		rows = h.heldAt
	}
	if slices.ContainsFunc(rows, keyless) && !h.w.sync.Guard.AllowKeyless {
		h.t.Errorf("%d records are removed while rows have no key", len(b.Records))
	}
	at := h.standing()
	for _, rec := range b.Records {
		owners := slices.DeleteFunc(at[rec.ID], func(o person) bool {
			// A row that was inserted stays where it is, whatever identifier it has now.
			return h.w.sync.Mode == destinations.Insert && h.w.remote.name(rec.ID) != fmt.Sprint(o.Key)
		})
		if len(owners) > 0 {
			h.t.Errorf("the removal of %s for %s touches the record of %v", rec.ID, rec.Key, owners)
		}
		for _, p := range slices.DeleteFunc(slices.Clone(rows), keyless) {
			key := fmt.Sprint(p.Key)
			delivered := h.homes[key] == rec.ID && h.w.remote.name(rec.ID) == key
			if delivered && !slices.ContainsFunc(at[p.Email], func(o person) bool { return o.Key == p.Key }) {
				h.t.Errorf("the removal of %s for %s touches the record of %s, which is present but invalid", rec.ID, rec.Key, key)
			}
		}
	}
}
