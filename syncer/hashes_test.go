package syncer

import (
	"math/rand/v2"
	"testing"
)

func TestASetOfHashesHoldsWhatAMapWould(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	set, want := newHashes(), map[uint64]bool{}
	for range 200_000 {
		h := random.Uint64N(3000) << random.IntN(3) // many of them meet in one slot
		switch random.IntN(3) {
		case 0:
			set.remove(h)
			delete(want, max(h, 1))
		default:
			if len(want) < 2000 || want[max(h, 1)] {
				set.add(h)
				want[max(h, 1)] = true
			}
		}
		probe := random.Uint64N(3000)
		if set.has(probe) != want[max(probe, 1)] {
			t.Fatalf("of %d it says %v", probe, set.has(probe))
		}
	}
	if set.used != len(want) {
		t.Errorf("%d are counted, %d are there", set.used, len(want))
	}
}

func BenchmarkFlights(b *testing.B) {
	f := newFlights()
	items := make([]item, 100)
	for n := range items {
		items[n].Key, items[n].Folded = string(rune('a'+n)), string(rune('A'+n))
	}
	var p batch
	b.ReportAllocs()
	for b.Loop() {
		for n := range items {
			if !f.take(&p, &items[n]) {
				b.Fatal("a name is taken")
			}
		}
		f.leave(&p)
	}
}
