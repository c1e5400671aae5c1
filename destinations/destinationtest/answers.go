package destinationtest

import (
	"encoding/json"
	"slices"

	"github.com/google/go-cmp/cmp"

	"spillway/destinations"
)

const tooLong = 11 << 20

func answerCases() []testCase {
	return []testCase{
		{"an answer that is cut short leaves its rows unknown", Direct, func(b *bench) {
			b.wire.SpoilAll(Cut())
			b.must(b.good(0, 2), destinations.Unknown)
		}},
		{"an answer without an end leaves its rows unknown", Direct, func(b *bench) {
			b.wire.SpoilAll(Huge(tooLong))
			b.must(b.good(0, 2), destinations.Unknown)
		}},
		{"the order of results does not matter", Listed, func(b *bench) {
			b.mangled(func(list []json.RawMessage) []json.RawMessage {
				slices.Reverse(list)
				return list
			})
		}},
		{"results that are given twice count once", Listed, func(b *bench) {
			b.mangled(func(list []json.RawMessage) []json.RawMessage { return append(list, list...) })
		}},
		{"results of no record are passed over", Listed, func(b *bench) {
			b.mangled(func(list []json.RawMessage) []json.RawMessage {
				odd := []json.RawMessage{
					json.RawMessage(`{}`), json.RawMessage(`null`), json.RawMessage(`"odd"`), json.RawMessage(`[7]`),
				}
				return append(odd, list...)
			})
		}},
		{"a record without a result is unknown", Listed, missing},
		{"a result that is given twice does not stand for another record", Listed, func(b *bench) {
			n := min(b.object().MaxBatch, 3)
			if n < 2 {
				return
			}
			b.wire.SpoilAll(Edit(func(body []byte) ([]byte, error) {
				return b.edit(body, func(list []json.RawMessage) []json.RawMessage {
					if len(list) > 1 {
						list[1] = list[0]
					}
					return list
				}), nil
			}))
			results, err := b.write(b.Context(), b.good(0, n))
			if err != nil {
				b.Fatalf("write: %v", err)
			}
			got := statuses(results)
			slices.Sort(got)
			want := append(slices.Repeat([]string{"accepted"}, n-1), "unknown")
			if diff := cmp.Diff(want, got); diff != "" {
				b.Errorf("outcomes (-want +got):\n%s", diff)
			}
		}},
	}
}

// mixed returns a batch of good and, where the service refuses records one by one, bad records.
func (b *bench) mixed() destinations.Batch {
	batch := b.good(0, min(b.object().MaxBatch, 4))
	if _, lacks := b.suite.Lacks[Verdicts]; !lacks && len(batch.Records) > 1 {
		batch.Records[1] = b.suite.Bad(1)
	}
	return batch
}

// mangled delivers a mixed batch twice, to services that know nothing of each other, the second time with every list
// of results edited, and wants the same outcomes.
func (b *bench) mangled(edit func(list []json.RawMessage) []json.RawMessage) {
	b.Helper()
	want, err := b.write(b.Context(), b.mixed())
	if err != nil {
		b.Fatalf("write: %v", err)
	}
	other := newBench(b.T, b.suite)
	batch := other.mixed()
	other.wire.SpoilAll(Edit(func(body []byte) ([]byte, error) { return other.edit(body, edit), nil }))
	got, err := other.write(b.Context(), batch)
	if err != nil {
		b.Fatalf("write: %v", err)
	}
	if diff := cmp.Diff(statuses(want), statuses(got)); diff != "" {
		b.Errorf("outcomes (-plain +edited):\n%s", diff)
	}
}

// missing drops the results of one record after the other.
func missing(b *bench) {
	n := min(b.object().MaxBatch, 3)
	for drop := range n {
		dropped := false
		b.wire.SpoilAll(Edit(func(body []byte) ([]byte, error) {
			return b.edit(body, func(list []json.RawMessage) []json.RawMessage {
				if dropped || len(list) <= drop {
					return list
				}
				dropped = true
				return slices.Delete(list, drop, drop+1)
			}), nil
		}))
		results, err := b.write(b.Context(), b.good(0, n))
		if err != nil {
			b.Fatalf("write: %v", err)
		}
		unknown := 0
		for _, r := range results {
			if r.Status == destinations.Unknown {
				unknown++
			}
		}
		b.never(results, destinations.Rejected)
		if unknown != 1 || !dropped {
			b.Errorf("%d records are unknown after one of %d results was dropped, want 1", unknown, n)
		}
	}
}

// edit changes every list of results in an answer.
func (b *bench) edit(body []byte, edit func([]json.RawMessage) []json.RawMessage) []byte {
	b.Helper()
	var answer map[string]json.RawMessage
	if err := json.Unmarshal(body, &answer); err != nil {
		b.Errorf("the answer of the service is no JSON object: %v", err)
		return body
	}
	found := false
	for _, name := range b.suite.Results {
		var list []json.RawMessage
		if answer[name] == nil {
			continue
		}
		if err := json.Unmarshal(answer[name], &list); err != nil {
			b.Errorf("%s is no list: %v", name, err)
			return body
		}
		found = true
		answer[name] = marshal(b, edit(list))
	}
	if !found {
		b.Errorf("the answer of the service has none of %v", b.suite.Results)
	}
	return marshal(b, answer)
}

func marshal(b *bench, v any) []byte {
	b.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		b.Errorf("marshal: %v", err)
	}
	return text
}

func statuses(results []destinations.Result) []string {
	out := make([]string, len(results))
	for i, r := range results {
		out[i] = r.Status.String()
	}
	return out
}
