// Package salesforcetest is a stand-in of Salesforce for tests.
package salesforcetest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// Root is what the paths of the API begin with.
const Root = "/services/data/v67.0"

// Fake is Salesforce as it is documented, its ugly parts included: a token's answer has no end, limits are a 403, an
// unknown field refuses the whole request, an external id that stands twice refuses all its records, numbers come back
// as 7.0, a query ends after a few records, and a job's files have an order of their own.
//
// Its fields are for tests to set and to read while no request is under way.
type Fake struct {
	mu        sync.Mutex
	Records   map[string]map[string]map[string]json.RawMessage // by object and Salesforce's id
	Locked    map[string]int                                   // how often more a record is found locked, by Number__c
	Silent    string                                           // Number__c of a record that no file of a job names
	StopAfter int                                              // records after which a job fails; 0 is never
	NoJobs    bool                                             // no object can be delivered by a job
	Grants    []string                                         // the kinds of grants for which tokens were given out
	Jobs      int                                              // that were made
	lastID    int
	jobs      map[string]*job
	numbers   map[string][]string // ids by object and Number__c, some of them of no record any more
}

const numbered = "Number__c"

// New returns an org that has no record.
func New() *Fake {
	f := &Fake{Records: map[string]map[string]map[string]json.RawMessage{}, Locked: map[string]int{}, jobs: map[string]*job{}, numbers: map[string][]string{}}
	for name := range objects {
		f.Records[name] = map[string]map[string]json.RawMessage{}
	}
	return f
}

type object = map[string]any

// fault is why a record is refused.
type fault struct {
	StatusCode string   `json:"statusCode"`
	Message    string   `json:"message"`
	Fields     []string `json:"fields"`
}

func refuse(w http.ResponseWriter, status int, code, message string) {
	say(w, status, []object{{"errorCode": code, "message": message}})
}

func say(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json;charset=UTF-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

// ServeHTTP answers one request.
func (f *Fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if r.URL.Path == "/services/oauth2/token" {
		f.token(w, r)
		return
	}
	if !strings.HasPrefix(r.Header.Get("Authorization"), "Bearer ") {
		refuse(w, http.StatusUnauthorized, "INVALID_SESSION_ID", "Session expired or invalid")
		return
	}
	w.Header().Set("Sforce-Limit-Info", "api-usage=18/5000")
	path, ok := strings.CutPrefix(r.URL.Path, Root)
	parts := strings.Split(strings.Trim(path, "/"), "/")
	switch {
	case ok && path == "":
		say(w, http.StatusOK, object{"sobjects": Root + "/sobjects", "identity": "https://login.salesforce.com/id/00Dxx0000001gPLEAY/005xx000001Sv6eAAC"})
	case path == "/sobjects":
		say(w, http.StatusOK, object{"encoding": "UTF-8", "sobjects": globals()})
	case len(parts) == 3 && parts[2] == "describe" && objects[parts[1]] != nil:
		say(w, http.StatusOK, object{"name": parts[1], "fields": objects[parts[1]]})
	case parts[0] == "query":
		f.query(w, r)
	case parts[0] == "composite" && len(parts) > 1 && parts[1] == "sobjects":
		f.collection(w, r, parts[2:])
	case parts[0] == "jobs" && len(parts) > 1 && parts[1] == "ingest":
		f.ingest(w, r, parts[2:])
	default:
		refuse(w, http.StatusNotFound, "NOT_FOUND", "The requested resource does not exist")
	}
}

func (f *Fake) token(w http.ResponseWriter, r *http.Request) {
	kind := r.FormValue("grant_type")
	if r.FormValue("client_secret") == "" && r.FormValue("assertion") == "" {
		say(w, http.StatusBadRequest, object{"error": "invalid_grant", "error_description": "authentication failure"})
		return
	}
	f.Grants = append(f.Grants, kind)
	say(w, http.StatusOK, object{
		"access_token": fmt.Sprintf("00Dxx0000001gPL!access.%d", len(f.Grants)), "instance_url": "https://acme.my.salesforce.com",
		"id": "https://login.salesforce.com/id/00Dxx0000001gPLEAY/005xx000001Sv6eAAC", "token_type": "Bearer", "issued_at": "1278448832702",
	})
}

// collection answers requests of sObject Collections.
func (f *Fake) collection(w http.ResponseWriter, r *http.Request, path []string) {
	results := []object{}
	if r.Method == http.MethodDelete {
		for id := range strings.SplitSeq(r.URL.Query().Get("ids"), ",") {
			results = append(results, outcome(id, false, f.remove(id)))
		}
		say(w, http.StatusOK, results)
		return
	}
	var body struct {
		Records []map[string]json.RawMessage `json:"records"`
	}
	if json.NewDecoder(r.Body).Decode(&body) != nil || len(body.Records) == 0 || len(body.Records) > 200 {
		refuse(w, http.StatusBadRequest, "JSON_PARSER_ERROR", "The request holds no records, or too many")
		return
	}
	external := ""
	if len(path) == 2 {
		external = path[1]
	}
	for _, record := range body.Records {
		for name := range record {
			if name != "attributes" && name != "id" && !known(kind(record), name) {
				refuse(w, http.StatusBadRequest, "INVALID_FIELD", "No such column '"+name+"' on sobject of type "+kind(record))
				return
			}
		}
	}
	twice := repeated(body.Records, external)
	for _, record := range body.Records {
		if value := string(record[external]); twice[value] {
			results = append(results, outcome("", false, &fault{StatusCode: "DUPLICATE_VALUE", Message: "Duplicate external id specified: " + value}))
			continue
		}
		id, created, fault := f.write(kind(record), external, r.Method == http.MethodPost, record)
		results = append(results, outcome(id, created, fault))
	}
	say(w, http.StatusOK, results)
}

func repeated(records []map[string]json.RawMessage, external string) map[string]bool {
	seen, twice := map[string]bool{}, map[string]bool{}
	for _, record := range records {
		if value := string(record[external]); external != "" {
			twice[value] = twice[value] || seen[value]
			seen[value] = true
		}
	}
	return twice
}

func kind(record map[string]json.RawMessage) string {
	var attributes struct{ Type string }
	_ = json.Unmarshal(record["attributes"], &attributes)
	return attributes.Type
}

func outcome(id string, created bool, f *fault) object {
	if f != nil {
		return object{"success": false, "errors": []fault{*f}}
	}
	return object{"id": id, "success": true, "errors": []fault{}, "created": created}
}

// write makes or changes a record: by an external id, by Salesforce's own, or, as an insert, a new one.
func (f *Fake) write(of, external string, insert bool, record map[string]json.RawMessage) (id string, created bool, _ *fault) {
	if number := unquote(record["Number__c"]); f.Locked[number] > 0 {
		f.Locked[number]--
		return "", false, &fault{StatusCode: "UNABLE_TO_LOCK_ROW", Message: "unable to obtain exclusive access to this record"}
	}
	if address := unquote(record["Email"]); address != "" && !strings.Contains(address, "@") {
		return "", false, &fault{StatusCode: "INVALID_EMAIL_ADDRESS", Message: "Email: invalid email address: " + address, Fields: []string{"Email"}}
	}
	fields, wrong := f.resolve(of, record)
	if wrong != nil {
		return "", false, wrong
	}
	switch {
	case external != "":
		found := f.find(of, external, unquote(record[external]))
		if len(found) > 1 {
			return "", false, &fault{StatusCode: "DUPLICATE_EXTERNAL_ID", Message: external + ": more than one record found for external id field"}
		}
		id = strings.Join(found, "")
	case !insert:
		if id = f.whole(of, unquote(record["id"])); id == "" {
			return "", false, &fault{StatusCode: "ENTITY_IS_DELETED", Message: "entity is deleted"}
		}
	}
	if created = id == ""; created {
		for _, field := range objects[of] {
			if field.required() && unquote(fields[field.Name]) == "" {
				return "", false, &fault{StatusCode: "REQUIRED_FIELD_MISSING", Message: "Required fields are missing: [" + field.Name + "]", Fields: []string{field.Name}}
			}
		}
		f.lastID++
		id = fmt.Sprintf("%s%012dAAA", prefixes[of], f.lastID)
	}
	f.set(of, id, fields)
	return id, created, nil
}

// Seed puts a record into the org and returns its id.
func (f *Fake) Seed(of string, fields map[string]string) string {
	f.lastID++
	id := fmt.Sprintf("%s%012dAAA", prefixes[of], f.lastID)
	values := map[string]json.RawMessage{}
	for name, text := range fields {
		values[name] = quote(text)
	}
	f.set(of, id, values)
	return id
}

func (f *Fake) set(of, id string, fields map[string]json.RawMessage) {
	record := f.Records[of][id]
	if record == nil {
		record = map[string]json.RawMessage{}
		f.Records[of][id] = record
	}
	for name, value := range fields {
		record[name] = value
		if text := string(value); text == "null" || text == `""` {
			delete(record, name)
		}
	}
	if number := unquote(fields[numbered]); number != "" {
		key := of + " " + strings.ToLower(number)
		if !slices.Contains(f.numbers[key], id) {
			f.numbers[key] = append(f.numbers[key], id)
		}
	}
}

// resolve puts the ids of parents in the place of their external ids.
func (f *Fake) resolve(of string, record map[string]json.RawMessage) (map[string]json.RawMessage, *fault) {
	fields := map[string]json.RawMessage{}
	for name, value := range record {
		i := slices.IndexFunc(objects[of], func(f Field) bool { return f.Relationship != "" && f.Relationship == name })
		if name == "attributes" || name == "id" {
			continue
		}
		if i < 0 {
			fields[name] = value
			continue
		}
		reference := objects[of][i]
		parent := reference.Parents[0]
		var nested map[string]json.RawMessage
		_ = json.Unmarshal(value, &nested)
		if of := kind(nested); of != "" {
			parent = of
		}
		for key, value := range nested {
			if key == "attributes" {
				continue
			}
			found := f.find(parent, key, unquote(value))
			if len(found) != 1 {
				return nil, &fault{StatusCode: "INVALID_FIELD", Message: fmt.Sprintf("Foreign key external ID: %s not found for field %s in entity %s", strings.ToLower(unquote(value)), key, parent)}
			}
			fields[reference.Name] = quote(found[0])
		}
	}
	return fields, nil
}

func (f *Fake) remove(id string) *fault {
	for name := range f.Records {
		if whole := f.whole(name, id); whole != "" {
			delete(f.Records[name], whole)
			return nil
		}
	}
	return &fault{StatusCode: "ENTITY_IS_DELETED", Message: "entity is deleted"}
}

// whole is the long form of id if there is such a record.
func (f *Fake) whole(of, id string) string {
	if f.Records[of][id] != nil {
		return id
	}
	for whole := range f.Records[of] {
		if id != "" && strings.HasPrefix(whole, id) {
			return whole
		}
	}
	return ""
}

// find returns the ids of the records whose field has this value, whatever its case.
func (f *Fake) find(of, name, value string) []string {
	var ids []string
	if name == numbered {
		for _, id := range f.numbers[of+" "+strings.ToLower(value)] {
			if strings.EqualFold(unquote(f.Records[of][id][name]), value) {
				ids = append(ids, id)
			}
		}
		return ids
	}
	for id, record := range f.Records[of] {
		if value != "" && strings.EqualFold(unquote(record[name]), value) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

var (
	soql    = regexp.MustCompile(`^SELECT Id, (\w+) FROM (\w+) WHERE \w+ IN \((.*)\)$`)
	literal = regexp.MustCompile(`'((?:[^'\\]|\\.)*)'|([-0-9.]+)`)
)

const page = 3 // records of an answer to a query

// query answers a look-up by external ids, a few records at a time.
func (f *Fake) query(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query().Get("q")
	if rest, more := strings.CutPrefix(r.URL.Path, Root+"/query/"); more {
		q = rest
	}
	q, skipped, _ := strings.Cut(q, "~")
	if strings.Contains(q, "FROM Organization") {
		say(w, http.StatusOK, object{"totalSize": 1, "done": true, "records": []object{{"Name": "Acme", "OrganizationType": "Enterprise Edition", "IsSandbox": true}}})
		return
	}
	m := soql.FindStringSubmatch(q)
	if len(r.URL.RequestURI()) > 15_000 && skipped == "" {
		refuse(w, http.StatusRequestURITooLong, "UNKNOWN_EXCEPTION", "URI Too Long")
		return
	}
	if m == nil {
		refuse(w, http.StatusBadRequest, "MALFORMED_QUERY", "unexpected token: "+q)
		return
	}
	records := []object{}
	for _, l := range literal.FindAllStringSubmatch(m[3], -1) {
		value := strings.NewReplacer(`\\`, `\`, `\'`, `'`, `\"`, `"`).Replace(l[1]) + l[2]
		for _, id := range f.find(m[2], m[1], value) {
			shown := f.Records[m[2]][id][m[1]]
			if l[2] != "" {
				shown = json.RawMessage(l[2] + ".0")
			}
			records = append(records, object{"attributes": object{"type": m[2]}, "Id": id, m[1]: shown})
		}
	}
	total, from := len(records), 0
	_, _ = fmt.Sscan(skipped, &from)
	records = records[from:]
	if len(records) <= page {
		say(w, http.StatusOK, object{"totalSize": total, "done": true, "records": records})
		return
	}
	say(w, http.StatusOK, object{
		"totalSize": total, "done": false, "records": records[:page], "nextRecordsUrl": fmt.Sprintf("%s/query/%s~%d", Root, q, from+page),
	})
}

// Get implements destinationtest.Service: it finds a record by Number__c.
func (f *Fake) Get(of, id string) (map[string]string, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	fields := map[string]string{}
	found := f.find(of, "Number__c", id)
	for _, id := range found {
		for name, value := range f.Records[of][id] {
			fields[name] = string(value)
		}
	}
	return fields, len(found) == 1
}

func unquote(raw json.RawMessage) string {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return text
	}
	return string(raw)
}

func quote(text string) json.RawMessage {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(text); err != nil {
		panic(err)
	}
	return bytes.TrimSpace(b.Bytes())
}
