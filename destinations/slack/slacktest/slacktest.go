// Package slacktest is a stand-in of Slack for tests.
package slacktest

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
)

// Fake is Slack as it is documented: whatever goes wrong is a 200 that says ok is false, unknown members are passed
// over, and the same message posted twice is there twice. Its webhook answers with words.
//
// Its fields are for tests to set and to read while no request is under way.
type Fake struct {
	mu      sync.Mutex
	Posted  []map[string]any // in the order of their ts, nil where one was deleted
	People  map[string]string
	Lookups int
	Scopes  string
}

type object = map[string]any

// New returns a workspace with one member, in which nothing was said.
func New() *Fake {
	return &Fake{People: map[string]string{"ada@example.com": "U1"}, Scopes: "chat:write,users:read.email"}
}

// ServeHTTP answers one request.
func (f *Fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if r.Host == "hooks.slack.com" {
		f.hook(w, r)
		return
	}
	w.Header().Set("X-OAuth-Scopes", f.Scopes)
	if !strings.HasPrefix(r.Header.Get("Authorization"), "Bearer ") {
		say(w, object{"ok": false, "error": "not_authed"})
		return
	}
	var in object
	if r.Method == http.MethodPost {
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
			say(w, object{"ok": false, "error": "invalid_json"})
			return
		}
	}
	switch r.URL.Path {
	case "/api/auth.test":
		say(w, object{"ok": true, "team": "Acme", "user": "spillway", "team_id": "T1"})
	case "/api/users.lookupByEmail":
		f.Lookups++
		if id := f.People[r.FormValue("email")]; id != "" {
			say(w, object{"ok": true, "user": object{"id": id}})
			return
		}
		say(w, object{"ok": false, "error": "users_not_found"})
	case "/api/chat.postMessage":
		say(w, f.post(in))
	case "/api/chat.update", "/api/chat.delete":
		say(w, f.change(r.URL.Path, in))
	default:
		say(w, object{"ok": false, "error": "unknown_method"})
	}
}

func (f *Fake) post(in object) object {
	to, _ := in["channel"].(string)
	switch {
	case strings.HasPrefix(to, "#gone"):
		return object{"ok": false, "error": "channel_not_found"}
	case in["text"] == nil && in["blocks"] == nil:
		return object{"ok": false, "error": "no_text"}
	}
	if id, named := strings.CutPrefix(to, "#"); named {
		in["channel"] = "C" + strings.ToUpper(id) // the answer names the channel by its id
	}
	f.Posted = append(f.Posted, in)
	return object{"ok": true, "channel": in["channel"], "ts": TS(len(f.Posted) - 1), "message": object{"text": in["text"]}}
}

// TS is the identifier of the n-th message.
func TS(n int) string { return fmt.Sprintf("1700000000.%06d", n) }

func (f *Fake) change(path string, in object) object {
	text, _ := in["ts"].(string)
	n, err := strconv.Atoi(strings.TrimPrefix(text, "1700000000."))
	if err != nil || n >= len(f.Posted) || f.Posted[n] == nil || f.Posted[n]["channel"] != in["channel"] {
		return object{"ok": false, "error": "message_not_found"}
	}
	if strings.HasSuffix(path, "delete") {
		f.Posted[n] = nil
		return object{"ok": true, "channel": in["channel"], "ts": in["ts"]}
	}
	f.Posted[n]["text"] = in["text"]
	return object{"ok": true, "channel": in["channel"], "ts": in["ts"], "text": in["text"]}
}

func (f *Fake) hook(w http.ResponseWriter, r *http.Request) {
	var in object
	body, err := io.ReadAll(r.Body)
	switch {
	case r.URL.Path != "/services/T/B/X":
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprint(w, "no_service")
	case err != nil || json.Unmarshal(body, &in) != nil || in["text"] == "":
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprint(w, "no_text")
	default:
		f.Posted = append(f.Posted, in)
		fmt.Fprint(w, "ok")
	}
}

func say(w http.ResponseWriter, body object) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	_ = json.NewEncoder(w).Encode(body)
}

var unescape = strings.NewReplacer("&lt;", "<", "&gt;", ">", "&amp;", "&")

// Get implements destinationtest.Service: a message is found by the name of its sender, which the tests give.
func (f *Fake) Get(_, id string) (map[string]string, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, in := range f.Posted {
		if in == nil || in["username"] != id {
			continue
		}
		fields := map[string]string{}
		for name, v := range in {
			if s, ok := v.(string); ok {
				v = unescape.Replace(s)
			}
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

// Texts are what stands in the channels now.
func (f *Fake) Texts() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var texts []string
	for _, in := range f.Posted {
		if in != nil {
			texts = append(texts, fmt.Sprint(in["channel"], ": ", in["text"]))
		}
	}
	return texts
}
