// Package brevotest is a stand-in of Brevo for tests.
package brevotest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
)

// Fake is Brevo as it is documented: a contact that is made is answered with 201 and its id, one that is changed or deleted
// with 204 and nothing, and an attribute that the account does not have is passed over.
//
// Its fields are for tests to set and to read while no request is under way.
type Fake struct {
	mu       sync.Mutex
	Contacts map[string]map[string]any // by the e-mail address
	Left     int                       // requests that remain in this second, if it is not 0
	lastID   int
}

// New returns an account without contacts.
func New() *Fake { return &Fake{Contacts: map[string]map[string]any{}} }

// ServeHTTP answers one request.
func (f *Fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if r.Header.Get("api-key") == "" {
		say(w, 401, map[string]any{"code": "unauthorized", "message": "Key not found"})
		return
	}
	if f.Left > 0 {
		f.Left--
		w.Header().Set("X-Sib-Ratelimit-Remaining", strconv.Itoa(f.Left))
		w.Header().Set("X-Sib-Ratelimit-Reset", "8")
	}
	var in map[string]any
	if r.Method == http.MethodPost || r.Method == http.MethodPut {
		decoder := json.NewDecoder(r.Body)
		decoder.UseNumber()
		if err := decoder.Decode(&in); err != nil {
			say(w, 400, map[string]any{"code": "bad_request", "message": "Input must be a valid JSON object"})
			return
		}
	}
	identifier, one := strings.CutPrefix(r.URL.Path, "/v3/contacts/")
	switch {
	case r.URL.Path == "/v3/account":
		say(w, 200, map[string]any{"email": "owner@acme.example", "companyName": "Acme"})
	case r.URL.Path == "/v3/contacts/attributes":
		say(w, 200, map[string]any{"attributes": listed})
	case one && f.find(identifier) == "":
		say(w, 404, map[string]any{"code": "document_not_found", "message": "Contact does not exist"})
	case r.Method == http.MethodDelete:
		delete(f.Contacts, f.find(identifier))
		w.WriteHeader(204)
	case one:
		merge(f.Contacts[f.find(identifier)], in)
		w.WriteHeader(204)
	default:
		f.create(w, in)
	}
}

func (f *Fake) create(w http.ResponseWriter, in map[string]any) {
	address := fmt.Sprint(in["email"])
	known := f.find(address)
	switch {
	case !strings.Contains(address, "@"):
		say(w, 400, map[string]any{"code": "invalid_parameter", "message": "email is not valid"})
	case known != "" && in["updateEnabled"] != true:
		say(w, 400, map[string]any{"code": "duplicate_parameter", "message": "Contact already exist"})
	case known != "":
		merge(f.Contacts[known], in)
		w.WriteHeader(204)
	default:
		f.lastID++
		f.Contacts[address] = map[string]any{}
		merge(f.Contacts[address], in)
		say(w, 201, map[string]any{"id": f.lastID})
	}
}

func (f *Fake) find(identifier string) string {
	for address, c := range f.Contacts {
		if strings.EqualFold(address, identifier) || c["ext_id"] == identifier {
			return address
		}
	}
	return ""
}

func merge(contact, in map[string]any) {
	own, _ := in["attributes"].(map[string]any)
	for _, a := range listed {
		name := fmt.Sprint(a["name"])
		if v, ok := own[name]; ok {
			contact["attributes."+name] = v
		}
	}
	for name, v := range in {
		if name != "attributes" {
			contact[name] = v
		}
	}
}

// Get implements destinationtest.Service.
func (f *Fake) Get(_, id string) (map[string]string, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	address := f.find(id)
	if address == "" {
		return nil, false
	}
	stored := map[string]string{}
	for name, v := range f.Contacts[address] {
		text, err := json.Marshal(v)
		if err != nil {
			panic(err)
		}
		stored[name] = string(text)
	}
	return stored, true
}

func say(w http.ResponseWriter, status int, body map[string]any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

var listed = []map[string]any{
	{"name": "FIRSTNAME", "category": "normal", "type": "text"},
	{"name": "SCORE", "category": "normal", "type": "float"},
	{"name": "BORN", "category": "normal", "type": "date"},
	{"name": "VIP", "category": "normal", "type": "boolean"},
	{"name": "REGIONS", "category": "normal", "type": "multiple-choice", "multiCategoryOptions": []string{"EU", "US"}},
	{"name": "GENDER", "category": "category", "enumeration": []map[string]any{{"value": 1, "label": "Woman"}, {"value": 2, "label": "Man"}}},
	{"name": "BLACKLIST", "category": "calculated", "calculatedValue": "COUNT[BLACKLISTED]"},
}
