package syncer

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"

	"spillway/destinations"
	"spillway/diffstore"
	"spillway/syncer/project"
)

// detailWidth returns how many bytes a field's sum has in the snapshots of a sync.
func detailWidth(s *project.Sync) int {
	if s.Delivery.Fields == project.ChangedFields {
		return wide
	}
	return narrow
}

// abridge marks a write of which the destination is certain to have some fields as they are, where the sync asks for
// these to be left out. A record is sent whole where the remote one may not be what was accepted last (an answer is
// missing, another key may have overwritten it, it was gone or has another identifier), for then nothing is known of any
// field.
func (st *stager) abridge(i *item, c *diffstore.Change) {
	k := c.Known
	due := i.Verdict == diffstore.Changed || i.Verdict == diffstore.Carried
	certain := due && k.Accepted && !k.Doubtful() && !k.Left && !k.Shadowed && !c.Contested &&
		len(k.IDs) == 1 && k.IDs[0] == i.Folded && len(k.Removals) == 0
	if st.sync.Delivery.Fields != project.ChangedFields || st.sync.Mode == destinations.Insert || !certain || !st.fields.wideIn(k.Detail) {
		return
	}
	i.Changed = st.changedFields(i, k)
	i.Partial = len(i.Changed) > 0 // otherwise it differs in a field that it no longer has
}

// shorten leaves out of a marked write the fields that did not change. The identifier and the fields that the
// destination requires stay.
func (r *route) shorten(i *item) {
	kept := make(destinations.Fields, 0, len(i.Changed)+1)
	for _, f := range i.Fields {
		if f.Name == r.sync.Identifier || slices.Contains(i.Changed, f.Name) || r.requires(f.Name) {
			kept = append(kept, f)
		}
	}
	i.Partial = len(kept) < len(i.Fields)
	i.Fields = kept
}

// crowd tells which identifiers several writes of a plan go to, by their hashes: whichever of these is applied last
// decides on every field, so all of them are sent whole. It takes little memory, whatever the size of the plan; of a very
// large one some records are taken for crowded that are not.
type crowd struct{ once, twice []uint64 }

const crowdBits = 1 << 24

func newCrowd() *crowd {
	return &crowd{once: make([]uint64, crowdBits/64), twice: make([]uint64, crowdBits/64)}
}

func (c *crowd) add(hash uint64) {
	word, bit := hash%crowdBits/64, uint64(1)<<(hash%64)
	c.twice[word] |= c.once[word] & bit
	c.once[word] |= bit
}

func (c *crowd) has(hash uint64) bool { return c.twice[hash%crowdBits/64]>>(hash%64)&1 == 1 }

// requires reports whether the destination takes no record without a field.
func (r *route) requires(name string) bool {
	return slices.ContainsFunc(r.fields, func(f destinations.Field) bool { return f.Name == name && f.Required })
}

// partialToken is the token under which a partial record is sent. It is one of its own for the fields it has: the whole
// of it may be sent next, and must not be taken for its repetition.
func partialToken(i *item, t diffstore.Token) string {
	h := sha256.New()
	h.Write(t[:])
	for _, f := range i.Fields {
		h.Write(append([]byte(f.Name), 0))
	}
	return hex.EncodeToString(h.Sum(nil)[:len(t)])
}
