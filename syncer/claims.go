package syncer

import "hash/maphash"

// claims remembers, by hash, which identifiers the plan writes to and which keys move away from one. A collision only
// keeps a removal from being sent.
type claims struct {
	seed   maphash.Seed
	moving map[uint64]bool // key and identifier that the key moves away from
}

func newClaims() claims {
	return claims{seed: maphash.MakeSeed(), moving: map[uint64]bool{}}
}

func (c *claims) id(id string) uint64 { return maphash.String(c.seed, id) }

func (c *claims) pair(key, id string) uint64 {
	var h maphash.Hash
	h.SetSeed(c.seed)
	maphash.WriteComparable(&h, [2]string{key, id})
	return h.Sum64()
}

func (c *claims) move(key, id string) { c.moving[c.pair(key, id)] = true }

func (c *claims) moves(key, id string) bool { return c.moving[c.pair(key, id)] }
