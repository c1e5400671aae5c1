package snapshot

import "unsafe"

// tags leads from hashes to numbers other than 0, perhaps several from one. Of a hash it keeps the first half, its tag, so
// that what is found may be of another hash and has to be looked at. Slots are in the order of their tags, but for
// collisions. They are in memory up to a limit, and in a file without a name beyond it.
type tags struct {
	dir   string
	limit int // in bytes

	slots []uint64 // a power of two of them: a tag, and behind it a number
	shift uint     // of a tag, to the number of its slot
	count int
	file  *tempMapping // nil while slots are in memory
}

const (
	firstSlots = 64
	slotBytes  = 8
)

func tagOf(hash uint64) uint32 { return uint32(hash >> 32) }

func tagIn(slot uint64) uint32   { return uint32(slot >> 32) }
func valueIn(slot uint64) uint32 { return uint32(slot) }

// find returns the slot from which on tag is, or would be. Those that have it are before the next one that is free.
func (t *tags) find(tag uint32) int { return int(uint64(tag) >> t.shift) }

// touch looks at the slot of tag.
func (t *tags) touch(tag uint32) uint64 {
	if len(t.slots) == 0 {
		return 0
	}
	return t.slots[t.find(tag)]
}

// first returns the first slot that has tag, or -1.
func (t *tags) first(tag uint32) int {
	if t.count == 0 {
		return -1
	}
	return t.from(t.find(tag), tag)
}

// next returns the first slot behind i that has tag, or -1.
func (t *tags) next(i int, tag uint32) int { return t.from(i+1, tag) }

func (t *tags) from(i int, tag uint32) int {
	for last := len(t.slots) - 1; ; i++ {
		i &= last
		switch s := t.slots[i]; {
		case valueIn(s) == 0:
			return -1
		case tagIn(s) == tag:
			return i
		}
	}
}

// set changes the number in a slot.
func (t *tags) set(i int, value uint32) { t.slots[i] = t.slots[i]&^(1<<32-1) | uint64(value) }

// add adds a number to those of tag.
func (t *tags) add(tag, value uint32) error {
	if t.full(1) {
		if err := t.grow(); err != nil {
			return err
		}
	}
	t.put(tag, value)
	return nil
}

// put adds a number where there is room.
func (t *tags) put(tag, value uint32) {
	t.count++
	i, last := t.find(tag), len(t.slots)-1
	for valueIn(t.slots[i]) != 0 {
		i = (i + 1) & last
	}
	t.slots[i] = uint64(tag)<<32 | uint64(value)
}

// full reports whether so many more take new memory.
func (t *tags) full(more int) bool { return 4*(t.count+more) > 3*len(t.slots) }

func (t *tags) grow() error {
	old, oldFile := t.slots, t.file
	n := max(2*len(old), firstSlots)
	if n*slotBytes <= t.limit {
		t.slots = make([]uint64, n)
	} else {
		m, err := newTempMapping(t.dir, n*slotBytes)
		if err != nil {
			return err
		}
		t.file, t.slots = m, unsafe.Slice((*uint64)(unsafe.Pointer(unsafe.SliceData(m.bytes))), n)
	}
	t.shift = 32
	for ; n > 1; n /= 2 {
		t.shift--
	}
	t.count = 0
	for _, s := range old {
		if valueIn(s) != 0 {
			t.put(tagIn(s), valueIn(s))
		}
	}
	if oldFile != nil {
		return oldFile.Close()
	}
	return nil
}

func (t *tags) Close() (err error) {
	if t.file != nil {
		err = t.file.Close()
	}
	*t = tags{dir: t.dir, limit: t.limit}
	return err
}

// reset makes the table empty, and keeps its memory.
func (t *tags) reset() {
	clear(t.slots)
	t.count = 0
}

func (t *tags) bytes() int { return slotBytes * len(t.slots) }
