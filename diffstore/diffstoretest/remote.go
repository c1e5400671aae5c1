package diffstoretest

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"

	"spillway/diffstore"
)

// answer is what the remote says of one record. The zero answer is none.
type answer uint8

const (
	silent answer = iota
	accepted
	refused
	deferred
)

// record is what the remote holds under an identifier.
type record struct {
	key, value string
	foreign    bool // put there by somebody else
}

// remote is a service that finds records by identifier, takes each idempotency key once, and may fail in every way.
type remote struct {
	rand    *rand.Rand
	faults  faults
	records map[string]record
	applied map[diffstore.Token]bool // idempotency keys that were spent
	late    []func()                 // requests that arrive at the end of the run
	sent    int

	touched map[string]bool // identifiers that a write was, or may have been, applied to
	guard   func(id string) error
	broken  error // the first thing that must not happen
	note    func(format string, args ...any)
}

// faults says how often, in percent, what goes wrong.
type faults struct{ lost, half, refused, deferred int }

func newRemote(r *rand.Rand) *remote {
	return &remote{rand: r, records: map[string]record{}, applied: map[diffstore.Token]bool{}, touched: map[string]bool{}}
}

// write answers for the records of a batch in order. With stop, no further batch is to be sent.
func (r *remote) write(batch []call, tokens []diffstore.Token) (answers []answer, stop bool) {
	r.check(batch, tokens)
	answers = make([]answer, len(batch))
	answered := len(batch)
	switch {
	case r.chance(r.faults.lost):
		answered = 0
	case r.chance(r.faults.half):
		answered, stop = r.rand.IntN(len(batch)+1), true
	}
	for i, c := range batch {
		r.sent++
		if i >= answered {
			r.perhaps(c, tokens[i])
			continue
		}
		switch {
		case r.chance(r.faults.refused):
			answers[i] = refused
		case r.chance(r.faults.deferred):
			answers[i] = deferred
		default:
			answers[i] = accepted
			r.apply(c, tokens[i])
		}
	}
	for i, c := range batch {
		r.note("sent %v removal=%v token %x: answer %d", c.row, c.attempt.Removal, tokens[i][:2], answers[i])
	}
	return answers, stop
}

// perhaps is the fate of a request without an answer: it arrives now, later, or never.
func (r *remote) perhaps(c call, token diffstore.Token) {
	r.doubt([]call{c})
	switch r.rand.IntN(3) {
	case 0:
		r.apply(c, token)
	case 1:
		r.late = append(r.late, func() { r.apply(c, token) })
	}
}

// doubt notes that nobody can know whether the batch was applied.
func (r *remote) doubt(batch []call) {
	for _, c := range batch {
		if !c.attempt.Removal {
			r.touched[c.row.id] = true
		}
	}
}

func (r *remote) apply(c call, token diffstore.Token) {
	if r.applied[token] {
		return // a repetition
	}
	r.applied[token] = true
	if c.attempt.Removal {
		delete(r.records, c.row.id)
		return
	}
	r.touched[c.row.id] = true
	r.records[c.row.id] = record{key: c.row.key, value: c.row.value}
}

// settle lets the late requests of a run arrive.
func (r *remote) settle() {
	for _, apply := range r.late {
		apply()
	}
	r.late = nil
}

// check notes a batch that must never be sent.
func (r *remote) check(batch []call, tokens []diffstore.Token) {
	ids := map[string]bool{}
	for i, c := range batch {
		switch {
		case ids[c.row.id]:
			r.breaks("identifier %s stands twice in a batch", c.row.id)
		case tokens[i] == diffstore.Token{}:
			r.breaks("the attempt on key %s has no token", c.row.key)
		case c.attempt.Removal && !r.touched[c.row.id]:
			r.breaks("the removal of %s touches a record that was never delivered", c.row.id)
		case c.attempt.Removal:
			if err := r.guard(c.row.id); err != nil {
				r.breaks("%w", err)
			}
		}
		ids[c.row.id] = true
	}
}

func (r *remote) breaks(format string, args ...any) {
	if r.broken == nil {
		r.broken = fmt.Errorf(format, args...)
	}
}

func (r *remote) chance(percent int) bool { return r.rand.IntN(100) < percent }

func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
