package http_test

import (
	"encoding/json"
	"fmt"
	"maps"
	nethttp "net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"spillway/destinations"
	"spillway/destinations/destinationtest"
	"spillway/destinations/http"
)

func TestHTTPKeepsTheContractOfDestinations(t *testing.T) {
	t.Parallel()
	for _, format := range []string{"batch", "single"} {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			destinationtest.Run(t, destinationtest.Suite{
				Open: func(t *testing.T, credential destinations.Secret, env destinations.Env) destinations.Destination {
					t.Helper()
					return open(t, env, func(c *http.Config) {
						c.Format, c.Token = format, credential
						c.Headers = map[string]destinations.Secret{"X-Team": destinationtest.Secret("data")}
						c.URL = "https://ops.example.com/hooks/{object}/{op}"
					})
				},
				Service:    func(*testing.T) destinationtest.Service { return &service{records: map[string]map[string]string{}} },
				Object:     "people",
				Identifier: "email",
				Good:       func(n int) destinations.Record { return person(n, "Pro") },
				Bad:        func(n int) destinations.Record { return person(n, "plan-unheard-of") },
				Key:        "Idempotency-Key",
				Results:    []string{"results"},
				Exact:      exact(),
				Golden:     golden(format),
				Lacks: map[destinationtest.Trait]string{
					destinationtest.NamedObjects:  "the object's name is free text",
					destinationtest.NotRepeatable: "every request carries an Idempotency-Key",
				},
			})
		})
	}
}

// open opens a destination with the defaults of its settings, changed by set.
func open(t testing.TB, env destinations.Env, set func(*http.Config)) destinations.Destination {
	t.Helper()
	d, err := tryOpen(t, env, set)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	return d
}

func tryOpen(t testing.TB, env destinations.Env, set func(*http.Config)) (destinations.Destination, error) {
	t.Helper()
	definition := http.Definition()
	config, ok := definition.Config().(*http.Config)
	if !ok {
		t.Fatalf("the settings are of type %T", definition.Config())
	}
	config.URL, config.Format = "https://ops.example.com/people", "batch"
	config.MaxBatch, config.Concurrency, config.Timeout = 100, 4, time.Minute
	set(config)
	return definition.Open(t.Context(), config, env)
}

func person(n int, plan string) destinations.Record {
	email := fmt.Sprintf("person%d@example.com", n)
	return destinations.Record{
		Key: fmt.Sprint(n), ID: email, Token: fmt.Sprintf("token-%d-%s", n, plan),
		Fields: destinations.Fields{{Name: "email", Value: email}, {Name: "plan", Value: plan}},
	}
}

func exact() []destinationtest.Exact {
	return []destinationtest.Exact{
		{Field: "name", Value: "Zoë 🚀 <b>&\u2028\"\\", Stored: `"Zoë 🚀 <b>&\u2028\"\\"`},
		{Field: "name", Value: "", Stored: `""`},
		{Field: "name", Value: strings.Repeat("å", 100_000), Stored: `"` + strings.Repeat("å", 100_000) + `"`},
		{Field: "score", Value: nil, Stored: `null`},
		{Field: "score", Value: json.Number("9223372036854775807"), Stored: `9223372036854775807`},
		{Field: "score", Value: json.Number("-18446744073709551616.000000000000000001"), Stored: `-18446744073709551616.000000000000000001`},
		{Field: "active", Value: false, Stored: `false`},
		{Field: "born", Value: destinations.Date("1815-12-10"), Stored: `"1815-12-10"`},
		{
			Field:  "seen",
			Value:  time.Date(2026, 11, 20, 12, 0, 0, 120_000_000, time.FixedZone("", 3600)),
			Stored: `"2026-11-20T11:00:00.12Z"`,
		},
		{Field: "tags", Value: []destinations.Value{"a", json.Number("1"), nil}, Stored: `["a",1,null]`},
		{Field: "raw", Value: json.RawMessage(`{"b":1,"a":[1.50]}`), Stored: `{"b":1,"a":[1.50]}`},
	}
}

func golden(format string) []destinations.Batch {
	full := person(1, "Pro")
	full.Key = `["a","b|c"]`
	for _, e := range exact() {
		if text, ok := e.Value.(string); !ok || len(text) < 100 {
			name := fmt.Sprintf("%s_%d", e.Field, len(full.Fields))
			full.Fields = append(full.Fields, destinations.FieldValue{Name: name, Value: e.Value})
		}
	}
	var batches []destinations.Batch
	for _, op := range []destinations.Op{"upsert", "update", "insert", "clear", "archive", "delete"} {
		records := []destinations.Record{full, person(2, "Free")}
		if format == "single" {
			records = records[:1]
		}
		for i := range records {
			switch op {
			case destinations.Archive, destinations.Delete:
				records[i].Fields = nil
			case destinations.Clear:
				records[i].Fields = destinations.Fields{{Name: "email"}, {Name: "plan"}}
			case destinations.Upsert, destinations.Update, destinations.Insert:
			}
		}
		batches = append(batches, destinations.Batch{
			Sync: "contacts", Object: "people/" + format, Op: op, Identifier: "email", Records: records,
		})
	}
	return batches
}

// service is a stand-in of what a user may have built: it keeps records by their id, and refuses unheard-of plans.
type service struct {
	mu      sync.Mutex
	records map[string]map[string]string
}

type posted struct {
	Object, Op string
	Records    []postedRecord
	postedRecord
}

type postedRecord struct {
	ID     string
	Fields map[string]json.RawMessage
}

func (s *service) ServeHTTP(w nethttp.ResponseWriter, r *nethttp.Request) {
	if r.Method != nethttp.MethodPost {
		w.WriteHeader(nethttp.StatusMethodNotAllowed)
		return
	}
	var body posted
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		nethttp.Error(w, err.Error(), nethttp.StatusBadRequest)
		return
	}
	if body.Records == nil {
		body.Records = []postedRecord{body.postedRecord}
	}
	type result struct {
		ID     string `json:"id"`
		Status string `json:"status"`
		Code   string `json:"code,omitempty"`
		Reason string `json:"reason,omitempty"`
	}
	answer := map[string][]result{"results": {}}
	for _, record := range body.Records {
		verdict := result{ID: record.ID, Status: "accepted"}
		if string(record.Fields["plan"]) == `"plan-unheard-of"` {
			verdict = result{ID: record.ID, Status: "rejected", Code: "bad_plan", Reason: "there is no such plan"}
		} else {
			s.apply(body.Object, body.Op, record)
		}
		answer["results"] = append(answer["results"], verdict)
	}
	if err := json.NewEncoder(w).Encode(answer); err != nil {
		nethttp.Error(w, err.Error(), nethttp.StatusInternalServerError)
	}
}

func (s *service) apply(object, op string, record postedRecord) {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := object + "/" + record.ID
	if op == "delete" || op == "archive" {
		delete(s.records, key)
		return
	}
	if s.records[key] == nil {
		s.records[key] = map[string]string{}
	}
	for name, value := range record.Fields {
		s.records[key][name] = string(value)
	}
}

func (s *service) Get(object, id string) (map[string]string, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	record, ok := s.records[object+"/"+id]
	return maps.Clone(record), ok
}
