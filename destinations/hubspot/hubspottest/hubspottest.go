// Package hubspottest is a stand-in of HubSpot for tests.
package hubspottest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// Fake is HubSpot as it is documented, its ugly parts included: results come backwards, errors stand in a 201, 200
// or 207, an update of an unknown record says nothing, and an invalid property refuses the whole batch.
//
// Its fields are for tests to set and to read while no request is under way.
type Fake struct {
	mu       sync.Mutex
	Records  map[string]map[string]map[string]string // by object and HubSpot's id
	Blocked  []string                                // addresses that can never be used again
	LastID   int
	Unlisted string          // an address of which no answer speaks
	Closed   map[string]bool // objects for which the token has no scope
	Linked   map[string]bool // associations, as "contacts 101 companies 102"
	Tokens   int             // access tokens that were given out
}

// New returns an account that has no record.
func New() *Fake {
	return &Fake{
		LastID: 100, Closed: map[string]bool{}, Linked: map[string]bool{},
		Records: map[string]map[string]map[string]string{"contacts": {}, "companies": {}, "deals": {}, "tickets": {}, "p4242_cars": {}},
	}
}

type fakeInput struct {
	ID, IDProperty, ObjectWriteTraceID string
	Properties                         map[string]string
}

type object = map[string]any

var writable = []string{"email", "firstname", "plan", "score", "signup", "seen", "opt_in", "topics", "external_id", "name", "hs_additional_emails"}

// ServeHTTP answers one request.
func (f *Fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if r.URL.Path == "/oauth/2026-09/token" {
		f.Tokens++
		say(w, 200, object{"access_token": fmt.Sprintf("access-token-%d", f.Tokens), "refresh_token": r.FormValue("refresh_token"), "expires_in": 1800, "token_type": "bearer"})
		return
	}
	if !strings.HasPrefix(r.Header.Get("Authorization"), "Bearer ") {
		say(w, 401, object{"status": "error", "category": "INVALID_AUTHENTICATION", "message": "Authentication credentials not found."})
		return
	}
	w.Header().Set("X-HubSpot-RateLimit-Max", "100")
	w.Header().Set("X-HubSpot-RateLimit-Interval-Milliseconds", "10000")
	switch path := strings.Split(strings.Trim(r.URL.Path, "/"), "/"); {
	case r.URL.Path == "/account-info/2026-09/details":
		say(w, 200, object{"portalId": 4242, "accountType": "STANDARD", "timeZone": "Europe/London", "dataHostingLocation": "eu1"})
	case len(path) > 3 && f.Closed[path[3]]:
		say(w, 403, object{"status": "error", "category": "MISSING_SCOPES", "message": "This app hasn't been granted all required scopes to make this call."})
	case strings.HasPrefix(r.URL.Path, "/crm/properties/2026-09/") && r.Method == http.MethodGet && f.Records[path[3]] != nil:
		say(w, 200, fakeProperties(path[3]))
	case r.URL.Path == "/crm-object-schemas/2026-09/schemas":
		if f.Closed["schemas"] {
			say(w, 403, object{"status": "error", "category": "MISSING_SCOPES", "message": "missing scopes"})
			return
		}
		say(w, 200, object{"results": []object{{"fullyQualifiedName": "p4242_cars", "objectTypeId": "2-123", "labels": object{"singular": "Car", "plural": "Cars"}}}})
	case len(path) == 4 && path[1] == "objects" && r.Method == http.MethodGet && f.Records[path[3]] != nil:
		say(w, 200, object{"results": []object{}})
	case len(path) == 8 && path[1] == "associations" && strings.HasSuffix(r.URL.Path, "/batch/associate/default"):
		f.associate(w, r, path[3], path[4])
	case len(path) == 6 && path[0] == "crm" && path[2] == "2026-09" && f.Records[path[3]] != nil:
		f.batch(w, r, path[3], path[5])
	case strings.HasSuffix(r.URL.Path, "/contacts/gdpr-delete"):
		f.purge(w, r)
	default:
		say(w, 404, object{"status": "error", "category": "OBJECT_NOT_FOUND", "message": "No such address"})
	}
}

// associate links pairs of records. One whose record is not there is a fault of which only the words speak.
func (f *Fake) associate(w http.ResponseWriter, r *http.Request, from, to string) {
	var body struct {
		Inputs []struct{ From, To struct{ ID string } }
	}
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil || len(body.Inputs) == 0 {
		say(w, 400, object{"status": "error", "category": "VALIDATION_ERROR", "message": "Invalid input JSON"})
		return
	}
	var results, errs []object
	for _, in := range body.Inputs {
		if f.Records[from][in.From.ID] == nil || f.Records[to][in.To.ID] == nil || f.Closed["linking"] {
			errs = append(errs, object{"status": "error", "category": "VALIDATION_ERROR", "message": "No default association type is defined"})
			continue
		}
		f.Linked[strings.Join([]string{from, in.From.ID, to, in.To.ID}, " ")] = true
		results = append(results, object{"from": object{"id": in.From.ID}, "to": object{"id": in.To.ID}})
	}
	slices.Reverse(results)
	say(w, 200, object{"status": "COMPLETE", "results": results, "errors": errs, "numErrors": len(errs)})
}

func (f *Fake) batch(w http.ResponseWriter, r *http.Request, kind, op string) {
	var body struct {
		IDProperty string
		Inputs     []fakeInput
	}
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil || len(body.Inputs) == 0 || len(body.Inputs) > 100 {
		say(w, 400, object{"status": "error", "category": "VALIDATION_ERROR", "message": "Invalid input JSON"})
		return
	}
	for _, in := range body.Inputs {
		for name := range in.Properties {
			if !slices.Contains(writable, name) {
				say(w, 400, object{
					"status": "error", "category": "VALIDATION_ERROR", "message": "Property values were not valid",
					"errors": []object{{"message": "Property \"" + name + "\" does not exist", "code": "PROPERTY_DOESNT_EXIST"}},
				})
				return
			}
		}
	}
	var results, errs []object
	for _, in := range body.Inputs {
		if in.IDProperty == "" {
			in.IDProperty = body.IDProperty
		}
		result, fault := f.one(kind, op, in)
		switch {
		case f.Unlisted != "" && in.ID == f.Unlisted:
		case fault != nil:
			errs = append(errs, fault)
		case result != nil:
			results = append(results, result)
		}
	}
	if op == "archive" {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	slices.Reverse(results)
	reply := object{"status": "COMPLETE", "results": results, "startedAt": "2026-11-20T00:00:00Z"}
	status := map[string]int{"create": 201, "read": 207}[op]
	if len(errs) > 0 {
		reply["errors"], reply["numErrors"] = errs, len(errs)
	}
	say(w, max(status, 200), reply)
}

// one does op with one input, and returns its entry among the results or among the errors.
func (f *Fake) one(kind, op string, in fakeInput) (result, fault object) {
	id := f.find(kind, in)
	if !strings.Contains(op, "r") || op == "create" || op == "upsert" {
		if address := in.Properties["email"]; address != "" && !strings.Contains(address, "@") {
			message := `Property values were not valid: [{"isValid":false,"message":"Email address ` + address + ` is invalid","error":"INVALID_EMAIL","name":"email"}]`
			return nil, object{"status": "error", "category": "VALIDATION_ERROR", "message": message, "context": object{"objectWriteTraceId": []string{in.ObjectWriteTraceID}}}
		}
	}
	switch op {
	case "read":
		if id == "" {
			return nil, object{"status": "error", "category": "OBJECT_NOT_FOUND", "message": "Could not get some objects", "context": object{"ids": []string{in.ID}}}
		}
		return object{"id": id, "properties": f.Records[kind][id]}, nil
	case "archive":
		delete(f.Records[kind], in.ID)
		return nil, nil
	case "update":
		if f.Records[kind][in.ID] == nil {
			return nil, nil
		}
		id = in.ID
	case "create":
		if taken := f.find(kind, fakeInput{ID: in.Properties["email"], IDProperty: "email"}); taken != "" {
			return nil, object{"status": "error", "category": "CONFLICT", "message": "Contact already exists. Existing ID: " + taken, "context": object{"objectWriteTraceId": []string{in.ObjectWriteTraceID}}}
		}
		id = ""
	}
	fresh := id == ""
	if fresh {
		f.LastID++
		id = strconv.Itoa(f.LastID)
		f.Records[kind][id] = map[string]string{}
	}
	for name, value := range in.Properties {
		f.Records[kind][id][name] = value
		if value == "" {
			delete(f.Records[kind][id], name)
		}
	}
	return object{"id": id, "new": fresh, "objectWriteTraceId": in.ObjectWriteTraceID, "properties": object{}}, nil
}

// find returns the id of the record that in names, also by a secondary address.
func (f *Fake) find(kind string, in fakeInput) string {
	for id, record := range f.Records[kind] {
		others := strings.Split(record["hs_additional_emails"], ";")
		if in.IDProperty == "" && id == in.ID {
			return id
		}
		if in.ID != "" && (strings.EqualFold(record[in.IDProperty], in.ID) || in.IDProperty == "email" && slices.Contains(others, in.ID)) {
			return id
		}
	}
	return ""
}

func (f *Fake) purge(w http.ResponseWriter, r *http.Request) {
	var body struct{ ObjectID, IDProperty string }
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		say(w, 400, object{"message": err.Error()})
		return
	}
	if body.IDProperty == "email" {
		f.Blocked = append(f.Blocked, body.ObjectID)
	}
	delete(f.Records["contacts"], body.ObjectID)
	w.WriteHeader(http.StatusNoContent)
}

// Get implements destinationtest.Service.
func (f *Fake) Get(kind, id string) (map[string]string, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	found := f.find(kind, fakeInput{ID: id, IDProperty: "email"})
	fields := map[string]string{}
	for name, value := range f.Records[kind][found] {
		text, err := json.Marshal(value)
		if err != nil {
			panic(err)
		}
		fields[name] = string(text)
	}
	return fields, found != ""
}

func say(w http.ResponseWriter, status int, body object) {
	w.Header().Set("Content-Type", "application/json;charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

func fakeProperties(kind string) object {
	list := []object{
		{"name": "hs_object_id", "label": "Record ID", "type": "number", "fieldType": "number", "hasUniqueValue": true, "modificationMetadata": object{"readOnlyValue": true}},
		{"name": "external_id", "label": "External ID", "type": "string", "fieldType": "text", "hasUniqueValue": true},
		{"name": "firstname", "label": "First name", "type": "string", "fieldType": "text"},
		{"name": "name", "label": "Name", "type": "string", "fieldType": "text"},
		{"name": "score", "label": "Score", "type": "number", "fieldType": "number"},
		{"name": "age", "label": "Age", "type": "number", "fieldType": "calculation_equation", "calculated": true},
		{"name": "opt_in", "label": "Opt-in", "type": "bool", "fieldType": "booleancheckbox", "options": []object{{"value": "true"}, {"value": "false"}}},
		{"name": "signup", "label": "Signed up", "type": "date", "fieldType": "date"},
		{"name": "seen", "label": "Seen", "type": "datetime", "fieldType": "date"},
		{"name": "plan", "label": "Plan", "type": "enumeration", "fieldType": "select", "options": []object{{"value": "free"}, {"value": "pro", "hidden": true}}},
		{"name": "topics", "label": "Topics", "type": "enumeration", "fieldType": "checkbox", "options": []object{{"value": "a"}, {"value": "b"}}},
		{"name": "owner", "label": "Owner", "type": "enumeration", "fieldType": "select", "externalOptions": true, "options": []object{}},
		{"name": "mobile", "label": "Mobile", "type": "phone_number", "fieldType": "phonenumber"},
	}
	if kind == "contacts" {
		list = append(list, object{"name": "email", "label": "E-mail", "type": "string", "fieldType": "text", "hasUniqueValue": true})
	}
	return object{"results": list}
}
