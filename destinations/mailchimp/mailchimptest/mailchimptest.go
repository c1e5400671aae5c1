// Package mailchimptest is a stand-in of Mailchimp for tests.
package mailchimptest

import (
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// Fake is Mailchimp as it is documented: a batch answers 200 and lists who was refused by address, an archived member
// cannot be archived again, who was deleted for good never comes back, and who unsubscribed is not subscribed by others.
//
// Its fields are for tests to set and to read while no request is under way.
type Fake struct {
	mu        sync.Mutex
	People    map[string]doc // by the hash of the address
	Forgotten map[string]bool
	Tagged    map[string][]string // by the hash
	Audiences []doc
	Role      string
	Strict    string // how a batch refuses members without a status: "", "request" or "member"
	Silent    string // the address that a batch says nothing of
	Untagged  string // the tag that may not be given
}

type doc = map[string]any

// New returns an account with two audiences that have nobody.
func New() *Fake {
	return &Fake{
		People: map[string]doc{}, Forgotten: map[string]bool{}, Tagged: map[string][]string{}, Role: "manager",
		Audiences: []doc{{"id": "a1b2c3d4e5", "name": "Customers"}, {"id": "f6f7f8f9f0", "name": "Partners"}},
	}
}

var route = regexp.MustCompile(`^/3\.0/lists/[a-z0-9]{10}(/members/([0-9a-f]{32})(/.*)?)?$`)

// ServeHTTP answers one request.
func (f *Fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if user, key, ok := r.BasicAuth(); !ok || user == "" || key == "" {
		fail(w, 401, "API Key Invalid", "Your API key may be invalid, or you've attempted to access the wrong datacenter.")
		return
	}
	var in doc
	if r.ContentLength > 0 {
		decoder := json.NewDecoder(r.Body)
		decoder.UseNumber()
		if decoder.Decode(&in) != nil {
			fail(w, 400, "JSON Parse Exception", "We encountered an unspecified JSON parsing error.")
			return
		}
	}
	m := route.FindStringSubmatch(r.URL.Path)
	switch {
	case r.URL.Path == "/3.0/":
		say(w, doc{"account_id": "8d3a3db4d97663a9074efcc16", "account_name": "Freddie's Jokes", "role": f.Role})
	case r.URL.Path == "/3.0/lists":
		say(w, doc{"lists": f.Audiences, "total_items": len(f.Audiences)})
	case metadata[r.URL.Path] != nil:
		say(w, metadata[r.URL.Path])
	case m == nil:
		fail(w, 404, "Resource Not Found", "The requested resource could not be found.")
	case m[1] == "":
		f.batch(w, in, r.URL.Query().Get("skip_merge_validation") == "true")
	default:
		f.member(w, r.Method, m[2], m[3], in)
	}
}

func hash(address string) string {
	sum := md5.Sum([]byte(strings.ToLower(address)))
	return hex.EncodeToString(sum[:])
}

func (f *Fake) batch(w http.ResponseWriter, in doc, lax bool) {
	list, _ := in["members"].([]any)
	if len(list) == 0 || len(list) > 500 {
		fail(w, 400, "Invalid Resource", "You may not add or update more than 500 members.")
		return
	}
	out := map[string][]doc{"new_members": {}, "updated_members": {}, "errors": {}}
	for i := range slices.Backward(list) { // results come in no order that was promised
		member, _ := list[i].(doc)
		address := fmt.Sprint(member["email_address"])
		_, exists := f.People[hash(address)]
		if member["status"] == nil && f.Strict == "request" {
			fail(w, 400, "Invalid Resource", "The resource submitted could not be validated.", doc{
				"field": fmt.Sprintf("members.item:%d.status", i), "message": "This value should not be blank.",
			})
			return
		}
		fault := f.fault(member, exists && in["update_existing"] != true, lax)
		if member["status"] == nil && f.Strict == "member" {
			fault = doc{"error": "Please provide a valid subscription status", "error_code": "ERROR_GENERIC", "field": "", "field_message": ""}
		}
		switch {
		case fault != nil:
			fault["email_address"] = strings.ToLower(address)
			out["errors"] = append(out["errors"], fault)
			continue
		case address == f.Silent:
			continue
		case exists:
			out["updated_members"] = append(out["updated_members"], f.keep(member))
		default:
			out["new_members"] = append(out["new_members"], f.keep(member))
		}
		for _, tag := range listOf(member["tags"]) {
			f.Tagged[hash(address)] = append(f.Tagged[hash(address)], fmt.Sprint(tag))
		}
	}
	say(w, doc{
		"new_members": out["new_members"], "updated_members": out["updated_members"], "errors": out["errors"],
		"total_created": len(out["new_members"]), "total_updated": len(out["updated_members"]), "error_count": len(out["errors"]),
	})
}

func listOf(v any) []any {
	list, _ := v.([]any)
	return list
}

// fault is what Mailchimp finds wrong with a member; once says that it must not be there yet.
func (f *Fake) fault(in doc, once, lax bool) doc {
	address := fmt.Sprint(in["email_address"])
	known, exists := f.People[hash(address)]
	generic := func(words string) doc {
		return doc{"error": words, "error_code": "ERROR_GENERIC", "field": "", "field_message": ""}
	}
	merge, _ := in["merge_fields"].(doc)
	switch {
	case !strings.Contains(address, "@"):
		return generic(address + " looks fake or invalid, please enter a real email address.")
	case f.Forgotten[hash(address)]:
		return generic(address + " was permanently deleted and cannot be re-imported. The contact must re-subscribe to get back on the list.")
	case strings.HasPrefix(address, "busy"):
		return generic(address + " has signed up to a lot of lists very recently; we're not allowing more signups for now")
	case once:
		return doc{"error": address + " is already a list member, do you want to update? please provide update_existing:true in the request body", "error_code": "ERROR_CONTACT_EXISTS"}
	case exists && known["status"] == "unsubscribed" && in["status"] == "subscribed":
		return generic(address + " is in a compliance state due to unsubscribe, bounce, or compliance review and cannot be subscribed.")
	case !exists && in["status"] == nil && in["status_if_new"] == nil:
		return generic("Status is required for a new contact")
	case !exists && !lax && strings.HasPrefix(address, "nameless"):
		return doc{"error": "Your merge fields were invalid.", "error_code": "ERROR_GENERIC", "field": "LNAME", "field_message": "Please enter a value"}
	}
	if born, ok := merge["BORN"].(string); ok && !regexp.MustCompile(`^([01]\d/[0-3]\d)?$`).MatchString(born) {
		return doc{"error": "Your merge fields were invalid.", "error_code": "ERROR_GENERIC", "field": "BORN", "field_message": "Please enter a month (01-12) and a day (01-31)"}
	}
	return nil
}

// keep stores what is said of a member, and returns it as an answer has it.
func (f *Fake) keep(in doc) doc {
	name := hash(fmt.Sprint(in["email_address"]))
	m := f.People[name]
	if m == nil || m["status"] == "archived" {
		m = doc{"status": in["status_if_new"]}
		f.People[name] = m
	}
	for field, v := range in {
		inner, nested := v.(doc)
		switch {
		case nested:
			for part, v := range inner {
				m[field+"."+part] = v
			}
		case field != "status_if_new" && field != "tags":
			m[field] = v
		}
	}
	return doc{"id": name, "email_address": strings.ToLower(fmt.Sprint(m["email_address"])), "status": m["status"]}
}

func (f *Fake) member(w http.ResponseWriter, method, name, what string, in doc) {
	m, exists := f.People[name]
	switch {
	case method == http.MethodPut:
		if fault := f.fault(in, false, false); fault != nil {
			fail(w, 400, "Invalid Resource", fmt.Sprint(fault["error"]))
			return
		}
		say(w, f.keep(in))
	case !exists:
		fail(w, 404, "Resource Not Found", "The requested resource could not be found.")
	case method == http.MethodDelete && m["status"] == "archived":
		fail(w, 405, "Method Not Allowed", "This list member cannot be removed. Please contact support.")
	case method == http.MethodDelete && m["status"] == "cleaned":
		fail(w, 405, "Method Not Allowed", "The member is under review.")
	case method == http.MethodDelete:
		m["status"] = "archived"
		w.WriteHeader(204)
	case what == "/actions/delete-permanent":
		delete(f.People, name)
		f.Forgotten[name] = true
		w.WriteHeader(204)
	case what == "/tags":
		for _, tag := range listOf(in["tags"]) {
			t, _ := tag.(doc)
			if t["name"] == f.Untagged {
				fail(w, 400, "Invalid Resource", "There is no such tag.")
				return
			}
			f.Tagged[name] = append(f.Tagged[name], fmt.Sprint(t["name"], " ", t["status"]))
		}
		w.WriteHeader(204)
	case method == http.MethodPatch:
		in["email_address"] = m["email_address"]
		say(w, f.keep(in))
	default:
		say(w, doc{"id": name, "status": m["status"]})
	}
}

// Get implements destinationtest.Service.
func (f *Fake) Get(_, id string) (map[string]string, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	m, ok := f.People[hash(id)]
	if !ok || m["status"] == "archived" {
		return nil, false
	}
	fields := map[string]string{}
	for name, v := range m {
		text, err := json.Marshal(v)
		if err != nil {
			panic(err)
		}
		fields[name] = string(text)
	}
	return fields, true
}

func say(w http.ResponseWriter, body doc) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	_ = json.NewEncoder(w).Encode(body)
}

func fail(w http.ResponseWriter, status int, title, detail string, errs ...doc) {
	w.Header().Set("Content-Type", "application/problem+json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(doc{
		"type": "https://mailchimp.com/developer/marketing/docs/errors/", "title": title, "status": status, "detail": detail,
		"instance": "3b4dcb40-0b6b-4820-bfaa-41267b3826ea", "errors": errs,
	})
}

// metadata is what the audience says of itself, by the paths.
var metadata = map[string]doc{
	"/3.0/lists/a1b2c3d4e5/merge-fields": {"merge_fields": []doc{
		{"tag": "FNAME", "name": "First name", "type": "text"},
		{"tag": "LNAME", "name": "Last name", "type": "text", "required": true},
		{"tag": "SCORE", "name": "Score", "type": "number"},
		{"tag": "SINCE", "name": "Customer since", "type": "date", "options": doc{"date_format": "MM/DD/YYYY"}},
		{"tag": "BORN", "name": "Birthday", "type": "birthday", "options": doc{"date_format": "MM/DD"}},
		{"tag": "ADDRESS", "name": "Address", "type": "address", "options": doc{"default_country": 164}},
		{"tag": "PHONE", "name": "Phone", "type": "phone", "options": doc{"phone_format": "none"}},
		{"tag": "PLAN", "name": "Plan", "type": "dropdown", "options": doc{"choices": []string{"Free", "Pro"}}},
	}},
	"/3.0/lists/f6f7f8f9f0/merge-fields":        {"merge_fields": []doc{}},
	"/3.0/lists/f6f7f8f9f0/interest-categories": {"categories": []doc{}},
	"/3.0/lists/a1b2c3d4e5/interest-categories": {"categories": []doc{{"id": "c1c1c1c1c1", "title": "Topics", "type": "checkboxes"}}},
	"/3.0/lists/a1b2c3d4e5/interest-categories/c1c1c1c1c1/interests": {"interests": []doc{
		{"id": "9143cf3bd1", "name": "News"}, {"id": "3a2a927344", "name": "Offers"},
	}},
}
