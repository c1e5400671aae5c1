package sandbox

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"spillway/destinations"
)

// newTestServer returns a server that keeps its records in memory and has no rate limit.
func newTestServer(t *testing.T) *Server {
	t.Helper()
	return openTestServer(t, Options{})
}

func openTestServer(t *testing.T, o Options) *Server {
	t.Helper()
	s, err := NewServer(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func call(t *testing.T, s http.Handler, r *http.Request) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

func get(t *testing.T, s http.Handler, path string) *httptest.ResponseRecorder {
	t.Helper()
	return call(t, s, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "http://localhost"+path, nil))
}

func post(t *testing.T, s http.Handler, object, body string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "http://localhost/api/v1/objects/"+object+"/batch", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	return call(t, s, r)
}

// send writes records, given as id and fields in turn, and returns one line a record in the order sent.
func send(t *testing.T, s http.Handler, object string, op destinations.Op, identifier string, records ...string) []string {
	t.Helper()
	body := batchRequest{Operation: string(op), Identifier: identifier, Source: "test"}
	for i := 0; i < len(records); i += 2 {
		body.Records = append(body.Records, batchRecord{Ref: strconv.Itoa(i), ID: records[i], Fields: json.RawMessage(records[i+1])})
	}
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	w := post(t, s, object, string(text))
	var answer batchReply
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil || len(answer.Results) != len(body.Records) {
		t.Fatalf("%d %s: %v", w.Code, w.Body, err)
	}
	lines := make([]string, len(body.Records))
	for i, record := range body.Records {
		at := slices.IndexFunc(answer.Results, func(r batchResult) bool { return r.Ref == record.Ref })
		r := answer.Results[at]
		lines[i] = r.Outcome + r.Code
	}
	return lines
}

// kept returns the records of an object as lines of their fields, sorted.
func kept(t *testing.T, s *Server, object string) []string {
	t.Helper()
	records, _, err := s.Records(t.Context(), Query{Object: object})
	if err != nil {
		t.Fatal(err)
	}
	lines := make([]string, len(records))
	for i, r := range records {
		fields, err := encode(r.Fields)
		if err != nil {
			t.Fatal(err)
		}
		lines[i] = string(fields)
		if r.Archived {
			lines[i] += " archived"
		}
	}
	slices.Sort(lines)
	return lines
}

func TestOperations(t *testing.T) {
	t.Parallel()
	const ada, bob = `{"email":"ada@x.io","plan":"Free"}`, `{"email":"bob@x.io"}`
	type step struct {
		op      destinations.Op
		records []string
		want    []string
	}
	tests := []struct {
		name  string
		steps []step
		want  []string
	}{
		{
			"an upsert makes a record and then changes it",
			[]step{
				{destinations.Upsert, []string{"ada@x.io", ada}, []string{"created"}},
				{destinations.Upsert, []string{"ada@x.io", `{"plan":"Pro"}`}, []string{"updated"}},
			},
			[]string{`{"email":"ada@x.io","plan":"Pro"}`},
		},
		{
			"the same upsert again changes nothing",
			[]step{
				{destinations.Upsert, []string{"ada@x.io", ada}, []string{"created"}},
				{destinations.Upsert, []string{"ada@x.io", ada}, []string{"unchanged"}},
			},
			[]string{ada},
		},
		{
			"an address in other letters finds the same contact",
			[]step{
				{destinations.Upsert, []string{"ada@x.io", ada}, []string{"created"}},
				{destinations.Upsert, []string{"ADA@X.io", `{"email":"ADA@X.io"}`}, []string{"updated"}},
			},
			[]string{`{"email":"ADA@X.io","plan":"Free"}`},
		},
		{
			"an update changes only what is there",
			[]step{
				{destinations.Upsert, []string{"ada@x.io", ada}, []string{"created"}},
				{destinations.Update, []string{"ada@x.io", `{"plan":"Team"}`, "bob@x.io", bob}, []string{"updated", "not_found"}},
			},
			[]string{`{"email":"ada@x.io","plan":"Team"}`},
		},
		{
			"an insert of a record that is there is a conflict",
			[]step{
				{destinations.Insert, []string{"ada@x.io", ada}, []string{"created"}},
				{destinations.Insert, []string{"Ada@x.io", `{"plan":"Pro"}`, "bob@x.io", bob}, []string{"conflict", "created"}},
			},
			[]string{ada, bob},
		},
		{
			"null clears a field, and clear leaves what identifies the record",
			[]step{
				{destinations.Upsert, []string{"ada@x.io", `{"email":"ada@x.io","plan":"Free","city":"Riga","phone":"1"}`}, []string{"created"}},
				{destinations.Upsert, []string{"ada@x.io", `{"phone":null}`}, []string{"updated"}},
				{destinations.Clear, []string{"ada@x.io", `{"email":null,"plan":null}`, "bob@x.io", `{"plan":null}`}, []string{"cleared", "absent"}},
			},
			[]string{`{"city":"Riga","email":"ada@x.io"}`},
		},
		{
			"an archived record is kept, is no longer updated, and comes back by an upsert",
			[]step{
				{destinations.Upsert, []string{"ada@x.io", ada, "bob@x.io", bob}, []string{"created", "created"}},
				{destinations.Archive, []string{"ada@x.io", "", "bob@x.io", "", "eve@x.io", ""}, []string{"archived", "archived", "absent"}},
				{destinations.Archive, []string{"ada@x.io", ""}, []string{"unchanged"}},
				{destinations.Update, []string{"ada@x.io", `{"plan":"Pro"}`}, []string{"not_found"}},
				{destinations.Upsert, []string{"ada@x.io", `{"plan":"Pro"}`}, []string{"restored"}},
			},
			[]string{`{"email":"ada@x.io","plan":"Pro"}`, bob + " archived"},
		},
		{
			"a deleted record is gone, and deleting it again is no fault",
			[]step{
				{destinations.Upsert, []string{"ada@x.io", ada}, []string{"created"}},
				{destinations.Delete, []string{"ada@x.io", ""}, []string{"deleted"}},
				{destinations.Delete, []string{"ada@x.io", ""}, []string{"absent"}},
				{destinations.Insert, []string{"ada@x.io", `{}`}, []string{"created"}},
			},
			[]string{`{"email":"ada@x.io"}`},
		},
		{
			"bad records do not stop good ones",
			[]step{{
				destinations.Upsert,
				[]string{"ada@x.io", ada, "no address", `{}`, "bob@x.io", bob, "eve@x.io", `{"plan":"Gold"}`},
				[]string{"created", "invalid_email", "created", "invalid_option"},
			}},
			[]string{ada, bob},
		},
		{
			"an identifier twice in a request is taken once",
			[]step{{
				destinations.Upsert, []string{"ada@x.io", ada, "ADA@x.io", `{"plan":"Pro"}`}, []string{"created", "duplicate_in_batch"},
			}},
			[]string{ada},
		},
		{
			"a record cannot take the identifier of another one",
			[]step{
				{destinations.Upsert, []string{"ada@x.io", `{"external_id":"1"}`, "bob@x.io", `{"external_id":"2"}`}, []string{"created", "created"}},
				{destinations.Upsert, []string{"bob@x.io", `{"external_id":"1"}`}, []string{"conflict"}},
				{destinations.Upsert, []string{"ada@x.io", `{"external_id":"3"}`}, []string{"updated"}},
				{destinations.Upsert, []string{"bob@x.io", `{"external_id":"1"}`}, []string{"updated"}},
			},
			[]string{`{"email":"ada@x.io","external_id":"3"}`, `{"email":"bob@x.io","external_id":"1"}`},
		},
		{
			"the id and the field that it stands for must agree",
			[]step{{destinations.Upsert, []string{"ada@x.io", bob}, []string{"identifier_mismatch"}}},
			[]string{},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := newTestServer(t)
			for _, step := range test.steps {
				if diff := cmp.Diff(step.want, send(t, s, "contacts", step.op, "email", step.records...)); diff != "" {
					t.Errorf("%s (-want +got):\n%s", step.op, diff)
				}
			}
			if diff := cmp.Diff(test.want, kept(t, s, "contacts")); diff != "" {
				t.Errorf("records (-want +got):\n%s", diff)
			}
		})
	}
}
