package diffstore

// Judge says how e stands to what is known of its key; k is nil where nothing is. It is the rule that every engine
// applies, so that they cannot differ. That a key was seen before is not its business.
func Judge(e Entry, k *Known) Change {
	c := Change{Verdict: Added, Known: k}
	switch {
	case e.Unmapped:
		c.Verdict = Kept
	case k == nil:
	case k.Accepted && e.Sum == k.Sum && !k.Doubtful() && !k.Left:
		c.Verdict, c.Contested = Same, k.Shadowed
	case k.Tried.Sum != Sum{} && e.Value(k.Accepted) == k.Tried.Sum:
		c.Verdict = Carried
	case k.Accepted:
		// The value may be the one last accepted: while an answer is missing, or after the key was gone, the
		// remote record may be another.
		c.Verdict = Changed
	}
	return c
}

// Value returns the sum that counts for e: the one without insert-only fields once a record was accepted.
func (e Entry) Value(accepted bool) Sum {
	if accepted {
		return e.Sum
	}
	return e.First
}

// Doubtful reports whether the remote record may not be the one last accepted because an answer is missing: to a
// record of this key, or to the removal of the identifier under which it was accepted. The removal of an identifier
// that the key has moved away from puts nothing in doubt.
func (k *Known) Doubtful() bool {
	if k.Tried.Doubt {
		return true
	}
	return k.Accepted && len(k.IDs) > 0 && k.Removals[k.IDs[len(k.IDs)-1]].Doubt
}
