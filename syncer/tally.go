package syncer

import (
	"slices"

	"spillway/destinations"
	"spillway/diffstore"
	"spillway/mappings"
	"spillway/syncer/runlog"
)

// samplesEach is how many operations of each kind a plan shows.
const samplesEach = 3

// tally counts what a plan holds.
type tally struct {
	counts   runlog.Counts
	outcomes runlog.Matrix    // of what needs no sending to have one
	keyless  int64            // rows whose key is not known
	fields   map[string]int64 // changed rows by field
	writes   int64            // that would be sent
	removals int64            // that would be sent
	bytes    int64            // of the records that would be sent, about
	sized    bool             // bytes are counted
	doubtful bool
	samples  []Sample
	sampled  map[runlog.Kind]int
}

// newTally counts bytes too where the object limits those of a request.
func newTally(o destinations.Object) tally {
	return tally{sized: o.MaxBytes > 0, fields: map[string]int64{}, sampled: map[runlog.Kind]int{}}
}

// add counts an item.
func (t *tally) add(i *item) error {
	t.count(i, 1)
	if i.Batch != (diffstore.Token{}) {
		t.doubtful = true
	}
	kind := kindOf(i)
	if t.sampled[kind] < samplesEach {
		t.sampled[kind]++
		sample, err := newSample(i, kind)
		if err != nil {
			return err
		}
		t.samples = append(t.samples, sample)
	}
	return nil
}

// void takes back a staged write whose key stands more than once in the source.
func (t *tally) void(i *item) {
	t.count(i, -1)
	at := slices.IndexFunc(t.samples, func(s Sample) bool { return s.Key == i.Key && s.Kind == kindOf(i) })
	if at >= 0 {
		t.sampled[t.samples[at].Kind]--
		t.samples = slices.Delete(t.samples, at, at+1)
	}
}

func (t *tally) count(i *item, n int64) {
	switch {
	case i.Step == remove:
		t.counts.Removed += n
	case i.Verdict == diffstore.Added:
		t.counts.Added += n
	case i.Verdict == diffstore.Changed:
		t.counts.Changed += n
	case i.Verdict == diffstore.Carried:
		t.counts.Carried += n
	}
	if i.Verdict == diffstore.Changed {
		for _, name := range i.Changed {
			t.fields[name] += n
		}
	}
	switch {
	case i.Quarantined:
		t.counts.Quarantined += n
		t.outcomes.Add(kindOf(i), runlog.RowQuarantined, n)
	case i.Step == remove:
		t.removals += n
	default:
		t.writes += n
		if t.sized {
			t.bytes += n * int64(i.size())
		}
	}
}

// size is about how many bytes of JSON the item's fields take.
func (i *item) size() int {
	n := 0
	if i.Record != nil {
		i.Record.EachStored(i.Update, func(_ int, name string, stored []byte) { n += len(name) + mappings.StoredSize(stored) })
	}
	for _, f := range i.Fields {
		n += len(f.Name) + mappings.ValueSize(f.Value)
	}
	return n
}

func kindOf(i *item) runlog.Kind {
	switch {
	case i.Step == remove:
		return runlog.KindRemoved
	case i.Verdict == diffstore.Added:
		return runlog.KindAdded
	case i.Verdict == diffstore.Carried:
		return runlog.KindCarried
	}
	return runlog.KindChanged
}
