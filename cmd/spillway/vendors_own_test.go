package main

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"strings"
	"sync"
	"time"

	"spillway/destinations/sandbox"
)

// httpVendor is a service of the user's own.
func httpVendor(address func(row int) string) vendor {
	return vendor{
		standIn: func() recordKeeper { return &ownService{records: map[string]map[string]string{}} },
		settings: `url = "$URL/{object}"
token = { env = "VENDOR_SECRET" }
`,
		model: "select id, email, name, plan, score from people",
		sync: `object = "people"
identifier = "email"
on_removed = "delete"

[fields]
email = "email"
name  = "name"
plan  = "plan"
score = "score"
`,
		delivers: "POST /people", all: 10, one: 1, rest: 11,
		id: address, name: "name", reason: "there is no such address",
		quiet: 2 * time.Second, hush: says(429, "", "Retry-After", "2"),
	}
}

// ownService keeps records by their identifiers, and refuses those that are no addresses.
type ownService struct {
	mu      sync.Mutex
	records map[string]map[string]string
}

func (s *ownService) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var batch struct {
		Records []struct {
			ID     string
			Fields map[string]json.RawMessage
		}
	}
	switch {
	case r.Header.Get("Authorization") == "":
		says(401, "")(w)
		return
	case r.Method == http.MethodHead:
		return
	case json.NewDecoder(r.Body).Decode(&batch) != nil:
		says(400, "")(w)
		return
	}
	type result struct {
		ID     string `json:"id"`
		Status string `json:"status"`
		Code   string `json:"code,omitempty"`
		Reason string `json:"reason,omitempty"`
	}
	answer := map[string][]result{"results": {}}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, record := range batch.Records {
		verdict := result{record.ID, "rejected", "no_address", "there is no such address"}
		if strings.Contains(record.ID, "@") {
			verdict = result{ID: record.ID, Status: "accepted"}
			s.records[record.ID] = map[string]string{}
			for name, value := range record.Fields {
				s.records[record.ID][name] = string(value)
			}
		}
		answer["results"] = append(answer["results"], verdict)
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(answer) // a reader that left fails on its own side
}

// Get returns the record of an identifier.
func (s *ownService) Get(_, id string) (map[string]string, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fields, found := s.records[id]
	return maps.Clone(fields), found
}

// sandboxVendor is a sandbox that runs elsewhere.
func sandboxVendor(address func(row int) string) vendor {
	return vendor{
		standIn: func() recordKeeper {
			server, err := sandbox.NewServer(sandbox.Options{})
			if err != nil {
				panic(err)
			}
			return sandboxKeeper{server}
		},
		settings: "url = \"$URL\"\n",
		model:    "select id, email, name, score from people",
		sync: `object = "contacts"
identifier = "email"
on_removed = "delete"

[fields]
email      = "email"
firstname  = "name"
lead_score = { column = "score", type = "integer" }
`,
		delivers: "POST /api/v1/objects/contacts/batch", all: 10, one: 1, rest: 11,
		id: address, name: "firstname", reason: "does not look like an",
		quiet: 2 * time.Second, hush: says(429, `{"error":{"code":"rate_limited","message":"more than 50 requests in 1s"}}`, "Retry-After", "2"),
	}
}

// sandboxKeeper finds the records of a sandbox by their e-mail addresses.
type sandboxKeeper struct{ *sandbox.Server }

func (k sandboxKeeper) Get(object, id string) (map[string]string, bool) {
	records, _, err := k.Records(context.Background(), sandbox.Query{Object: object, Search: id})
	if err != nil {
		panic(err)
	}
	for _, r := range records {
		if string(r.Fields["email"]) != `"`+id+`"` {
			continue
		}
		fields := map[string]string{}
		for name, value := range r.Fields {
			fields[name] = string(value)
		}
		return fields, true
	}
	return nil, false
}
