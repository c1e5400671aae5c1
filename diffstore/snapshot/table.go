package snapshot

// table leads from hashes to numbers other than 0, perhaps several from one. Slots are in the order of their hashes, but
// for collisions.
type table struct {
	slots []slot // a power of two of them
	shift uint   // of a hash, to the number of its slot
	count int
}

type slot struct{ hash, value uint64 }

const (
	firstSlots = 64
	slotBytes  = 16
)

// find returns the slot from which on hash is, or would be. Those that have it are before the next one that is free.
func (t *table) find(hash uint64) int { return int(hash >> t.shift) }

// touch looks at the slot of hash.
func (t *table) touch(hash uint64) uint64 {
	if len(t.slots) == 0 {
		return 0
	}
	return t.slots[t.find(hash)].value
}

// next returns the first slot from i on that has hash, or -1.
func (t *table) next(i int, hash uint64) int {
	if len(t.slots) == 0 {
		return -1
	}
	for last := len(t.slots) - 1; ; i++ {
		i &= last
		switch s := &t.slots[i]; {
		case s.value == 0:
			return -1
		case s.hash == hash:
			return i
		}
	}
}

// add adds a number to those of hash.
func (t *table) add(hash, value uint64) {
	if 4*(t.count+1) > 3*len(t.slots) {
		t.grow()
	}
	t.count++
	i, last := t.find(hash), len(t.slots)-1
	for t.slots[i].value != 0 {
		i = (i + 1) & last
	}
	t.slots[i] = slot{hash, value}
}

func (t *table) grow() {
	old := t.slots
	t.slots = make([]slot, max(2*len(old), firstSlots))
	t.shift = 64
	for n := len(t.slots); n > 1; n /= 2 {
		t.shift--
	}
	t.count = 0
	for _, s := range old {
		if s.value != 0 {
			t.add(s.hash, s.value)
		}
	}
}

// reset makes the table empty, and keeps its memory.
func (t *table) reset() {
	clear(t.slots)
	t.count = 0
}

func (t *table) bytes() int { return slotBytes * len(t.slots) }
