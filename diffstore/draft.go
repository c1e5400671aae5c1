package diffstore

import (
	"iter"
	"maps"
	"slices"
)

// Draft is the part of a snapshot that one Intend or Settle changes. An engine puts into it the states that the call
// may touch, lets the rules of this package change them, and stores what changed in one transaction, so that engines
// differ in how they store and in nothing else.
//
// The states that must be put are those of every key named in the call, of every key with a claim on an identifier
// named in an attempt, and, for a fate that is Refused or Returned, on the identifier of the attempt that it ends
// (see Attempted). Keys that are not known need not be put.
type Draft struct {
	states  map[string]*State
	holders map[string][]string // keys by the identifiers that they have, or had when they were put
	changed map[string]bool
}

// NewDraft returns a draft without states.
func NewDraft() *Draft {
	return &Draft{states: map[string]*State{}, holders: map[string][]string{}, changed: map[string]bool{}}
}

// Put adds the state of key as it is stored. The draft owns it from now on.
func (d *Draft) Put(key string, s *State) {
	d.states[key] = s
	for _, c := range s.Claims {
		d.hold(key, c.ID)
	}
}

// Has reports whether a state of key was put.
func (d *Draft) Has(key string) bool { return d.states[key] != nil }

// Changed yields, in the order of their keys, the states that differ from what was put. One that is Empty is to be
// deleted.
func (d *Draft) Changed() iter.Seq2[string, *State] {
	return func(yield func(string, *State) bool) {
		for _, key := range slices.Sorted(maps.Keys(d.changed)) {
			if !yield(key, d.states[key]) {
				return
			}
		}
	}
}

// Attempted returns the identifier of the attempt that f ends, if it is one that Settle looks up other keys by.
func (d *Draft) Attempted(f Fate) (id string, ok bool) {
	s := d.states[f.Key]
	if s == nil || (f.Outcome != Refused && f.Outcome != Returned) {
		return "", false
	}
	if c := s.claim(f.ID); c != nil && c.Removing.Open {
		return f.ID, true
	}
	return s.TriedID, s.Pending.Open && s.TriedID != ""
}

func (d *Draft) hold(key, id string) {
	if !slices.Contains(d.holders[id], key) {
		d.holders[id] = append(d.holders[id], key)
	}
}

// change returns the state of key, which is about to be changed.
func (d *Draft) change(key string) *State {
	d.changed[key] = true
	s := d.states[key]
	if s == nil {
		s = &State{}
		d.states[key] = s
	}
	return s
}

// others yields the claims on id of keys other than key.
func (d *Draft) others(id, key string) iter.Seq2[string, *Claim] {
	return func(yield func(string, *Claim) bool) {
		if id == "" {
			return
		}
		for _, other := range d.holders[id] {
			if other == key {
				continue
			}
			if c := d.states[other].claim(id); c != nil && !yield(other, c) {
				return
			}
		}
	}
}

// Release applies the rule of Session.Release to one key.
func (d *Draft) Release(key string) { d.change(key).release() }
