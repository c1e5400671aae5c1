package diffstoretest

import (
	"time"

	"spillway/diffstore"
)

// step is something that is done to a snapshot.
type step func(*bench)

// ending is how an attempt ends.
type ending uint8

const (
	takes ending = iota
	refuses
	returns
	silence // it is never settled
)

// write attempts a record.
func write(key, id, value string, end ending) step { return writeAt(key, id, value, end, epoch) }

func writeAt(key, id, value string, end ending, at time.Time) step {
	return func(b *bench) {
		b.t.Helper()
		intend(b, diffstore.Attempt{Entry: entry(key, id, value)})
		f := diffstore.Fate{Key: key, ID: id, Code: "no", At: at}
		switch end {
		case takes:
			f.Outcome = diffstore.Taken
		case refuses:
			f.Outcome = diffstore.Refused
		case returns:
			f.Outcome = diffstore.Returned
		case silence:
			return
		}
		settle(b, f)
	}
}

// remove attempts the removal of an identifier; takes means that it is gone.
func remove(key, id string, end ending) step {
	return func(b *bench) {
		b.t.Helper()
		intend(b, diffstore.Attempt{Entry: diffstore.Entry{Key: key, ID: id}, Removal: true})
		f := diffstore.Fate{Key: key, ID: id, Code: "no", At: epoch}
		switch end {
		case takes:
			f.Outcome = diffstore.Gone
		case refuses:
			f.Outcome = diffstore.Refused
		case returns:
			f.Outcome = diffstore.Returned
		case silence:
			return
		}
		settle(b, f)
	}
}

// gone lets go of an identifier without an attempt.
func gone(key, id string) step {
	return func(b *bench) {
		b.t.Helper()
		settle(b, diffstore.Fate{Key: key, ID: id, Outcome: diffstore.Gone})
	}
}

func leave(key string) step {
	return func(b *bench) {
		b.t.Helper()
		settle(b, diffstore.Fate{Key: key, Outcome: diffstore.Left})
	}
}

// release puts one key back in line.
func release(key string) step {
	return func(b *bench) {
		b.t.Helper()
		must(b.begin().Release(b.t.Context(), func(k diffstore.Known) bool { return k.Key == key }))(b.t)
	}
}

func intend(b *bench, attempts ...diffstore.Attempt) []diffstore.Token {
	b.t.Helper()
	tokens := must(b.begin().Intend(b.t.Context(), attempts))(b.t)
	if b.spy != nil {
		b.spy.note(attempts, tokens)
	}
	return tokens
}

func settle(b *bench, fates ...diffstore.Fate) {
	b.t.Helper()
	check(b.t, b.begin().Settle(b.t.Context(), fates))
}

func steps(s ...step) []step { return s }

// take does the steps, with the way of going from one to the next, and ends the session.
func (b *bench) take(all []step, next between) {
	b.t.Helper()
	for i, s := range all {
		if i > 0 {
			next(b)
		}
		s(b)
	}
	next(b)
	b.end()
}
