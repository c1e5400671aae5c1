package diffstore

import "slices"

// State is all that a snapshot keeps of one key. Engines store it and hand it to a Draft, which alone changes it;
// callers of a store see it as Known. The zero State is that of a key of which nothing is known.
type State struct {
	Accepted bool
	Sum      Sum // of the record last accepted, like Detail and ID
	Detail   []byte
	ID       string // empty for a record without an identifier

	Left   bool
	Claims []Claim // in no particular order, but the one of ID stands last

	Tried   Tried
	TriedID string  // of the record that was tried
	Pending Pending // the attempt that is under way, if one is
}

// Claim is an identifier under which a key was, or may have been, delivered and not removed since.
type Claim struct {
	ID string

	// Shadow is the token of the attempt of another key that may have been applied to this identifier after this
	// key's own, and contested where there were several.
	Shadow Token

	Removal  Tried    // the last attempt at removing it; zero when there is none
	Removing Removing // that attempt, while it is under way
}

// Pending is what Settle needs to know of an attempt at a record, however it ends. The sum and the detail become the
// snapshot's when the record is taken; the rest is what held before the attempt.
type Pending struct {
	Open    bool // an attempt is under way in the session that is open
	Sum     Sum
	Detail  []byte
	Doubt   bool
	Left    bool
	Claimed bool // the key had the identifier already
	Shadow  Token
	Shared  bool // an earlier attempt with this token is in doubt
}

// Removing is the same for an attempt at a removal.
type Removing struct{ Open, Doubt, Shared bool }

// contested is the Shadow of a claim that several attempts may have overwritten. None of them being refused can clear
// it.
var contested = Token{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}

// Empty reports whether nothing is known of the key, so that it need not be stored.
func (s *State) Empty() bool {
	return !s.Accepted && !s.Pending.Open && len(s.Claims) == 0 && s.Tried == Tried{}
}

// Delivered reports whether a record of the key was delivered, or may have been, and was not removed since.
func (s *State) Delivered() bool {
	return s.Accepted || s.Tried.Doubt || len(s.Claims) > 0
}

// Plain reports whether an entry with the sum of s is the Same and needs no Known.
func (s *State) Plain() bool {
	if !s.Accepted || s.Left || s.Tried.Doubt || len(s.Claims) > 1 {
		return false
	}
	for _, c := range s.Claims {
		if c.ID != s.ID || c.Shadow != (Token{}) || c.Removal.Doubt {
			return false
		}
	}
	return true
}

// release forgets the refusals of s, and the age of its attempts.
func (s *State) release() {
	s.Tried = s.Tried.released()
	for i := range s.Claims {
		s.Claims[i].Removal = s.Claims[i].Removal.released()
	}
}

func (t Tried) released() Tried {
	return Tried{Sum: t.Sum, Removal: t.Removal, Doubt: t.Doubt, Token: t.Token, Batch: t.Batch}
}

// Holds reports whether the key, which is present at the source, stands under id in the sense of Owners; unsure says
// that the identifier of its entry is not known.
func (s *State) Holds(id string, unsure bool) bool {
	if id == "" || s.claim(id) == nil {
		return false
	}
	return unsure || (s.Accepted && s.ID == id) || s.TriedID == id
}

// Known returns what callers may know of key.
func (s *State) Known(key string) *Known {
	k := &Known{
		Key: key, Accepted: s.Accepted, Sum: s.Sum, Detail: s.Detail, Tried: s.Tried, Left: s.Left,
		IDs: make([]string, 0, len(s.Claims)),
	}
	for _, c := range s.Claims {
		k.IDs = append(k.IDs, c.ID)
		if c.Removal != (Tried{}) {
			if k.Removals == nil {
				k.Removals = map[string]Tried{}
			}
			k.Removals[c.ID] = c.Removal
		}
		if s.Accepted && c.ID == s.ID && c.Shadow != (Token{}) {
			k.Shadowed = true
		}
	}
	return k
}

// claim returns the claim on id, or nil. The pointer holds until claims come or go.
func (s *State) claim(id string) *Claim {
	for i := range s.Claims {
		if s.Claims[i].ID == id {
			return &s.Claims[i]
		}
	}
	return nil
}

func (s *State) drop(id string) {
	s.Claims = slices.DeleteFunc(s.Claims, func(c Claim) bool { return c.ID == id })
}

// sort puts the claim of the record last accepted at the end.
func (s *State) sort() {
	if len(s.Claims) < 2 {
		return
	}
	i := slices.IndexFunc(s.Claims, func(c Claim) bool { return s.Accepted && c.ID == s.ID })
	if i >= 0 {
		last := s.Claims[i]
		s.Claims = append(slices.Delete(s.Claims, i, i+1), last)
	}
}
