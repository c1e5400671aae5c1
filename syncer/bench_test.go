package syncer

import (
	"fmt"
	"testing"

	"spillway/mappings"
	"spillway/warehouse"
)

// crowdOfPeople are as many people as a large chunk of a model.
func crowdOfPeople(score string) []person {
	people := make([]person, 20*chunkRows)
	for n := range people {
		people[n] = person{
			Key: fmt.Sprintf("p%06d", n), Email: fmt.Sprintf("person%d@example.com", n), Name: "Ada Lovelace", Score: score,
			Doc: `{"plan":"pro","seats":12}`, Origin: "web",
		}
	}
	return people
}

// benchmarkPlan plans once and again from packed rows in memory.
func benchmarkPlan(b *testing.B, w *world, due int64) {
	b.Helper()
	b.ReportAllocs()
	rows := int64(0)
	for b.Loop() {
		p, err := w.open().Plan(b.Context(), w.sync, false)
		if err != nil {
			b.Fatal(err)
		}
		if got := p.Added + p.Changed; got != due {
			b.Fatalf("%d rows are due, and %d should be", got, due)
		}
		rows += p.Source
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(rows), "ns/row")
}

func BenchmarkPlan(b *testing.B) {
	people := crowdOfPeople("1")
	b.Run("first run", func(b *testing.B) {
		w := newWorld(b)
		w.source.packs = true
		w.source.set(people...)
		benchmarkPlan(b, w, int64(len(people)))
	})
	for _, c := range []struct {
		name, score string
		due         int64
	}{{"nothing changed", "1", 0}, {"all changed", "2", int64(len(people))}} {
		b.Run(c.name, func(b *testing.B) {
			w := newWorld(b)
			w.source.packs = true
			w.source.set(people...)
			if _, _, err := w.open().Adopt(b.Context(), w.sync); err != nil {
				b.Fatal(err)
			}
			w.source.set(crowdOfPeople(c.score)...)
			benchmarkPlan(b, w, c.due)
		})
	}
}

// encoded returns a staged write of five fields, and a stager that has its mapping.
func encoded(b *testing.B) *mappings.Encoded {
	b.Helper()
	w := newWorld(b)
	w.sync.Mapping.Mode = w.sync.Mode
	objects, err := w.remote.Objects(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	mapping, problems := mappings.Compile(w.sync.Mapping, personColumns, objects[0], nil)
	if len(problems) > 0 {
		b.Fatal(problems)
	}
	cells := make([]warehouse.Cell, len(personColumns))
	for i, text := range []string{"p000001", "person1@example.com", "Ada Lovelace", "1"} {
		cells[i] = warehouse.CellOf(text)
	}
	var e mappings.Encoded
	if err := mapping.Encode(cells, &e); err != nil {
		b.Fatal(err)
	}
	return &e
}

func BenchmarkFieldSums(b *testing.B) {
	e := encoded(b)
	view, err := newWorld(b).open().store.View(b.Context(), "contacts")
	if err != nil {
		b.Fatal(err)
	}
	d := newDetail(view, narrow)
	var sums []byte
	b.ReportAllocs()
	for b.Loop() {
		sums = d.append(sums[:0], e)
	}
	if err := view.Close(); err != nil {
		b.Fatal(err)
	}
}

func BenchmarkStagedItem(b *testing.B) {
	e := encoded(b)
	i := item{Step: write, Op: "upsert", Key: "p000001", ID: "person1@example.com", Folded: "person1@example.com", Detail: make([]byte, 16), Record: e}
	var stored []byte
	b.ReportAllocs()
	for b.Loop() {
		stored = i.append(stored[:0], nil)
	}
}
