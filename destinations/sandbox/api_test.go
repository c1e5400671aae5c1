package sandbox

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"spillway/destinations"
)

func TestABatchThatCannotBeReadIsRefusedAsAWhole(t *testing.T) {
	t.Parallel()
	record := func(ref, id string) string { return fmt.Sprintf(`{"ref":%q,"id":%q}`, ref, id) }
	batch := func(records ...string) string {
		return `{"operation":"upsert","identifier":"email","records":[` + strings.Join(records, ",") + `]}`
	}
	var many []string
	for i := range maxBatch + 1 {
		many = append(many, record(strconv.Itoa(i), fmt.Sprintf("c%d@x.io", i)))
	}
	tests := []struct {
		name, object, body string
		status             int
		code               string
	}{
		{"an object that there is not", "people", batch(record("1", "a@x.io")), 404, "no_such_object"},
		{"no JSON", "contacts", "email=a@x.io", 400, "bad_request"},
		{"half of it", "contacts", batch(record("1", "a@x.io"))[:40], 400, "bad_request"},
		{"more than one document", "contacts", batch(record("1", "a@x.io")) + "{}", 400, "bad_request"},
		{"a key that there is not", "contacts", `{"mode":"upsert"}`, 400, "bad_request"},
		{"no records", "contacts", batch(), 400, "bad_request"},
		{"too many records", "contacts", batch(many...), 413, "batch_too_large"},
		{"too many bytes", "contacts", batch(record("1", strings.Repeat("a", maxBody))), 413, "body_too_large"},
		{"an operation that there is not", "contacts", `{"operation":"merge","identifier":"email","records":[` + record("1", "a@x.io") + `]}`, 400, "unknown_operation"},
		{"a field that identifies nothing", "contacts", `{"operation":"upsert","identifier":"phone","records":[` + record("1", "a@x.io") + `]}`, 400, "not_an_identifier"},
		{"a record without a mark", "contacts", batch(record("", "a@x.io")), 400, "bad_request"},
		{"two records with one mark", "contacts", batch(record("1", "a@x.io"), record("1", "b@x.io")), 400, "bad_request"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := newTestServer(t)
			w := post(t, s, test.object, test.body)
			var got errorReply
			if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
				t.Fatalf("%s: %v", w.Body, err)
			}
			if w.Code != test.status || got.Error.Code != test.code || got.Error.Message == "" {
				t.Errorf("%d %+v, want %d %s", w.Code, got.Error, test.status, test.code)
			}
			log, err := s.Requests(t.Context(), 10)
			if err != nil {
				t.Fatal(err)
			}
			if len(log) != 1 || log[0].Status != test.status || log[0].Code != test.code {
				t.Errorf("logged as %+v", log)
			}
			if lines := kept(t, s, "contacts"); len(lines) > 0 {
				t.Errorf("kept %v", lines)
			}
		})
	}
}

func TestARequestThatIsNoBatchIsRefused(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	for path, want := range map[string]int{
		"/api/v1/objects": 200, "/api/v1/account": 200, "/api/v1/requests": 200, "/api/v1/objects/deals/fields": 200,
		"/api/v1/objects/deals/records?limit=1": 200, "/api/v1/objects/deals/records?limit=0": 400,
		"/api/v1/objects/deals/records?limit=501": 400, "/api/v1/objects/deals/records?before=x": 400, "/api/v1/objects/deals/records?before=-1": 400,
		"/api/v1/objects/none/records": 404, "/api/v1/objects/none/fields": 404, "/api/v2": 404, "/api/": 404,
	} {
		w := get(t, s, path)
		if w.Code != want || !json.Valid(w.Body.Bytes()) {
			t.Errorf("%s: %d %s, want %d", path, w.Code, w.Body, want)
		}
	}
}

func TestAnIdempotencyKeyIsHonouredForInserts(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	insert := func(key, records string) []batchResult {
		t.Helper()
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "http://localhost/api/v1/objects/tickets/batch",
			strings.NewReader(`{"operation":"insert","identifier":"external_id","records":`+records+`}`))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Idempotency-Key", key)
		var answer batchReply
		if err := json.Unmarshal(call(t, s, r).Body.Bytes(), &answer); err != nil {
			t.Fatal(err)
		}
		for i := range answer.Results {
			answer.Results[i].Message = ""
		}
		return answer.Results
	}
	const one, other = `[{"ref":"a","id":"1","fields":{"subject":"Help"}}]`, `[{"ref":"a","id":"2","fields":{"subject":"Help"}}]`
	made := []batchResult{{Ref: "a", Status: statusOK, RecordID: "1", Outcome: outcomeCreated}}
	tests := []struct {
		name, key, records string
		want               []batchResult
	}{
		{"the first makes a record", "k1", one, made},
		{"the same again is answered the same", "k1", one, made},
		{"another record under that key is refused", "k1", other, []batchResult{{Ref: "a", Status: statusError, Code: "token_reused"}}},
		{"the same record under another key is a conflict", "k2", one, []batchResult{{Ref: "a", Status: statusError, Code: "conflict"}}},
	}
	for _, test := range tests {
		if diff := cmp.Diff(test.want, insert(test.key, test.records)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
	if got := kept(t, s, "tickets"); len(got) != 1 {
		t.Errorf("kept %v", got)
	}
}

func TestTheHeadersTellTheLimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := openTestServer(t, Options{Rate: destinations.Rate{Requests: 3, Per: 6 * time.Second}})
		names := []string{"RateLimit-Policy", "RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset", "Retry-After"}
		steps := []struct {
			after time.Duration
			want  []string // the status, then the headers
		}{
			{0, []string{"200", "3;w=6", "3", "2", "2", ""}},
			{0, []string{"200", "3;w=6", "3", "1", "4", ""}},
			{0, []string{"200", "3;w=6", "3", "0", "6", ""}},
			{0, []string{"429", "3;w=6", "3", "0", "6", "2"}},
			{1500 * time.Millisecond, []string{"429", "3;w=6", "3", "0", "5", "1"}},
			{500 * time.Millisecond, []string{"200", "3;w=6", "3", "0", "6", ""}},
			{time.Minute, []string{"200", "3;w=6", "3", "2", "2", ""}},
		}
		for i, step := range steps {
			<-time.After(step.after)
			w := get(t, s, "/api/v1/objects")
			got := []string{strconv.Itoa(w.Code)}
			for _, name := range names {
				got = append(got, w.Header().Get(name))
			}
			if diff := cmp.Diff(step.want, got); diff != "" {
				t.Errorf("request %d (-want +got):\n%s", i, diff)
			}
		}
		if w := get(t, s, "/contacts"); w.Code != 200 {
			t.Errorf("the page is limited too: %d", w.Code)
		}
	})
}

func TestRecordsAreListedPageByPage(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	for i := range 5 {
		send(t, s, "companies", destinations.Upsert, "domain", fmt.Sprintf("c%d.io", i), `{}`)
	}
	send(t, s, "companies", destinations.Upsert, "domain", "C1.io", `{"name":"Älter & Söhne"}`)
	var got []string
	for before := ""; ; {
		var page recordsReply
		w := get(t, s, "/api/v1/objects/companies/records?limit=2&before="+before)
		if err := json.Unmarshal(w.Body.Bytes(), &page); err != nil {
			t.Fatalf("%s: %v", w.Body, err)
		}
		for _, r := range page.Records {
			got = append(got, plain(r.Fields["domain"]))
		}
		if before = page.Next; before == "" {
			break
		}
	}
	if diff := cmp.Diff([]string{"C1.io", "c4.io", "c3.io", "c2.io", "c0.io"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	found, _, err := s.Records(t.Context(), Query{Search: "äLTER &"})
	if err != nil {
		t.Fatal(err)
	}
	if len(found) != 1 || found[0].Latest.Kind != outcomeUpdated {
		t.Errorf("found %+v", found)
	}
}
