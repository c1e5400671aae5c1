package customerio

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"
)

// fake is Customer.io's Track API as it is documented: a 207 names the items that were refused by their place, an update
// of somebody who is not there does nothing and says nothing, and a request or an item may be too large.
type fake struct {
	mu      sync.Mutex
	region  string
	records map[string]map[string]json.RawMessage // by "person email ada@example.com" or "object 1 acme"
	barred  map[string]bool
	events  []fakeItem
}

type object = map[string]any

type fakeItem struct {
	Type, Action, Name, ID string
	Timestamp              json.Number
	Identifiers            map[string]string
	Attributes             map[string]json.RawMessage
}

func newFake() *fake {
	return &fake{region: "us", records: map[string]map[string]json.RawMessage{}, barred: map[string]bool{}}
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if site, _, ok := r.BasicAuth(); !ok || site != "site-1" {
		say(w, 401, object{"meta": object{"error": "Unauthorized request"}})
		return
	}
	switch r.URL.Path {
	case "/api/v1/accounts/region":
		say(w, 200, object{"url": "track.customer.io", "region": f.region, "environment_id": 42})
	case "/api/v2/batch":
		f.batch(w, r)
	default:
		say(w, 404, object{"meta": object{"error": "not found"}})
	}
}

func (f *fake) batch(w http.ResponseWriter, r *http.Request) {
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

func (f *fake) one(raw json.RawMessage) object {
	var in fakeItem
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
	record, there := f.records[key]
	switch in.Action {
	case "event":
		f.events = append(f.events, in)
	case "delete":
		delete(f.records, key)
	case "suppress":
		delete(f.records, key)
		f.barred[key] = true
	case "identify":
		if !there && string(in.Attributes["_update"]) == "true" || f.barred[key] {
			return nil
		}
		if !there {
			record = map[string]json.RawMessage{}
			f.records[key] = record
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
func (f *fake) Get(_, id string) (map[string]string, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	record, ok := f.records["person email "+strings.ToLower(id)]
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
