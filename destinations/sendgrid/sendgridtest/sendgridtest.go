// Package sendgridtest is a stand-in of SendGrid for tests.
package sendgridtest

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Fake is SendGrid as it is documented: it takes contacts without a word, an import tells later how many it refused, and
// a file at another host whom. Contacts are found by their identifiers and, by e-mail, by their alternate addresses too.
//
// Its fields are for tests to set and to read while no request is under way.
type Fake struct {
	mu       sync.Mutex
	People   map[string]doc    // by SendGrid's id
	emails   map[string]string // those ids
	imports  map[string]doc
	files    map[string]string
	looks    map[string]int // how often an import was asked for
	Pending  int            // how often one is said to be pending
	Unseen   int            // how often one is not found yet
	File     string         // the form of the file of errors: "", "bare", "none" or "gone"
	Failing  bool           // imports fail whoever is in them
	Dropping bool           // one of the contacts of an import is lost without a word
	Document bool           // answers are those of SendGrid's document, to the letter
	Left     int            // requests that remain in this window, if it is not 0
	Scopes   []string
	lastID   int
}

type doc = map[string]any

// List is the id of the first list.
const List = "abc12312-0000-4000-8000-123456789abc"

// New returns an account with two lists that has no contacts.
func New() *Fake {
	return &Fake{
		People: map[string]doc{}, emails: map[string]string{}, imports: map[string]doc{}, files: map[string]string{}, looks: map[string]int{},
		Scopes: []string{"marketing.automation.read", "marketing.read", "user.username.read"},
	}
}

// ServeHTTP answers one request.
func (f *Fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if text, ok := f.files[r.URL.Path]; ok && r.URL.Query().Get("X-Amz-Signature") != "" {
		if r.Header.Get("Authorization") != "" {
			fail(w, 400, "Only one auth mechanism allowed", "")
			return
		}
		_, _ = io.WriteString(w, text)
		return
	}
	if !strings.HasPrefix(r.Header.Get("Authorization"), "Bearer ") {
		fail(w, 401, "authorization required", "")
		return
	}
	if f.Left > 0 {
		f.Left--
		w.Header().Set("X-RateLimit-Remaining", strconv.Itoa(f.Left))
		w.Header().Set("X-RateLimit-Reset", strconv.FormatInt(time.Now().Add(8*time.Second).Unix(), 10))
	}
	var in doc
	if r.ContentLength > 0 {
		decoder := json.NewDecoder(r.Body)
		decoder.UseNumber()
		if r.ContentLength > 6_000_000 || decoder.Decode(&in) != nil {
			fail(w, 400, "request body is invalid", "")
			return
		}
	}
	id, isImport := strings.CutPrefix(r.URL.Path, "/v3/marketing/contacts/imports/")
	by, isSearch := strings.CutPrefix(r.URL.Path, "/v3/marketing/contacts/search/identifiers/")
	switch route := r.Method + " " + r.URL.Path; {
	case route == "GET /v3/scopes":
		say(w, 200, doc{"scopes": f.Scopes})
	case route == "GET /v3/user/username":
		say(w, 200, doc{"username": "acme", "user_id": 42})
	case route == "GET /v3/marketing/field_definitions":
		say(w, 200, definitions)
	case route == "GET /v3/marketing/lists":
		f.allLists(w, r.URL.Query().Get("page_token"))
	case route == "PUT /v3/marketing/contacts":
		f.upsert(w, r.Host, in)
	case route == "DELETE /v3/marketing/contacts":
		for id := range strings.SplitSeq(r.URL.Query().Get("ids"), ",") {
			delete(f.People, id)
		}
		job := f.begin(doc{"status": "completed", "job_type": "delete", "results": doc{"requested_count": 1, "deleted_count": 1}})
		if f.Document {
			say(w, 202, doc{"job_id": doc{"id": job}})
			return
		}
		say(w, 202, doc{"job_id": job})
	case route == "DELETE /v3/marketing/lists/"+List+"/contacts":
		f.unlist(w, strings.Split(r.URL.Query().Get("contact_ids"), ","))
	case isImport && f.imports[id] != nil:
		f.look(w, id)
	case isSearch:
		f.search(w, by, in)
	default:
		fail(w, 404, "not found", "")
	}
}

func (f *Fake) allLists(w http.ResponseWriter, token string) {
	if token == "" {
		next := "https://api.sendgrid.com/v3/marketing/lists?page_size=1000&page_token=2"
		say(w, 200, doc{"result": []doc{{"id": List, "name": "Newsletter", "contact_count": 0}}, "_metadata": doc{"next": next}})
		return
	}
	say(w, 200, doc{"result": []doc{{"id": "abc12312-0000-4000-8000-00000000beta", "name": "Beta", "contact_count": 0}}, "_metadata": doc{}})
}

// begin keeps what an import will come to.
func (f *Fake) begin(outcome doc) string {
	id := fmt.Sprintf("job-%d", len(f.imports)+1)
	outcome["id"] = id
	f.imports[id] = outcome
	return id
}

func (f *Fake) look(w http.ResponseWriter, id string) {
	f.looks[id]++
	switch n := f.looks[id]; {
	case n <= f.Unseen:
		fail(w, 404, "not found", "")
	case n <= f.Unseen+f.Pending:
		say(w, 200, doc{"id": id, "status": "pending", "results": doc{}})
	default:
		say(w, 200, f.imports[id])
	}
}

// place is where the files of errors lie: at another host, or at a stand-in that listens where no other host is reached.
func place(host string) string {
	if strings.HasPrefix(host, "127.0.0.1:") {
		return "http://" + host
	}
	return "https://sg-exports.s3.example"
}

func (f *Fake) upsert(w http.ResponseWriter, host string, in doc) {
	list, _ := in["contacts"].([]any)
	if len(list) == 0 || len(list) > 30_000 {
		fail(w, 400, "contacts must have between 1 and 30000 items", "contacts")
		return
	}
	for i, one := range list {
		if c, _ := one.(doc); len(fmt.Sprint(c["email"])) > 254 {
			fail(w, 400, "length should be less than or equal to 254", fmt.Sprintf("contacts[%d].email", i))
			return
		}
	}
	id := "job-" + strconv.Itoa(len(f.imports)+1)
	rows := map[string]string{"bare": "", "": "error,email,line\n"}[f.File]
	taken, errored := 0, 0
	for i, one := range list {
		c, _ := one.(doc)
		address, _ := c["email"].(string)
		switch {
		case f.Failing, f.Dropping && i == 0:
		case !strings.Contains(address, "@"):
			errored++
			rows += fmt.Sprintf("\"email, '%s', is invalid\",%s,%d\n", address, strings.ToUpper(address), i+2)
			if f.File == "bare" {
				rows = "something went wrong\n"
			}
		default:
			taken++
			f.Keep(c, in["list_ids"])
		}
	}
	results := doc{"requested_count": taken + errored, "created_count": taken, "updated_count": 0, "errored_count": errored}
	status := "completed"
	switch {
	case f.Failing:
		status, results = "failed", doc{"requested_count": 0}
	case errored > 0 && taken == 0:
		status = "failed"
	case errored > 0:
		status = "errored"
	}
	if errored > 0 && f.File != "none" {
		path := "/exports/" + id + ".csv"
		results["errors_url"] = place(host) + path + "?X-Amz-Signature=abc%2Fdef&X-Amz-Expires=3600"
		if f.File != "gone" {
			f.files[path] = rows
		}
	}
	say(w, 202, doc{"job_id": f.begin(doc{"status": status, "job_type": "upsert", "results": results})})
}

// Keep stores what is said of a contact.
func (f *Fake) Keep(in doc, lists any) {
	address := strings.ToLower(fmt.Sprint(in["email"]))
	id := f.emails[address]
	if f.People[id] == nil {
		f.lastID++
		id = fmt.Sprintf("00000000-0000-4000-8000-%012d", f.lastID)
		f.People[id] = doc{"id": id}
		f.emails[address] = id
	}
	c := f.People[id]
	for name, v := range in {
		if inner, ok := v.(doc); ok {
			for custom, v := range inner {
				c[name+"."+custom] = v
			}
			continue
		}
		c[name] = v
	}
	if list, ok := lists.([]any); ok {
		c["list_ids"] = list
	}
	c["email"] = address
}

func (f *Fake) unlist(w http.ResponseWriter, ids []string) {
	for _, id := range ids {
		if f.People[id] == nil {
			fail(w, 404, "contact ids not found", "")
			return
		}
	}
	for _, id := range ids {
		delete(f.People[id], "list_ids")
	}
	say(w, 202, doc{"job_id": "removal-1"})
}

func (f *Fake) search(w http.ResponseWriter, by string, in doc) {
	wanted, _ := in["identifiers"].([]any)
	result, found := doc{}, false
	for _, one := range wanted {
		name := strings.ToLower(fmt.Sprint(one))
		result[name] = doc{"error": "contact not found"}
		for _, c := range f.People {
			others, _ := c["alternate_emails"].([]any)
			if strings.EqualFold(fmt.Sprint(c[by]), name) || by == "email" && slices.Contains(others, any(name)) {
				found = true
				result[name] = doc{"contact": shown(c)}
			}
		}
	}
	if len(wanted) > 100 {
		fail(w, 400, "at most 100", "identifiers")
	} else if !found {
		say(w, 404, doc{"message": "contacts not found", "result": result})
	} else {
		say(w, 200, doc{"result": result})
	}
}

// shown is a contact as it is answered with.
func shown(c doc) doc {
	out := doc{"list_ids": []any{}, "segment_ids": []any{}, "created_at": "2021-03-02T15:25:47Z", "updated_at": "2021-03-30T15:26:16Z"}
	for name, v := range c {
		if !strings.Contains(name, ".") {
			out[name] = v
		}
	}
	return out
}

// Get implements destinationtest.Service.
func (f *Fake) Get(kind, id string) (map[string]string, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	names := map[string]string{}
	for _, d := range customs {
		names["custom_fields."+fmt.Sprint(d["id"])] = "custom_fields." + fmt.Sprint(d["name"])
	}
	c := f.People[f.emails[strings.ToLower(id)]]
	if c == nil || kind != "contacts" && c["list_ids"] == nil {
		return nil, false
	}
	fields := map[string]string{}
	for name, v := range c {
		text, err := json.Marshal(v)
		if err != nil {
			panic(err)
		}
		if named, ok := names[name]; ok {
			name = named
		}
		fields[name] = string(text)
	}
	return fields, true
}

func say(w http.ResponseWriter, status int, body doc) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

func fail(w http.ResponseWriter, status int, message, field string) {
	fault := doc{"message": message}
	if field != "" {
		fault["field"] = field
	}
	body := doc{"errors": []doc{fault}}
	if status == 404 {
		body["message"] = message // of those whose 404 is an error by itself
	}
	say(w, status, body)
}

var customs = []doc{
	{"id": "e1_T", "name": "notes", "field_type": "Text"},
	{"id": "w2", "name": "Score", "field_type": "Number"},
	{"id": "w3", "name": "renews", "field_type": "Date"},
}

var definitions = doc{
	"custom_fields": customs,
	"reserved_fields": []doc{
		{"id": "_rf0_T", "name": "first_name", "field_type": "Text"},
		{"id": "_rf2_T", "name": "email", "field_type": "Text"},
		{"id": "_rf3_T", "name": "alternate_emails", "field_type": "Text"},
		{"id": "_rf21_D", "name": "created_at", "field_type": "Date", "read_only": true},
	},
	"_metadata": doc{"self": "https://example.com/marketing/field_definitions"},
}
