package destinationtest

import (
	"slices"
	"strings"

	"github.com/google/go-cmp/cmp"

	"spillway/destinations"
)

func outcomeCases() []testCase {
	return []testCase{
		{"records that the service takes are accepted, and it holds them", "", func(b *bench) {
			batch := b.good(0, 3)
			b.must(batch, destinations.Accepted)
			b.holds(batch.Records...)
		}},
		{"the largest batch is delivered", "", func(b *bench) {
			batch := b.good(0, b.object().MaxBatch)
			b.must(batch, destinations.Accepted)
			b.holds(batch.Records...)
		}},
		{"what is sent is counted", "", func(b *bench) {
			before := len(b.wire.Calls())
			b.must(b.good(0, 1), destinations.Accepted)
			usage := b.meter.Usage()
			if usage.Requests != int64(b.calls(before)) || usage.Retries != 0 || usage.Bytes == 0 {
				b.Errorf("the meter counts %+v for %d requests", usage, b.calls(before))
			}
			if b.exchanges != usage.Requests {
				b.Errorf("%d of %d requests are told of", b.exchanges, usage.Requests)
			}
		}},
		{"a record delivered twice is there once", Redelivery, func(b *bench) {
			batch := b.good(0, 2)
			b.must(batch, destinations.Accepted)
			b.must(batch, destinations.Accepted)
			b.holds(batch.Records...)
		}},
		{"a record that the service refuses has its reason", Verdicts, func(b *bench) {
			b.must(b.batch(b.suite.Op, b.suite.Bad(0)), destinations.Rejected)
		}},
		{"a refused record does not stop its neighbours, and outcomes keep the order", Verdicts, func(b *bench) {
			n := min(b.object().MaxBatch, 5)
			var records []destinations.Record
			var want []destinations.Status
			for i := range n {
				if i%2 == 1 {
					records, want = append(records, b.suite.Bad(i)), append(want, destinations.Rejected)
				} else {
					records, want = append(records, b.suite.Good(i)), append(want, destinations.Accepted)
				}
			}
			b.must(b.batch(b.suite.Op, records...), want...)
			for i, r := range records {
				if _, found := b.service.Get(b.suite.Object, r.ID); found != (want[i] == destinations.Accepted) {
					b.Errorf("record %d is %s, and the service holds it: %t", i, want[i], found)
				}
			}
		}},
		{"values arrive as they are", "", func(b *bench) {
			for i, exact := range b.suite.Exact {
				r := b.suite.Good(i)
				r.Fields = slices.DeleteFunc(slices.Clone(r.Fields), func(f destinations.FieldValue) bool {
					return f.Name == exact.Field
				})
				r.Fields = append(r.Fields, destinations.FieldValue{Name: exact.Field, Value: exact.Value})
				b.must(b.batch(b.suite.Op, r), destinations.Accepted)
				stored, _ := b.service.Get(b.suite.Object, r.ID)
				if diff := cmp.Diff(exact.Stored, stored[exact.Field]); diff != "" {
					b.Errorf("%s = %v (-want +got):\n%s", exact.Field, exact.Value, diff)
				}
			}
		}},
		{"a deleted record is gone", Deletion, func(b *bench) { b.remove(destinations.Delete) }},
		{"an archived record is gone", Archival, func(b *bench) { b.remove(destinations.Archive) }},
		{"a record that is not there is deleted well", Deletion, func(b *bench) {
			b.must(b.removal(destinations.Delete, b.suite.Good(0)), destinations.Accepted)
		}},
		{"a record that is not there is archived well", Archival, func(b *bench) {
			b.must(b.removal(destinations.Archive, b.suite.Good(0)), destinations.Accepted)
		}},
	}
}

// remove delivers two records and removes the first.
func (b *bench) remove(op destinations.Op) {
	b.Helper()
	for i := range 2 {
		b.must(b.good(i, 1), destinations.Accepted)
	}
	b.must(b.removal(op, b.suite.Good(0)), destinations.Accepted)
	if _, found := b.service.Get(b.suite.Object, b.suite.Good(0).ID); found {
		b.Error("the service still holds the record")
	}
	b.holds(b.suite.Good(1))
}

func (b *bench) removal(op destinations.Op, r destinations.Record) destinations.Batch {
	r.Fields = nil
	r.Token += "-removed"
	return b.batch(op, r)
}

// holds checks that the service has these records.
func (b *bench) holds(records ...destinations.Record) {
	b.Helper()
	var missing []string
	for _, r := range records {
		if _, found := b.service.Get(b.suite.Object, r.ID); !found {
			missing = append(missing, r.ID)
		}
	}
	if len(missing) > 0 {
		b.Errorf("the service does not hold %s", strings.Join(missing, ", "))
	}
}
