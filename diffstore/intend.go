package diffstore

import "fmt"

// Intend applies the rule of Session.Intend to the draft. It calls fresh for every token that is new.
func (d *Draft) Intend(attempts []Attempt, fresh func() Token) ([]Token, error) {
	tokens := make([]Token, len(attempts))
	first := 0 // of the present batch
	for i := range attempts {
		a := &attempts[i]
		if a.Batch != attempts[first].Batch {
			first = i
		}
		var err error
		if tokens[i], err = d.IntendOne(a, tokens[first], fresh); err != nil {
			return nil, err
		}
	}
	return tokens, nil
}

// IntendOne is Intend for one attempt. Batch is the token of the first attempt of its batch, zero if it is that itself.
func (d *Draft) IntendOne(a *Attempt, batch Token, fresh func() Token) (token Token, err error) {
	place, known := d.places[a.Entry.Key]
	var s *State
	if known {
		s = d.drafted[place].state
	}
	if a.Removal && (s == nil || s.claim(a.Entry.ID) == nil) {
		return Token{}, fmt.Errorf("intend the removal of key %q: the snapshot does not have that identifier of it", a.Entry.Key)
	}
	var again bool
	if s != nil {
		token, again = s.token(a)
	}
	if !again {
		token = fresh()
	}
	if batch == (Token{}) {
		batch = token
	}
	if !known {
		place = d.Put(a.Entry.Key, &State{})
	}
	d.intend(place, a, token, batch, again)
	return token, nil
}

// token returns the token of an earlier attempt that a repeats, if no verdict on that came and no attempt of another
// key can have been applied to its identifier since: the repetition of what came before that one would be swallowed by
// a service that takes each token once, where it has to be applied again.
func (s *State) token(a *Attempt) (t Token, ok bool) {
	c := s.claim(a.Entry.ID)
	overtaken := c != nil && c.Shadow != Token{}
	tried := s.Tried
	switch {
	case a.Removal:
		tried = c.Removal
	case !s.tried(&a.Entry):
		return Token{}, false
	}
	if tried.Doubt && overtaken {
		return Token{}, false
	}
	return tried.Token, tried.Token != Token{}
}

// tried reports whether e is the very record that was tried last.
func (s *State) tried(e *Entry) bool {
	return s.Tried.Sum != Sum{} && s.Tried.Sum == e.Value(s.Accepted) && s.TriedID == e.ID
}

func (d *Draft) intend(place int, a *Attempt, token, batch Token, again bool) {
	key, id := a.Entry.Key, a.Entry.ID
	shadow := d.overtake(id, key, token)
	d.touch(place)
	s := d.drafted[place].state
	if a.Removal {
		s.intendRemoval(id, token, batch, again)
		return
	}
	s.intendRecord(&a.Entry, token, batch, again)
	if c := s.claim(id); c != nil {
		c.Shadow = shadow
		d.hold(place, id)
	}
}

// overtake marks the claims of other keys on id as shadowed by an attempt that is about to be sent there. It returns
// the shadow that an attempt of another key casts on this one, if one is under way there and may arrive later.
func (d *Draft) overtake(id, key string, token Token) (shadow Token) {
	for other, c := range d.others(id, key) {
		d.touch(other)
		s := d.drafted[other].state
		if c.Removing.Open || (s.Pending.Open && s.TriedID == id) {
			shadow = contested
		}
		switch c.Shadow {
		case Token{}, token:
			c.Shadow = token
		default:
			c.Shadow = contested
		}
	}
	return shadow
}

func (s *State) intendRecord(e *Entry, token, batch Token, again bool) {
	s.Pending = Pending{
		Open: true, Sum: e.Sum, Detail: e.Detail, Doubt: s.Tried.Doubt, Left: s.Left,
		Shared: again && s.Tried.Doubt,
	}
	if c := s.claim(e.ID); c != nil {
		s.Pending.Claimed, s.Pending.Shadow = true, c.Shadow
		// The record may be there again: a removal that was in doubt must not be taken for the next one.
		c.Removal.Token, c.Removal.Batch = Token{}, Token{}
	} else if e.ID != "" {
		s.Claims = append(s.Claims, Claim{ID: e.ID})
		s.sort()
	}
	t := Tried{}
	if s.tried(e) {
		t = s.Tried
	}
	t.Sum, t.Doubt, t.Token, t.Batch = e.Value(s.Accepted), true, token, batch
	s.Tried, s.TriedID, s.Left = t, e.ID, false
}

func (s *State) intendRemoval(id string, token, batch Token, again bool) {
	c := s.claim(id)
	c.Removing = Removing{Open: true, Doubt: c.Removal.Doubt, Shared: again && c.Removal.Doubt}
	c.Removal.Removal, c.Removal.Doubt, c.Removal.Token, c.Removal.Batch = true, true, token, batch
	if s.TriedID == id {
		// The other way round: a record that was in doubt may be gone again.
		s.Tried.Token, s.Tried.Batch = Token{}, Token{}
	}
}
