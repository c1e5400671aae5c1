package snapshot

import (
	"fmt"
	"strings"
	"testing"
)

// What an arena moves to files stays where it was, for whoever goes on reading when the arena is given up too.
func TestAnArenaMovesWhatIsOld(t *testing.T) {
	t.Parallel()
	a := newArena(t.TempDir(), 1<<19, 1<<20)
	done := a.use()
	var offsets []uint32
	key := func(i int) string { return fmt.Sprintf("%s of %d", strings.Repeat("key ", i%500), i) }
	for i := range 20_000 {
		offset, err := a.add(uint64(i), appendRecord(nil, &record{kind: tombstone, key: []byte(key(i))}))
		if err != nil {
			t.Fatal(err)
		}
		offsets = append(offsets, offset)
	}
	if a.onHeap > 1<<20 || a.bytes() < 10<<20 {
		t.Errorf("%d of %d bytes are on the heap", a.onHeap, a.bytes())
	}
	reading := a
	for i, at := range offsets {
		if i == len(offsets)/2 {
			if err := a.giveUp(); err != nil {
				t.Fatal(err)
			}
		}
		if r := reading.record(at); string(r.key) != key(i) || reading.hashAt(at) != uint64(i) {
			t.Fatalf("record %d has the key %.20q and the hash %d", i, r.key, reading.hashAt(at))
		}
	}
	if done(); len(reading.files.mappings) > 0 {
		t.Error("nobody reads any more, and the files are still there")
	}
	if a.bytes() != 0 {
		t.Errorf("an arena that was given up takes %d bytes", a.bytes())
	}
}
