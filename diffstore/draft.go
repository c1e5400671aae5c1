package diffstore

import "iter"

// Draft is the part of a snapshot that one Intend or Settle changes. An engine puts into it the states that the call
// may touch, lets the rules of this package change them, and stores what changed in one transaction, so that engines
// differ in how they store and in nothing else.
//
// The states that must be put are those of every key named in the call, of every key with a claim on an identifier
// named in an attempt, and, for a fate that is Refused or Returned, on the identifier of the attempt that it ends
// (see Attempted). Keys that are not known need not be put.
type Draft struct {
	places  map[string]int // of keys
	drafted []drafted
	holders map[string]chain // by the identifiers that keys have, or had when they were put
	links   []link
	changed []int // places, in the order in which they were changed
}

type drafted struct {
	key     string
	state   *State
	changed bool
}

// chain leads through the holders of one identifier, first and last by their numbers in links.
type chain struct{ first, last int }

// link is one of them, with the number of the next but at the last.
type link struct{ place, next int }

// NewDraft returns a draft without states.
func NewDraft() *Draft {
	return &Draft{places: map[string]int{}, holders: map[string]chain{}}
}

// Reset makes the draft one without states, which takes no new memory for as many as it had.
func (d *Draft) Reset() {
	clear(d.places)
	clear(d.holders)
	clear(d.drafted)
	d.drafted, d.links, d.changed = d.drafted[:0], d.links[:0], d.changed[:0]
}

// Put adds the state of key as it is stored, once. The draft owns it from now on. It returns the place of the key: the
// first key that is put has 0, the second 1.
func (d *Draft) Put(key string, s *State) (place int) {
	place = len(d.drafted)
	d.places[key] = place
	d.drafted = append(d.drafted, drafted{key: key, state: s})
	for i := range s.Claims {
		d.hold(place, s.Claims[i].ID)
	}
	return place
}

// Place returns the place of key, if a state of it was put.
func (d *Draft) Place(key string) (place int, ok bool) {
	place, ok = d.places[key]
	return place, ok
}

// Changed yields the states that differ from what was put, those that were changed first first. One that is Empty is to
// be deleted.
func (d *Draft) Changed() iter.Seq2[string, *State] {
	return func(yield func(string, *State) bool) {
		for _, place := range d.changed {
			if !yield(d.drafted[place].key, d.drafted[place].state) {
				return
			}
		}
	}
}

// ChangedPlaces returns the places of those that Changed yields. They hold until the draft is changed again.
func (d *Draft) ChangedPlaces() []int { return d.changed }

// Attempted returns the identifier of the attempt that f ends, if it is one that Settle looks up other keys by.
func (d *Draft) Attempted(f Fate) (id string, ok bool) {
	if f.Outcome != Refused && f.Outcome != Returned {
		return "", false
	}
	s := d.state(f.Key)
	if s == nil {
		return "", false
	}
	if c := s.claim(f.ID); c != nil && c.Removing.Open {
		return f.ID, true
	}
	return s.TriedID, s.Pending.Open && s.TriedID != ""
}

// state returns that of key, or nil.
func (d *Draft) state(key string) *State {
	if place, ok := d.places[key]; ok {
		return d.drafted[place].state
	}
	return nil
}

// hold lists the key at place under id.
func (d *Draft) hold(place int, id string) {
	c, ok := d.holders[id]
	if ok {
		for n := c.first; ; n = d.links[n].next {
			if d.links[n].place == place {
				return
			}
			if n == c.last {
				break
			}
		}
		d.links[c.last].next = len(d.links)
	} else {
		c.first = len(d.links)
	}
	c.last = len(d.links)
	d.links = append(d.links, link{place: place})
	d.holders[id] = c
}

// change returns the state of key, which is about to be changed.
func (d *Draft) change(key string) *State {
	place, ok := d.places[key]
	if !ok {
		place = d.Put(key, &State{})
	}
	d.touch(place)
	return d.drafted[place].state
}

// touch notes that the state at place is about to be changed.
func (d *Draft) touch(place int) {
	if !d.drafted[place].changed {
		d.drafted[place].changed = true
		d.changed = append(d.changed, place)
	}
}

// others yields the claims on id of keys other than key, with their places.
func (d *Draft) others(id, key string) iter.Seq2[int, *Claim] {
	return func(yield func(int, *Claim) bool) {
		c, ok := d.holders[id]
		if id == "" || !ok {
			return
		}
		for n := c.first; ; n = d.links[n].next {
			other := &d.drafted[d.links[n].place]
			if other.key != key {
				if c := other.state.claim(id); c != nil && !yield(d.links[n].place, c) {
					return
				}
			}
			if n == c.last {
				return
			}
		}
	}
}

// Release applies the rule of Session.Release to one key.
func (d *Draft) Release(key string) {
	d.change(key).release()
}
