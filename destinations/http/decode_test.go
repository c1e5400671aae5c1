package http

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"spillway/destinations"
)

func TestDecodeReadsWhatTheServiceSays(t *testing.T) {
	t.Parallel()
	const (
		accepted = destinations.Accepted
		rejected = destinations.Rejected
		deferred = destinations.Deferred
		unknown  = destinations.Unknown
	)
	for _, test := range []struct {
		name, body string
		want       []destinations.Status // of the records a, 42 and "key only"; nil if the body cannot be read
	}{
		{"no body accepts all", "", []destinations.Status{accepted, accepted, accepted}},
		{"a word accepts all", "OK", []destinations.Status{accepted, accepted, accepted}},
		{"a page accepts all", "<html>{</html>", []destinations.Status{accepted, accepted, accepted}},
		{"JSON without results accepts all", `{"ok":true}`, []destinations.Status{accepted, accepted, accepted}},
		{"results of another case are none", `{"Results":7}`, []destinations.Status{accepted, accepted, accepted}},
		{"results deeper down are none", `{"data":{"results":[]}}`, []destinations.Status{accepted, accepted, accepted}},
		{"a list accepts all", `[{"id":"a","status":"rejected"}]`, []destinations.Status{accepted, accepted, accepted}},
		{"a JSON text accepts all", `"results"`, []destinations.Status{accepted, accepted, accepted}},
		{"what is no JSON accepts all", `{ok}`, []destinations.Status{accepted, accepted, accepted}},

		{"results that are an object", `{"results":{"a":"accepted"}}`, nil},
		{"results that are null", `{"results":null}`, nil},
		{"results that are a text", `{"results":"all good"}`, nil},
		{"an object that is cut short", `{"results":[{"id":"a","status":"accepted"}`, nil},
		{"an object that is cut within a word", `{"ok":tru`, nil},
		{"a list that is cut short", `[1,2`, nil},
		{"results within broken JSON", `{"results":[{"id":"a",,}]}`, nil},

		{"no results at all", `{"results":[]}`, []destinations.Status{unknown, unknown, unknown}},
		{
			"each status, matched by id, numbers too, and by key where there is no id",
			`{"results":[{"id":"key only","status":"retry"},{"id":42,"status":"rejected"},{"id":"a","status":"accepted"}]}`,
			[]destinations.Status{accepted, rejected, deferred},
		},
		{
			"records that are not listed, and others that nobody knows",
			`{"results":[{"id":"b","status":"rejected"},{"id":"42","status":"accepted"}]}`,
			[]destinations.Status{unknown, accepted, unknown},
		},
		{
			"a status without a meaning, none, and one of another type",
			`{"results":[{"id":"a","status":"ok"},{"id":"42"},{"id":"key only","status":1}]}`,
			[]destinations.Status{unknown, unknown, unknown},
		},
		{
			"the worse of two results wins, whichever comes first",
			`{"results":[{"id":"a","status":"accepted"},{"id":"a","status":"rejected"},{"id":"42","status":"retry"},
			{"id":"42","status":"accepted"},{"id":"key only","status":"rejected"},{"id":"key only","status":"?"}]}`,
			[]destinations.Status{rejected, deferred, unknown},
		},
		{
			"entries that are no results",
			`{"results":[null,7,"a",["a"],{},{"id":null,"status":"rejected"},{"id":{"x":1},"status":"rejected"},{"id":"a","status":"accepted"}]}`,
			[]destinations.Status{accepted, unknown, unknown},
		},
		{
			"codes and reasons of other types do not spoil a result",
			`{"results":[{"id":"a","status":"accepted","code":{},"reason":[]},{"id":"42","status":"rejected","code":7,"reason":null}]}`,
			[]destinations.Status{accepted, rejected, unknown},
		},
		{"a byte order mark", "\ufeff" + `{"results":[{"id":"a","status":"accepted"}]}`, []destinations.Status{accepted, unknown, unknown}},
		{"something after the object", `{"results":[]} bye`, []destinations.Status{unknown, unknown, unknown}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			results, err := decode(threeRecords(), []byte(test.body))
			if (err != nil) != (test.want == nil) {
				t.Fatalf("results %v, error %v", results, err)
			}
			var got []destinations.Status
			for _, r := range results {
				got = append(got, r.Status)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("statuses (-want +got):\n%s", diff)
			}
		})
	}
}

func TestDecodeKeepsCodesAndReasons(t *testing.T) {
	t.Parallel()
	body := `{"results":[{"id":"a","status":"rejected","code":"bad_email","reason":"no such host"},
		{"id":"42","status":"rejected","code":17},{"id":"key only","status":"paused"}]}`
	got, err := decode(threeRecords(), []byte(body))
	if err != nil {
		t.Fatalf("decode: %v", err)
	}
	want := []destinations.Result{
		{Status: destinations.Rejected, Code: "bad_email", Reason: "no such host"},
		{Status: destinations.Rejected, Code: "17"},
		{Code: "status", Reason: `the answer gives this record the status "paused", which has no meaning`},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("results (-want +got):\n%s", diff)
	}
}

func threeRecords() []destinations.Record {
	return []destinations.Record{{Key: "1", ID: "a"}, {Key: "2", ID: "42"}, {Key: "key only"}}
}

// FuzzDecode holds decode to this: no answer makes it panic, and only one that has no results, or says so, accepts.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"results":[{"id":"a","status":"accepted"},{"id":42,"status":"retry","code":1}]}`))
	f.Add([]byte(`{"results":null}`))
	f.Add([]byte("OK"))
	f.Fuzz(func(t *testing.T, body []byte) {
		results, err := decode(threeRecords(), body)
		if err != nil {
			return
		}
		if len(results) != 3 {
			t.Fatalf("%d results for 3 records", len(results))
		}
		var said struct {
			Results *[]json.RawMessage `json:"results"`
		}
		if json.Unmarshal(body, &said) != nil || said.Results == nil {
			return
		}
		for i, r := range results {
			if r.Status == destinations.Accepted && len(*said.Results) == 0 {
				t.Errorf("record %d was accepted by an empty list", i)
			}
		}
	})
}
