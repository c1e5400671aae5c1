package syncer

import (
	"encoding/binary"

	"spillway/diffstore"
)

// twins finds the keys that stand more than once among the probes of one chunk. Keys are told apart by their first
// eight bytes: a key that is taken for a twin without being one is compared the longer way, and no harm done.
type twins struct {
	slots [4 * chunkRows]uint64 // open addressing; 0 is free
	twice map[uint64]bool
}

// find takes the probes of another chunk.
func (t *twins) find(probes []diffstore.Probe) {
	clear(t.slots[:])
	clear(t.twice)
	for i := range probes {
		mark := keyMark(probes[i].Key)
		at := t.place(mark)
		if t.slots[at] == 0 {
			t.slots[at] = mark
			continue
		}
		if t.twice == nil {
			t.twice = map[uint64]bool{}
		}
		t.twice[mark] = true
	}
}

// place returns where a mark is, or would be.
func (t *twins) place(mark uint64) uint64 {
	at := mark % uint64(len(t.slots))
	for t.slots[at] != 0 && t.slots[at] != mark {
		at = (at + 1) % uint64(len(t.slots))
	}
	return at
}

// any reports whether some key stands more than once.
func (t *twins) any() bool { return len(t.twice) > 0 }

// has reports whether key stands more than once.
func (t *twins) has(key diffstore.KeyHash) bool { return len(t.twice) > 0 && t.twice[keyMark(key)] }

// holds reports whether key stands at all.
func (t *twins) holds(key diffstore.KeyHash) bool { return t.slots[t.place(keyMark(key))] != 0 }

func keyMark(key diffstore.KeyHash) uint64 { return max(1, binary.LittleEndian.Uint64(key[:8])) }
