// Package zendesktest is a stand-in of Zendesk for tests.
package zendesktest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// Fake is Zendesk as it is documented: what is asked for many records is a job, whose outcomes have other members for each
// kind of job; users are not imported in bulk unless the account may; an external id is the same in whatever case; a
// second e-mail address is added to a user's, and does not take its place; names of organizations are unique.
//
// Its fields are for tests to set and to read while no request is under way.
type Fake struct {
	mu        sync.Mutex
	Records   map[string]map[string]map[string]any // by object and Zendesk's own id
	NoImports bool                                 // users are not imported in bulk
	Blind     bool                                 // the search finds nothing yet
	Scopes    []string                             // of the token
	Role      string                               // of the user, who is not known if it is empty
	Polls     int                                  // how often a job is not over yet
	Running   int                                  // jobs of other apps
	Left      int                                  // requests that remain in this minute, if it is not 0
	Ending    string                               // the status with which jobs end, if it is not "completed"
	Outcomes  func([]any) any                      // changes what jobs say, if it is not nil

	jobs   map[string]*job
	keys   map[string]string // ids of tickets by their idempotency keys
	lastID int
}

type object = map[string]any

type job struct {
	polls   int
	results any
}

// New returns an account that holds no record and may import users.
func New() *Fake {
	return &Fake{
		Records: map[string]map[string]object{"users": {}, "organizations": {}, "tickets": {}},
		Scopes:  []string{"read", "write"}, Role: "admin", jobs: map[string]*job{}, keys: map[string]string{}, lastID: 9_000_000_100,
	}
}

var singular = map[string]string{"users": "user", "organizations": "organization", "tickets": "ticket"}

// ServeHTTP answers one request.
func (f *Fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	user, _, basic := r.BasicAuth()
	if !strings.HasSuffix(user, "/token") && basic || !basic && !strings.HasPrefix(r.Header.Get("Authorization"), "Bearer ") {
		say(w, 401, object{"error": "Couldn't authenticate you"})
		return
	}
	w.Header().Set("X-Rate-Limit", "700")
	if f.Left > 0 {
		f.Left--
		w.Header().Set("X-Rate-Limit-Remaining", strconv.Itoa(f.Left))
		w.Header().Set("Ratelimit-Reset", "41")
	}
	var in object
	if r.Method == http.MethodPost || r.Method == http.MethodPut {
		decoder := json.NewDecoder(r.Body)
		decoder.UseNumber()
		if err := decoder.Decode(&in); err != nil {
			say(w, 400, object{"error": "Unprocessable Entity", "message": "Server could not parse JSON"})
			return
		}
	}
	path := strings.Split(strings.TrimPrefix(r.URL.Path, "/api/v2/"), "/")
	kind, what := path[0], ""
	if len(path) > 1 {
		what = path[1]
	}
	switch {
	case r.URL.Path == "/api/v2/users/me":
		me := object{"id": nil, "role": "end-user"}
		if f.Role != "" {
			me = object{"id": 1, "role": f.Role}
		}
		say(w, 200, object{"user": me})
	case r.URL.Path == "/api/v2/oauth/tokens/current":
		say(w, 200, object{"token": object{"scopes": f.Scopes}})
	case strings.HasSuffix(kind, "_fields"):
		f.list(w, kind, r.URL.Query())
	case kind == "job_statuses" && f.jobs[what] != nil:
		f.status(w, what)
	case kind == "tickets":
		f.ticket(w, r.Header.Get("Idempotency-Key"), in)
	case singular[kind] == "":
		say(w, 404, object{"error": "InvalidEndpoint", "description": "Not found"})
	case what == "show_many" || what == "search":
		f.find(w, kind, r.URL.Query())
	case what == "create_or_update":
		f.single(w, kind, in)
	default:
		f.many(w, kind, what, r, in)
	}
}

// many queues a job, which is done at once and says so when it is asked.
func (f *Fake) many(w http.ResponseWriter, kind, what string, r *http.Request, in object) {
	if what == "create_or_update_many" && (f.NoImports || kind != "users") {
		say(w, 403, object{"error": "Forbidden", "message": "Data imports are not enabled"})
		return
	}
	if f.Running >= 30 {
		f.Running--
		w.Header().Set("Zendesk-Ratelimit-Inflight-Jobs", "total=30; remaining=0; resets=60")
		say(w, 429, object{"error": "TooManyJobs", "description": "Too many jobs are currently queued or running. Try again later."})
		return
	}
	var results []any
	list, _ := in[kind].([]any)
	for i, one := range list {
		record, _ := one.(object)
		if what == "update_many" {
			results = append(results, f.update(kind, record))
		} else {
			results = append(results, f.upserted(kind, i, record))
		}
	}
	if what == "destroy_many" {
		for id := range strings.SplitSeq(r.URL.Query().Get("ids"), ",") {
			results = append(results, f.destroy(kind, id))
		}
	}
	var said any = results
	if f.Outcomes != nil {
		said = f.Outcomes(results)
	}
	f.lastID++
	id := fmt.Sprintf("82de0b%d", f.lastID)
	f.jobs[id] = &job{polls: f.Polls, results: said}
	say(w, 200, object{"job_status": object{"id": id, "status": "queued", "progress": nil, "results": nil, "url": "https://acme.zendesk.com/api/v2/job_statuses/" + id}})
}

func (f *Fake) status(w http.ResponseWriter, id string) {
	j := f.jobs[id]
	if j.polls > 0 {
		j.polls--
		say(w, 200, object{"job_status": object{"id": id, "status": "working", "results": nil}})
		return
	}
	ending := "completed"
	if f.Ending != "" {
		ending = f.Ending
	}
	say(w, 200, object{"job_status": object{"id": id, "status": ending, "message": "Over", "results": j.results}})
}

func (f *Fake) upserted(kind string, index int, in object) object {
	id, made, fault := f.upsert(kind, in)
	if fault != "" {
		return object{"id": index, "error": "UserUpdateError", "details": fault, "status": "Failed"}
	}
	status := "Updated"
	if made {
		status = "Created"
	}
	record := f.Records[kind][id]
	return object{"id": json.Number(id), "status": status, "email": record["email"], "external_id": record["external_id"]}
}

func (f *Fake) update(kind string, in object) object {
	id := fmt.Sprint(in["id"])
	record := f.Records[kind][id]
	if record == nil {
		return object{"id": in["id"], "action": "update", "success": false, "error": "RecordNotFound", "details": "The record was not found"}
	}
	if fault := f.fault(kind, id, in); fault != "" {
		return object{"id": in["id"], "action": "update", "success": false, "status": "Failed", "error": "RecordInvalid", "details": fault}
	}
	merge(record, in)
	return object{"id": in["id"], "action": "update", "success": true, "status": "Updated"}
}

func (f *Fake) destroy(kind, id string) object {
	if f.Records[kind][id] == nil {
		return object{"id": json.Number(id), "action": "destroy", "success": false, "error": "UserNotFound", "details": "Not found"}
	}
	delete(f.Records[kind], id)
	return object{"id": json.Number(id), "action": "destroy", "success": true, "status": "Deleted"}
}

// upsert makes or changes the record that in is found by.
func (f *Fake) upsert(kind string, in object) (id string, made bool, fault string) {
	for known, record := range f.Records[kind] {
		if same(in["external_id"], record["external_id"]) || kind == "users" && same(in["email"], record["email"]) {
			id = known
		}
	}
	if fault = f.fault(kind, id, in); fault != "" {
		return "", false, fault
	}
	if made = id == ""; made {
		if in["name"] == nil {
			return "", false, "Name: is too short (minimum one character)"
		}
		f.lastID++
		id = strconv.Itoa(f.lastID)
		f.Records[kind][id] = object{"id": json.Number(id)}
	}
	merge(f.Records[kind][id], in)
	return id, made, ""
}

// fault is why in cannot be what the record called id is to hold.
func (f *Fake) fault(kind, id string, in object) string {
	if address, ok := in["email"].(string); ok && !strings.Contains(address, "@") {
		return "Email: " + address + " is not properly formatted"
	}
	if name, ok := in["name"]; ok && (name == nil || name == "") {
		return "Name: is too short (minimum one character)"
	}
	for known, record := range f.Records[kind] {
		if kind == "organizations" && known != id && same(in["name"], record["name"]) {
			return "Name: has already been taken"
		}
	}
	return ""
}

func same(a, b any) bool {
	return a != nil && b != nil && strings.EqualFold(fmt.Sprint(a), fmt.Sprint(b))
}

func merge(record, in object) {
	for name, v := range in {
		switch inner := v.(type) {
		case object:
			for key, v := range inner {
				record[name+"."+key] = v
			}
			continue
		case []any:
			if name == "custom_fields" {
				for _, pair := range inner {
					p, _ := pair.(object)
					record[fmt.Sprint(name, ".", p["id"])] = p["value"]
				}
				continue
			}
		}
		if name != "email" || record["email"] == nil { // a second address is added, and seen nowhere here
			record[name] = v
		}
	}
}

func (f *Fake) single(w http.ResponseWriter, kind string, in object) {
	record, _ := in[singular[kind]].(object)
	id, made, fault := f.upsert(kind, record)
	switch {
	case fault != "":
		refuse(w, fault)
	case made:
		say(w, 201, object{singular[kind]: f.Records[kind][id]})
	default:
		say(w, 200, object{singular[kind]: f.Records[kind][id]})
	}
}

func (f *Fake) ticket(w http.ResponseWriter, key string, in object) {
	ticket, _ := in["ticket"].(object)
	comment, _ := ticket["comment"].(object)
	if text, _ := comment["body"].(string); text == "" {
		refuse(w, "Description: cannot be blank")
		return
	}
	id, lookup := f.keys[key], "hit"
	if id == "" {
		f.lastID++
		id, lookup = strconv.Itoa(f.lastID), "miss"
		f.keys[key] = id
		f.Records["tickets"][id] = object{"id": json.Number(id)}
		merge(f.Records["tickets"][id], ticket)
	}
	w.Header().Set("X-Idempotency-Lookup", lookup)
	say(w, 201, object{"ticket": f.Records["tickets"][id]})
}

func (f *Fake) find(w http.ResponseWriter, kind string, query url.Values) {
	wanted := strings.Split(query.Get("external_ids"), ",")
	if id := query.Get("external_id"); id != "" {
		wanted = []string{id}
	}
	list := []object{}
	for _, record := range f.Records[kind] {
		term := strings.ToLower(query.Get("query"))
		byTerm := term != "" && record["email"] != nil && strings.Contains(term, strings.ToLower(fmt.Sprint(record["email"])))
		byID := slices.ContainsFunc(wanted, func(id string) bool { return same(id, record["external_id"]) })
		if (byTerm || byID) && (!f.Blind || query.Has("external_ids")) {
			list = append(list, record)
		}
	}
	say(w, 200, object{kind: list, "count": len(list)})
}

func (f *Fake) list(w http.ResponseWriter, kind string, query url.Values) {
	fields := custom[kind]
	half := len(fields) / 2
	page, more := fields[:half], true
	if query.Get("page[after]") != "" {
		page, more = fields[half:], false
	}
	say(w, 200, object{kind: page, "meta": object{"has_more": more, "after_cursor": "eyJv"}})
}

// Get implements destinationtest.Service.
func (f *Fake) Get(kind, id string) (map[string]string, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, record := range f.Records[kind] {
		if !same(id, record["external_id"]) && !same(id, record["email"]) {
			continue
		}
		fields := map[string]string{}
		for name, v := range record {
			text, err := json.Marshal(v)
			if err != nil {
				panic(err)
			}
			fields[name] = string(text)
		}
		return fields, true
	}
	return nil, false
}

func say(w http.ResponseWriter, status int, body object) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

func refuse(w http.ResponseWriter, fault string) {
	field, _, _ := strings.Cut(fault, ":")
	say(w, 422, object{
		"error": "RecordInvalid", "description": "Record validation errors",
		"details": object{strings.ToLower(field): []object{{"description": fault, "error": "InvalidFormat"}}},
	})
}

var custom = map[string][]object{
	"user_fields": {
		{"id": 1, "key": "plan", "type": "dropdown", "title": "Plan", "active": true, "custom_field_options": []object{{"id": 1, "name": "Pro", "value": "pro"}, {"id": 2, "name": "Free", "value": "free"}}},
		{"id": 2, "key": "score", "type": "decimal", "title": "Score", "active": true},
		{"id": 3, "key": "seats", "type": "integer", "title": "Seats", "active": true},
		{"id": 4, "key": "vip", "type": "checkbox", "title": "VIP", "active": true},
		{"id": 5, "key": "renews", "type": "date", "title": "Renews", "active": true},
		{"id": 6, "key": "old", "type": "text", "title": "Old", "active": false},
	},
	"organization_fields": {
		{"id": 1, "key": "tier", "type": "text", "title": "Tier", "active": true},
		{"id": 2, "key": "regions", "type": "multiselect", "title": "Regions", "active": true, "custom_field_options": []object{{"id": 1, "name": "EU", "value": "eu"}}},
	},
	"ticket_fields": {
		{"id": 10, "type": "subject", "title": "Subject", "active": true},
		{"id": 360001, "type": "decimal", "title": "Order value", "active": true},
		{"id": 360002, "type": "tagger", "title": "Cause", "active": true, "custom_field_options": []object{{"id": 1, "name": "Late", "value": "late"}}},
	},
}
