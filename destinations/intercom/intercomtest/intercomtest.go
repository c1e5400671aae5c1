package intercom

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

// fake is Intercom as it is documented: contacts have no upsert, an archived one stands in the way of a new one of its
// kind, the search lags behind, companies are made or changed in one, and a contact's fault is an error.list.
type fake struct {
	mu        sync.Mutex
	contacts  map[string]object // by Intercom's id
	companies map[string]object
	tags      map[string]string // names by Intercom's id
	tagged    map[string]bool   // "contact tag"
	blind     bool              // the search finds nothing
	single    bool              // a company is found as itself, and not as a list of one
	left      int               // requests that remain in this window, if it is not 0
	lastID    int
}

type object = map[string]any

func newFake() *fake {
	return &fake{contacts: map[string]object{}, companies: map[string]object{}, tags: map[string]string{}, tagged: map[string]bool{}, lastID: 100}
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !strings.HasPrefix(r.Header.Get("Authorization"), "Bearer ") {
		fail(w, 401, "unauthorized", "Access Token Invalid")
		return
	}
	if f.left > 0 {
		f.left--
		w.Header().Set("X-RateLimit-Remaining", strconv.Itoa(f.left))
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
	case path[0] == "contacts" && f.contacts[path[1]] != nil:
		f.contact(w, r, path, in)
	default:
		fail(w, 404, "not_found", "User Not Found")
	}
}

func (f *fake) search(w http.ResponseWriter, in object) {
	query, _ := in["query"].(object)
	field, _ := query["field"].(string)
	values, _ := query["value"].([]any)
	list := []object{}
	for _, c := range f.contacts {
		same := func(v any) bool { return strings.EqualFold(fmt.Sprint(v), fmt.Sprint(c[field])) }
		if !f.blind && c["archived"] != true && slices.ContainsFunc(values, same) {
			list = append(list, f.shown(c))
		}
	}
	say(w, object{"type": "list", "data": list, "total_count": len(list)})
}

// shown is a contact as it is answered with.
func (f *fake) shown(c object) object {
	out := object{"type": "contact", "id": c["id"], "role": c["role"]}
	for _, name := range []string{"email", "external_id"} {
		if c[name] != nil {
			out[name] = c[name]
		}
	}
	return out
}

func (f *fake) create(w http.ResponseWriter, in object) {
	if address, ok := in["email"].(string); ok && !strings.Contains(address, "@") {
		fail(w, 400, "parameter_invalid", "email is not an email address")
		return
	}
	for _, c := range f.contacts {
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
	f.lastID++
	c := object{"id": strconv.Itoa(f.lastID), "role": "user"}
	f.contacts[strconv.Itoa(f.lastID)] = c
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

func (f *fake) contact(w http.ResponseWriter, r *http.Request, path []string, in object) {
	c := f.contacts[path[1]]
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
		if f.tags[id] == "" {
			fail(w, 404, "not_found", "Tag not found")
			return
		}
		f.tagged[path[1]+" "+f.tags[id]] = true
		say(w, object{"type": "tag", "id": id, "name": f.tags[id]})
	case r.Method == http.MethodDelete:
		delete(f.contacts, path[1])
		say(w, object{"type": "contact", "id": path[1], "deleted": true})
	default:
		merge(c, in)
		say(w, f.shown(c))
	}
}

func (f *fake) tag(w http.ResponseWriter, in object) {
	name, _ := in["name"].(string)
	if name == "forbidden" {
		fail(w, 400, "parameter_invalid", "no such tag may be")
		return
	}
	for id, known := range f.tags {
		if strings.EqualFold(known, name) {
			say(w, object{"type": "tag", "id": id, "name": known})
			return
		}
	}
	f.lastID++
	id := strconv.Itoa(f.lastID)
	f.tags[id] = name
	say(w, object{"type": "tag", "id": id, "name": name})
}

func (f *fake) company(w http.ResponseWriter, r *http.Request, path []string, in object) {
	if in["website"] == "bad" {
		fail(w, 400, "parameter_invalid", "website is invalid")
		return
	}
	id := ""
	for known, c := range f.companies {
		if c["company_id"] == in["company_id"] || c["company_id"] == r.URL.Query().Get("company_id") || len(path) > 0 && known == path[0] {
			id = known
		}
	}
	switch {
	case id == "" && r.Method == http.MethodPost:
		f.lastID++
		id = strconv.Itoa(f.lastID)
		f.companies[id] = object{"id": id}
	case id == "":
		fail(w, 404, "company_not_found", "Company Not Found")
		return
	case r.Method == http.MethodDelete:
		delete(f.companies, id)
		say(w, object{"id": id, "object": "company", "deleted": true})
		return
	}
	merge(f.companies[id], in)
	shown := object{"type": "company", "id": id, "company_id": f.companies[id]["company_id"]}
	if !f.single && r.Method == http.MethodGet {
		shown = object{"type": "list", "data": []object{shown}}
	}
	say(w, shown)
}

// Get implements destinationtest.Service.
func (f *fake) Get(kind, id string) (map[string]string, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	records, by := f.contacts, "email"
	if kind == companies {
		records, by = f.companies, "company_id"
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
