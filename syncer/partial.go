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

// abridge leaves out of a write the fields that the destination is certain to have as they are, where the sync asks
// for that. The identifier and the fields that the destination requires stay. A record is sent whole where the remote
// one may not be what was accepted last (an answer is missing, another key may have overwritten it, it was gone or has
// another identifier), for then nothing is known of any field.
func (st *stager) abridge(i *item, c *diffstore.Change) {
	k := c.Known
	due := i.Verdict == diffstore.Changed || i.Verdict == diffstore.Carried
	certain := due && k.Accepted && !k.Doubtful() && !k.Left && !k.Shadowed && !c.Contested &&
		len(k.IDs) == 1 && k.IDs[0] == i.Folded && len(k.Removals) == 0
	if st.sync.Delivery.Fields != project.ChangedFields || st.sync.Mode == destinations.Insert || !certain || widthOf(k.Detail) != wide {
		return
	}
	changed := st.fields.changed(i.Fields, k.Detail)
	if len(changed) == 0 {
		return // it differs in a field that it no longer has
	}
	kept := make(destinations.Fields, 0, len(changed)+1)
	for _, f := range i.Fields {
		if f.Name == st.sync.Identifier || slices.Contains(changed, f.Name) || st.route.requires(f.Name) {
			kept = append(kept, f)
		}
	}
	i.Partial = len(kept) < len(i.Fields)
	i.Fields = kept
}

// requires reports whether the destination takes no record without a field.
func (r *route) requires(name string) bool {
	return slices.ContainsFunc(r.fields, func(f destinations.Field) bool { return f.Name == name && f.Required })
}

// tokenText is the token under which a record is sent. A partial record has one of its own for the fields it has: the
// whole of it may be sent next, and must not be taken for its repetition.
func tokenText(i *item, t diffstore.Token) string {
	if !i.Partial {
		return hex.EncodeToString(t[:])
	}
	h := sha256.New()
	h.Write(t[:])
	for _, f := range i.Fields {
		h.Write(append([]byte(f.Name), 0))
	}
	return hex.EncodeToString(h.Sum(nil)[:len(t)])
}
