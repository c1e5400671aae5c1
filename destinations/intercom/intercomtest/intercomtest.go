// Package intercomtest is a stand-in of Intercom for tests.
package intercomtest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Fake is Intercom as it is documented: contacts have no upsert, an archived one stands in the way of a new one of its
// kind, the search lags behind, companies are made or changed in one, and a contact's fault is an error.list.
//
// Its fields are for tests to set and to read while no request is under way.
type Fake struct {
	mu        sync.Mutex
	Contacts  map[string]object // by Intercom's id
	Companies map[string]object
	Tags      map[string]string // names by Intercom's id
	Tagged    map[string]bool   // "contact tag"
	Blind     bool              // the search finds nothing
	Single    bool              // a company is found as itself, and not as a list of one
	Left      int               // requests that remain in this window, if it is not 0
	LastID    int
}

type object = map[string]any

// New returns a workspace that has nobody.
func New() *Fake {
	return &Fake{Contacts: map[string]object{}, Companies: map[string]object{}, Tags: map[string]string{}, Tagged: map[string]bool{}, LastID: 100}
}

// ServeHTTP answers one request.
func (f *Fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !strings.HasPrefix(r.Header.Get("Authorization"), "Bearer ") {
		fail(w, 401, "unauthorized", "Access Token Invalid")
		return
	}
	if f.Left > 0 {
		f.Left--
		w.Header().Set("X-RateLimit-Remaining", strconv.Itoa(f.Left))
		w.Header().Set("X-RateLimit-Reset", strconv.FormatInt(time.Now().Add(8*time.Second).Unix(), 10))
	}
	var in object
	if r.Method == http.MethodPost || r.Method == http.MethodPut {
		decoder := json.NewDecoder(r.Body)
		decoder.UseNumber()
		_ = decoder.Decode(&in) // what needs a body says so below
	}
	path := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	switch {
	case r.URL.Path == "/me":
		say(w, object{"type": "admin", "id": "1", "app": object{"type": "app", "id_code": "abc123", "name": "Acme", "region": "US"}})
	case r.URL.Path == "/data_attributes":
		say(w, object{"type": "list", "data": attributes})
	case r.URL.Path == "/tags":
		f.tag(w, in)
	case path[0] == "companies":
		f.company(w, r, path[1:], in)
	case r.URL.Path == "/contacts/search":
		f.search(w, in)
	case r.URL.Path == "/contacts" && r.Method == http.MethodGet:
		say(w, object{"type": "list", "data": []object{}})
	case r.URL.Path == "/contacts":
		f.create(w, in)
	case path[0] == "contacts" && f.Contacts[path[1]] != nil:
		f.contact(w, r, path, in)
	default:
		fail(w, 404, "not_found", "User Not Found")
	}
}

func (f *Fake) search(w http.ResponseWriter, in object) {
	query, _ := in["query"].(object)
	field, _ := query["field"].(string)
	values, _ := query["value"].([]any)
	list := []object{}
	for _, c := range f.Contacts {
		same := func(v any) bool { return strings.EqualFold(fmt.Sprint(v), fmt.Sprint(c[field])) }
		if !f.Blind && c["archived"] != true && slices.ContainsFunc(values, same) {
			list = append(list, f.shown(c))
		}
	}
	say(w, object{"type": "list", "data": list, "total_count": len(list)})
}

// shown is a contact as it is answered with.
func (f *Fake) shown(c object) object {
	out := object{"type": "contact", "id": c["id"], "role": c["role"]}
	for _, name := range []string{"email", "external_id"} {
		if c[name] != nil {
			out[name] = c[name]
		}
	}
	return out
}

func (f *Fake) create(w http.ResponseWriter, in object) {
	if address, ok := in["email"].(string); ok && !strings.Contains(address, "@") {
		fail(w, 400, "parameter_invalid", "email is not an email address")
		return
	}
	for _, c := range f.Contacts {
		for _, name := range []string{"email", "external_id"} {
			if in[name] == nil || !strings.EqualFold(fmt.Sprint(in[name]), fmt.Sprint(c[name])) || c["role"] != "user" {
				continue
			}
			kind := "A"
			if c["archived"] == true {
				kind = "An archived"
			}
			fail(w, 409, "conflict", fmt.Sprintf("%s contact matching those details already exists with id=%s", kind, c["id"]))
			return
		}
	}
	f.LastID++
	c := object{"id": strconv.Itoa(f.LastID), "role": "user"}
	f.Contacts[strconv.Itoa(f.LastID)] = c
	merge(c, in)
	say(w, f.shown(c))
}

func merge(c, in object) {
	for name, v := range in {
		if inner, ok := v.(object); ok && name == "custom_attributes" {
			for attribute, v := range inner {
				c["custom_attributes."+attribute] = v
			}
			continue
		}
		c[name] = v
	}
}

func (f *Fake) contact(w http.ResponseWriter, r *http.Request, path []string, in object) {
	c := f.Contacts[path[1]]
	what := ""
	if len(path) > 2 {
		what = path[2]
	}
	switch {
	case what == "archive" || what == "unarchive":
		c["archived"] = what == "archive"
		say(w, object{"type": "contact", "id": path[1], "archived": what == "archive"})
	case what == "tags":
		id, _ := in["id"].(string)
		if f.Tags[id] == "" {
			fail(w, 404, "not_found", "Tag not found")
			return
		}
		f.Tagged[path[1]+" "+f.Tags[id]] = true
		say(w, object{"type": "tag", "id": id, "name": f.Tags[id]})
	case r.Method == http.MethodDelete:
		delete(f.Contacts, path[1])
		say(w, object{"type": "contact", "id": path[1], "deleted": true})
	default:
		merge(c, in)
		say(w, f.shown(c))
	}
}

func (f *Fake) tag(w http.ResponseWriter, in object) {
	name, _ := in["name"].(string)
	if name == "forbidden" {
		fail(w, 400, "parameter_invalid", "no such tag may be")
		return
	}
	for id, known := range f.Tags {
		if strings.EqualFold(known, name) {
			say(w, object{"type": "tag", "id": id, "name": known})
			return
		}
	}
	f.LastID++
	id := strconv.Itoa(f.LastID)
	f.Tags[id] = name
	say(w, object{"type": "tag", "id": id, "name": name})
}

func (f *Fake) company(w http.ResponseWriter, r *http.Request, path []string, in object) {
	if in["website"] == "bad" {
		fail(w, 400, "parameter_invalid", "website is invalid")
		return
	}
	id := ""
	for known, c := range f.Companies {
		if c["company_id"] == in["company_id"] || c["company_id"] == r.URL.Query().Get("company_id") || len(path) > 0 && known == path[0] {
			id = known
		}
	}
	switch {
	case id == "" && r.Method == http.MethodPost:
		f.LastID++
		id = strconv.Itoa(f.LastID)
		f.Companies[id] = object{"id": id}
	case id == "":
		fail(w, 404, "company_not_found", "Company Not Found")
		return
	case r.Method == http.MethodDelete:
		delete(f.Companies, id)
		say(w, object{"id": id, "object": "company", "deleted": true})
		return
	}
	merge(f.Companies[id], in)
	shown := object{"type": "company", "id": id, "company_id": f.Companies[id]["company_id"]}
	if !f.Single && r.Method == http.MethodGet {
		shown = object{"type": "list", "data": []object{shown}}
	}
	say(w, shown)
}

// Get implements destinationtest.Service.
func (f *Fake) Get(kind, id string) (map[string]string, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	records, by := f.Contacts, "email"
	if kind == "companies" {
		records, by = f.Companies, "company_id"
	}
	for _, c := range records {
		if !strings.EqualFold(fmt.Sprint(c[by]), id) || c["archived"] == true {
			continue
		}
		fields := map[string]string{}
		for name, v := range c {
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

func say(w http.ResponseWriter, body object) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	_ = json.NewEncoder(w).Encode(body)
}

func fail(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(object{
		"type": "error.list", "request_id": "f93ecfa8-d08a-4325-8694-89aeb89c8f85", "errors": []object{{"code": code, "message": message}},
	})
}

var attributes = []object{
	{"type": "data_attribute", "name": "email", "full_name": "email", "label": "Email", "data_type": "string", "api_writable": true},
	{"type": "data_attribute", "name": "browser", "full_name": "browser", "label": "Browser", "data_type": "string", "api_writable": false},
	{"type": "data_attribute", "name": "plan", "full_name": "custom_attributes.plan", "label": "Plan", "data_type": "string", "options": []string{"free", "pro"}, "api_writable": true, "custom": true},
	{"type": "data_attribute", "name": "score", "full_name": "custom_attributes.score", "label": "Score", "data_type": "float", "api_writable": true, "custom": true},
	{"type": "data_attribute", "name": "seats", "full_name": "custom_attributes.seats", "label": "Seats", "data_type": "integer", "api_writable": true, "custom": true},
	{"type": "data_attribute", "name": "vip", "full_name": "custom_attributes.vip", "label": "VIP", "data_type": "boolean", "api_writable": true, "custom": true},
	{"type": "data_attribute", "name": "renews", "full_name": "custom_attributes.renews", "label": "Renews", "data_type": "date", "api_writable": true, "custom": true},
	{"type": "data_attribute", "name": "old", "full_name": "custom_attributes.old", "label": "Old", "data_type": "string", "archived": true, "custom": true},
}
