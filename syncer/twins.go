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

func (t *twins) clear() {
	clear(t.slots[:])
	clear(t.twice)
}

// any reports whether some key stands more than once.
func (t *twins) any(probes []diffstore.Probe) bool {
	for i := range probes {
		mark := keyMark(probes[i].Key)
		at := mark % uint64(len(t.slots))
		for t.slots[at] != 0 && t.slots[at] != mark {
			at = (at + 1) % uint64(len(t.slots))
		}
		if t.slots[at] == 0 {
			t.slots[at] = mark
			continue
		}
		if t.twice == nil {
			t.twice = map[uint64]bool{}
		}
		t.twice[mark] = true
	}
	return len(t.twice) > 0
}

// has reports whether key stands more than once.
func (t *twins) has(key diffstore.KeyHash) bool { return t.twice[keyMark(key)] }

func keyMark(key diffstore.KeyHash) uint64 { return max(1, binary.LittleEndian.Uint64(key[:8])) }
