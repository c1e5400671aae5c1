package syncer

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"spillway/destinations"
)

// remote is a service in memory. It finds records by identifier, takes each token once, and notes every breach of what
// package destinations promises to a Write.
type remote struct {
	mu      sync.Mutex
	object  destinations.Object
	records map[string]map[string]string // by identifier, folded if the object folds
	sent    []call                       // in the order in which they came
	spent   map[string]string            // tokens that were applied, with what they stood for
	meaning map[string]string            // what each token stood for, applied or not
	flying  map[string]bool              // identifiers and keys in flight
	writes  int                          // records in flight that are no removals
	breach  []string

	fieldsError error // of Fields

	// answer gives the result of each record, or the error of the whole batch; nil accepts all. It is called without
	// the lock. A record whose result is nil is accepted.
	answer func(ctx context.Context, b destinations.Batch) ([]*destinations.Result, error)
}

// call is one record of a batch that came.
type call struct {
	Op      destinations.Op
	Key, ID string
	Fields  map[string]string
	token   string
	batch   int // counted from 1
}

func newRemote() *remote {
	return &remote{
		records: map[string]map[string]string{}, spent: map[string]string{}, meaning: map[string]string{}, flying: map[string]bool{},
		object: destinations.Object{
			Name: "people", Identifiers: []string{"*"}, AnyField: true, Nulls: true, Clears: true, MaxBatch: 3,
			Operations: []destinations.Op{
				destinations.Upsert, destinations.Update, destinations.Insert, destinations.Clear, destinations.Archive, destinations.Delete,
			},
		},
	}
}

func (r *remote) Check(context.Context) error { return nil }

func (r *remote) Objects(context.Context) ([]destinations.Object, error) {
	return []destinations.Object{r.object}, nil
}

func (r *remote) Fields(context.Context, string) ([]destinations.Field, error) {
	return nil, r.fieldsError
}

func (r *remote) Close() error { return nil }

func (r *remote) Write(ctx context.Context, b destinations.Batch) ([]destinations.Result, error) {
	b.Meter.Sent(1, false)
	leave := r.enter(b)
	defer leave()
	if r.answer == nil {
		return r.finish(b, make([]*destinations.Result, len(b.Records)), nil)
	}
	results, err := r.answer(ctx, b)
	return r.finish(b, results, err)
}

// enter notes what came and what is wrong with it.
func (r *remote) enter(b destinations.Batch) (leave func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if n := len(b.Records); n == 0 || n > r.object.MaxBatch {
		r.breach = append(r.breach, fmt.Sprintf("a batch of %d records", n))
	}
	number := 1
	if n := len(r.sent); n > 0 {
		number = r.sent[n-1].batch + 1
	}
	var flying []string
	for _, rec := range b.Records {
		for _, name := range []string{"identifier " + r.fold(rec.ID), "key " + rec.Key} {
			if r.flying[name] && (rec.ID != "" || strings.HasPrefix(name, "key")) {
				r.breach = append(r.breach, name+" is in flight twice")
			}
			r.flying[name] = true
			flying = append(flying, name)
		}
		if writes(b.Op) {
			r.writes++
		} else if r.writes > 0 {
			r.breach = append(r.breach, "a removal is in flight beside writes")
		}
		meaning := fmt.Sprint(b.Op, rec.Key, r.fold(rec.ID), rec.Fields)
		if before, ok := r.meaning[rec.Token]; ok && before != meaning {
			r.breach = append(r.breach, fmt.Sprintf("one token stands for %s and for %s", before, meaning))
		}
		r.meaning[rec.Token] = meaning
		r.sent = append(r.sent, call{Op: b.Op, Key: rec.Key, ID: rec.ID, Fields: texts(rec.Fields), token: rec.Token, batch: number})
	}
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		for _, name := range flying {
			delete(r.flying, name)
		}
		if writes(b.Op) {
			r.writes -= len(b.Records)
		}
	}
}

func writes(op destinations.Op) bool {
	return op == destinations.Upsert || op == destinations.Update || op == destinations.Insert
}

// finish applies the records that are accepted.
func (r *remote) finish(b destinations.Batch, results []*destinations.Result, err error) ([]destinations.Result, error) {
	if results == nil {
		return nil, err
	}
	final := make([]destinations.Result, len(results))
	for i, given := range results {
		final[i] = destinations.Result{Status: destinations.Accepted}
		if given != nil {
			final[i] = *given
		}
		if i < len(b.Records) && final[i].Status == destinations.Accepted {
			r.apply(b.Op, b.Records[i])
		}
	}
	return final, err
}

// apply does what a record asks, unless its token was spent.
func (r *remote) apply(op destinations.Op, rec destinations.Record) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, done := r.spent[rec.Token]; done {
		return
	}
	r.spent[rec.Token] = rec.Key
	id := r.fold(rec.ID)
	switch op {
	case destinations.Delete, destinations.Archive:
		delete(r.records, id)
		return
	case destinations.Upsert, destinations.Update, destinations.Insert, destinations.Clear:
	}
	if r.records[id] == nil {
		r.records[id] = map[string]string{}
	}
	maps.Copy(r.records[id], texts(rec.Fields))
}

// name returns the name that stands under an identifier.
func (r *remote) name(id string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.records[id]["name"]
}

func (r *remote) fold(id string) string {
	if r.object.FoldIdentifier {
		return strings.ToLower(id)
	}
	return id
}

// calls returns what came since the last call of it, sorted by key within each batch.
func (r *remote) calls() []call {
	r.mu.Lock()
	defer r.mu.Unlock()
	sent := r.sent
	r.sent = nil
	slices.SortStableFunc(sent, func(a, b call) int {
		if a.batch != b.batch {
			return a.batch - b.batch
		}
		return strings.Compare(a.Key+"\x00"+a.ID, b.Key+"\x00"+b.ID)
	})
	for i := range sent {
		sent[i].token, sent[i].batch = "", 0
	}
	return sent
}

func texts(fields destinations.Fields) map[string]string {
	m := make(map[string]string, len(fields))
	for _, f := range fields {
		if doc, ok := f.Value.(json.RawMessage); ok {
			m[f.Name] = string(doc)
			continue
		}
		m[f.Name] = fmt.Sprint(f.Value)
	}
	return m
}
