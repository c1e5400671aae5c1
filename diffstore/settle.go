package diffstore

import (
	"errors"
	"fmt"
	"time"
)

// Settle applies the rule of Session.Settle to the draft. After an error the draft is of no use.
func (d *Draft) Settle(fates []Fate) error {
	for i := range fates {
		if err := d.settle(&fates[i]); err != nil {
			return fmt.Errorf("settle key %q: %w", fates[i].Key, err)
		}
	}
	return nil
}

func (d *Draft) settle(f *Fate) error {
	place, known := d.places[f.Key]
	var s *State
	if known {
		s = d.drafted[place].state
	}
	switch f.Outcome {
	case Gone:
		if s != nil && (f.ID == "" || s.claim(f.ID) != nil) {
			d.change(f.Key).gone(f.ID)
		}
		return nil
	case Left:
		if s != nil && s.Delivered() && !s.Left {
			d.change(f.Key).Left = true
		}
		return nil
	case Taken:
		if s == nil || !s.Pending.Open {
			return errNotIntended
		}
		d.touch(place)
		s.taken()
		return nil
	case Refused, Returned:
		return d.fail(f)
	}
	return fmt.Errorf("there is no outcome %d", f.Outcome)
}

var errNotIntended = errors.New("no attempt on it is under way in this session")

// fail ends an attempt that was certainly not applied. If that is true of all attempts with its token, it overwrote
// no other key's record.
func (d *Draft) fail(f *Fate) error {
	s := d.state(f.Key)
	if s == nil {
		return errNotIntended
	}
	var id string
	var token Token
	var shared bool
	if c := s.claim(f.ID); c != nil && c.Removing.Open {
		id, token, shared = f.ID, c.Removal.Token, c.Removing.Shared
		d.change(f.Key).failRemoval(c, f)
	} else if s.Pending.Open {
		id, token, shared = s.TriedID, s.Tried.Token, s.Pending.Shared
		d.change(f.Key).failRecord(f)
	} else {
		return errNotIntended
	}
	if shared || token == (Token{}) {
		return nil
	}
	for other, c := range d.others(id, f.Key) {
		if c.Shadow == token {
			d.touch(other)
			c.Shadow = Token{}
		}
	}
	return nil
}

func (s *State) taken() {
	s.Accepted, s.Sum, s.Detail, s.ID = true, s.Pending.Sum, s.Pending.Detail, s.TriedID
	s.Left, s.Tried, s.TriedID, s.Pending = false, Tried{}, "", Pending{}
	if c := s.claim(s.ID); c != nil {
		c.Removal, c.Removing = Tried{}, Removing{}
	} else if s.ID != "" { // it was let go of while the attempt was under way
		s.Claims = append(s.Claims, Claim{ID: s.ID})
	}
	s.sort()
}

func (s *State) failRecord(f *Fate) {
	was := s.Pending
	s.Pending = Pending{}
	s.Tried.fail(f)
	s.Tried.Doubt, s.Left = was.Doubt, was.Left
	if c := s.claim(s.TriedID); c != nil {
		if !was.Claimed {
			s.drop(s.TriedID)
		} else if c.Shadow == (Token{}) {
			c.Shadow = was.Shadow
		}
	}
}

func (s *State) failRemoval(c *Claim, f *Fate) {
	c.Removal.fail(f)
	c.Removal.Doubt = c.Removing.Doubt
	c.Removing = Removing{}
}

// fail counts a refusal, which spends the token, or notes that the attempt was returned, which does not.
func (t *Tried) fail(f *Fate) {
	if t.Since.IsZero() && !f.At.IsZero() {
		t.Since = time.Unix(0, f.At.UnixNano()).UTC()
	}
	if f.Outcome == Refused {
		t.Token, t.Batch = Token{}, Token{}
		t.Refusals++
		t.Code = f.Code
	}
}

// gone drops the claim on id, or everything.
func (s *State) gone(id string) {
	s.drop(id)
	appended := s.Accepted && s.ID == "" // its record has no identifier, and is still there
	if id == "" || (len(s.Claims) == 0 && !appended) {
		*s = State{}
		return
	}
	if s.Accepted && s.ID == id {
		s.Accepted, s.Sum, s.Detail, s.ID = false, Sum{}, nil, ""
	}
}
