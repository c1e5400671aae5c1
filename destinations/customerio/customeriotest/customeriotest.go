// Package customeriotest is a stand-in of Customer.io for tests.
package customeriotest

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"
)

// Fake is Customer.io's Track API as it is documented: a 207 names the items that were refused by their place, an update
// of somebody who is not there does nothing and says nothing, and a request or an item may be too large.
//
// Its fields are for tests to set and to read while no request is under way.
type Fake struct {
	mu      sync.Mutex
	Region  string
	Records map[string]map[string]json.RawMessage // by "person email ada@example.com" or "object 1 acme"
	Barred  map[string]bool
	Events  []Item
}

type object = map[string]any

// Item is an item of a batch as it was sent.
type Item struct {
	Type, Action, Name, ID string
	Timestamp              json.Number
	Identifiers            map[string]string
	Attributes             map[string]json.RawMessage
}

// New returns a workspace in the United States that has nobody.
func New() *Fake {
	return &Fake{Region: "us", Records: map[string]map[string]json.RawMessage{}, Barred: map[string]bool{}}
}

// ServeHTTP answers one request.
func (f *Fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if site, _, ok := r.BasicAuth(); !ok || site != "site-1" {
		say(w, 401, object{"meta": object{"error": "Unauthorized request"}})
		return
	}
	switch r.URL.Path {
	case "/api/v1/accounts/region":
		say(w, 200, object{"url": "track.customer.io", "region": f.Region, "environment_id": 42})
	case "/api/v2/batch":
		f.batch(w, r)
	default:
		say(w, 404, object{"meta": object{"error": "not found"}})
	}
}

func (f *Fake) batch(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	var in struct{ Batch []json.RawMessage }
	switch {
	case len(body) >= 500_000:
		say(w, 413, object{"errors": []object{{"reason": "invalid", "message": "request too large"}}})
		return
	case err != nil || json.Unmarshal(body, &in) != nil || len(in.Batch) == 0:
		say(w, 400, object{"errors": []object{{"reason": "required", "field": "batch", "message": "must not be empty"}}})
		return
	}
	errs := []object{}
	for i, raw := range in.Batch {
		if fault := f.one(raw); fault != nil {
			fault["batch_index"] = i
			errs = append(errs, fault)
		}
	}
	if len(errs) > 0 {
		say(w, 207, object{"errors": errs})
		return
	}
	say(w, 200, object{})
}

func (f *Fake) one(raw json.RawMessage) object {
	var in Item
	key := ""
	switch err := json.Unmarshal(raw, &in); {
	case err != nil:
		return object{"reason": "parse", "message": err.Error()}
	case len(raw) > 32<<10:
		return object{"reason": "invalid", "message": "item too large"}
	case in.Type == "object":
		key = "object " + in.Identifiers["object_type_id"] + " " + in.Identifiers["object_id"]
	default:
		for name, id := range in.Identifiers {
			key = "person " + name + " " + strings.ToLower(id)
			if name == "email" && !strings.Contains(id, "@") {
				return object{"reason": "invalid", "field": "identifiers.email", "message": "is not an email address"}
			}
		}
	}
	record, there := f.Records[key]
	switch in.Action {
	case "event":
		f.Events = append(f.Events, in)
	case "delete":
		delete(f.Records, key)
	case "suppress":
		delete(f.Records, key)
		f.Barred[key] = true
	case "identify":
		if !there && string(in.Attributes["_update"]) == "true" || f.Barred[key] {
			return nil
		}
		if !there {
			record = map[string]json.RawMessage{}
			f.Records[key] = record
		}
		for name, v := range in.Attributes {
			record[name] = v
			if string(v) == `""` || string(v) == "null" || name == "_update" {
				delete(record, name)
			}
		}
	default:
		return object{"reason": "invalid", "field": "action", "message": "is unknown"}
	}
	return nil
}

// Get implements destinationtest.Service.
func (f *Fake) Get(_, id string) (map[string]string, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	record, ok := f.Records["person email "+strings.ToLower(id)]
	fields := map[string]string{}
	for name, v := range record {
		fields[name] = string(v)
	}
	return fields, ok
}

func say(w http.ResponseWriter, status int, body object) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}
