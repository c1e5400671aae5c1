package destinationtest

import (
	"encoding/json"
	"slices"
	"strings"

	"spillway/destinations"
)

func contentCases() []testCase {
	return []testCase{
		{"texts of all kinds arrive as they are", "", func(b *bench) { b.arrive(b.suite.Text, texts64()) }},
		{"numbers of 64 bits arrive with all their digits", "", func(b *bench) { b.arrive(b.suite.Number, numbers64()) }},
		{"a null clears", "", cleared},
		{"a field that a record does not have stays as it is, whatever others of its batch have", "", sparse},
		{"the largest batch by bytes is one request", "", heavy},
		{"a full batch takes no more requests than it must", "", func(b *bench) {
			if b.suite.Requests == 0 {
				return
			}
			most := b.object().MaxBatch
			b.must(b.good(0, 1), destinations.Accepted) // whatever is asked once for an account is asked now
			before := len(b.wire.Calls())
			b.must(b.good(1, most), destinations.Accepted)
			if n := b.calls(before); n != b.suite.Requests {
				b.Errorf("%d requests for a full batch, want %d", n, b.suite.Requests)
			}
		}},
		{"a thousand records arrive in the fewest requests, whatever happens to a few", Verdicts, thousand},
		{"a record that the service passes over in silence is not accepted", "", func(b *bench) {
			if b.suite.Dropped == nil {
				return
			}
			batch := b.good(0, min(b.object().MaxBatch, 3))
			at := len(batch.Records) / 2
			batch.Records[at] = b.suite.Dropped(at)
			results, err := b.write(b.Context(), batch)
			if err != nil {
				b.Fatalf("write: %v", err)
			}
			for i, r := range results {
				if (r.Status == destinations.Accepted) == (i == at) {
					b.Errorf("record %d is %s (%s: %s); the service passed over record %d", i, r.Status, r.Code, r.Reason, at)
				}
			}
		}},
		{"identifiers that the service takes for the same are matched", "", folded},
	}
}

func texts64() []destinations.Value {
	return []destinations.Value{
		"Zoë", "e\u0301 is not é", "שלום", "👩‍👩‍👧‍👦", "日本語", "a\u2028b", `<b>&amp;"'\`, "null", "1e5", "007", "{{name}}", "a;b,c|d",
		strings.Repeat("ü", 200),
	}
}

func numbers64() []destinations.Value {
	return []destinations.Value{
		json.Number("9007199254740993"), json.Number("9223372036854775807"), json.Number("-9223372036854775808"),
		json.Number("0"), json.Number("1234567.89"),
	}
}

// with returns the n-th good record with another value of one of its fields.
func (b *bench) with(n int, field string, v destinations.Value) destinations.Record {
	r := b.suite.Good(n)
	r.Fields = slices.DeleteFunc(slices.Clone(r.Fields), func(f destinations.FieldValue) bool { return f.Name == field })
	r.Fields = append(r.Fields, destinations.FieldValue{Name: field, Value: v})
	return r
}

// arrive delivers each value in field, and wants the service to hold it, as a text or as a number.
func (b *bench) arrive(field string, values []destinations.Value) {
	b.Helper()
	if field == "" {
		return
	}
	for n, v := range values {
		r := b.with(n, field, v)
		b.must(b.batch(b.suite.Op, r), destinations.Accepted)
		stored, _ := b.service.Get(b.suite.Object, r.ID)
		got := stored[field]
		var text string
		if json.Unmarshal([]byte(got), &text) == nil {
			got = text
		}
		want, ok := v.(string)
		if !ok {
			want = string(marshal(b, v))
		}
		if got != want {
			b.Errorf("%s is %q, and %q was sent", field, got, want)
		}
	}
}

// cleared delivers a text and then a null in its place.
func cleared(b *bench) {
	field := b.suite.Text
	if field == "" || !b.object().Clears {
		return
	}
	for _, v := range []destinations.Value{"something", nil} {
		b.must(b.batch(b.suite.Op, b.with(0, field, v)), destinations.Accepted)
	}
	stored, held := b.service.Get(b.suite.Object, b.suite.Good(0).ID)
	if v := stored[field]; !held || v != "" && v != "null" && v != `""` {
		b.Errorf("after a null %s is %s (the record is there: %t)", field, v, held)
	}
}

// sparse delivers a record again without a field that the others of its batch have.
func sparse(b *bench) {
	field := b.suite.Text
	if field == "" || b.suite.Op == destinations.Insert { // which makes another record
		return
	}
	b.must(b.batch(b.suite.Op, b.with(0, field, "the first"), b.with(1, field, "the second")), destinations.Accepted)
	without := b.suite.Good(0)
	without.Fields = slices.DeleteFunc(slices.Clone(without.Fields), func(f destinations.FieldValue) bool { return f.Name == field })
	b.must(b.batch(b.suite.Op, b.with(1, field, "another"), without, b.with(2, field, "the third")), destinations.Accepted)
	for n, want := range []string{`"the first"`, `"another"`, `"the third"`} {
		if stored, _ := b.service.Get(b.suite.Object, b.suite.Good(n).ID); stored[field] != want {
			b.Errorf("the %s of record %d is %s, want %s", field, n, stored[field], want)
		}
	}
}

// heavy fills a batch up to the bytes that the object takes.
func heavy(b *bench) {
	o := b.object()
	if b.suite.Wide == nil || o.MaxBytes == 0 {
		return
	}
	const parts = 20
	batch := b.good(0, 1)
	for size := b.size(batch.Records[0]); len(batch.Records) < o.MaxBatch; {
		r := b.suite.Wide(len(batch.Records), o.MaxBytes/parts)
		if size += b.size(r); size > o.MaxBytes {
			break
		}
		batch.Records = append(batch.Records, r)
	}
	if len(batch.Records) < parts/2 {
		b.Fatalf("only %d records fill a batch of %d bytes", len(batch.Records), o.MaxBytes)
	}
	before := len(b.wire.Calls())
	b.must(batch, destinations.Accepted)
	if n := b.calls(before); n != 1 {
		b.Errorf("%d requests for a batch within the limits, want 1", n)
	}
}

// size is about how much JSON r takes, as callers count it.
func (b *bench) size(r destinations.Record) int {
	b.Helper()
	fields, err := r.Fields.AppendJSON(nil)
	if err != nil {
		b.Fatalf("fields: %v", err)
	}
	return len(fields) + len(r.Key) + len(r.ID)
}

// folded delivers a record again with its identifier in upper case, where the object says that this is the same.
func folded(b *bench) {
	if !b.object().FoldIdentifier {
		return
	}
	r := b.suite.Good(0)
	b.must(b.batch(b.suite.Op, r), destinations.Accepted)
	loud := b.with(0, b.suite.Identifier, strings.ToUpper(r.ID))
	loud.ID = strings.ToUpper(r.ID)
	b.must(b.batch(b.suite.Op, loud, b.suite.Good(1)), destinations.Accepted)
	if slices.Contains(b.object().Operations, destinations.Update) {
		b.must(b.batch(destinations.Update, b.suite.Good(1), loud), destinations.Accepted)
	}
	for _, id := range []string{r.ID, loud.ID} {
		if _, found := b.service.Get(b.suite.Object, id); !found {
			b.Errorf("the service does not find %s", id)
		}
	}
}
