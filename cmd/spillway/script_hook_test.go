package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"sync"

	"github.com/rogpeppe/go-internal/testscript"
)

// hook is the other side of an http destination. It writes what it accepted to received.txt in the script's
// directory, one line a record: the operation, the key and the fields as JSON.
type hook struct {
	mu       sync.Mutex
	status   int               // what every request gets; 0 is as the records deserve
	verdicts map[string]string // by id: rejected or retry
	received *os.File
	requests int
}

// fakeService is what a script delivers to, under serviceKey.
type fakeService struct {
	project string // where the files of the project are
	hook    *hook
}

type serviceKey struct{}

// shop writes the project testdata/shop into the current directory and serves the service that it delivers to, at the
// address that the variable HOOK holds from then on.
func shop(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) > 0 {
		ts.Fatalf("usage: shop")
	}
	received, err := os.Create(ts.MkAbs("received.txt"))
	ts.Check(err)
	h := &hook{verdicts: map[string]string{}, received: received}
	server := httptest.NewServer(h)
	ts.Defer(func() {
		server.Close()
		_ = received.Close()
	})
	s, ok := ts.Value(serviceKey{}).(*fakeService)
	if !ok {
		ts.Fatalf("the script was not set up")
	}
	s.hook = h
	ts.Check(os.CopyFS(ts.MkAbs("."), os.DirFS(s.project)))
	file := ts.MkAbs("spillway.toml")
	content := strings.ReplaceAll(ts.ReadFile(file), "$HOOK", server.URL)
	ts.Check(os.WriteFile(file, []byte(content), 0o600))
	ts.Setenv("HOOK", server.URL)
}

// answer changes how the service answers:
//
//	answer status CODE    everything with this status; 200 ends it
//	answer reject ID...   these records are refused, with the code bad_record
//	answer retry ID...    these are to be sent again later
//	answer accept         every record again
func answer(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: answer status|reject|retry|accept [ARG...]")
	}
	s, ok := ts.Value(serviceKey{}).(*fakeService)
	if !ok || s.hook == nil {
		ts.Fatalf("answer wants shop before it")
	}
	ts.Check(s.hook.answer(args[0], args[1:]))
}

func (h *hook) answer(kind string, args []string) (err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch kind {
	case "status":
		h.status, err = strconv.Atoi(strings.Join(args, ""))
		if h.status == http.StatusOK {
			h.status = 0
		}
	case "reject", "retry":
		for _, id := range args {
			h.verdicts[id] = map[string]string{"reject": "rejected", "retry": "retry"}[kind]
		}
	case "accept":
		clear(h.verdicts)
	default:
		err = fmt.Errorf("answer %s: it is status, reject, retry or accept", kind)
	}
	return err
}

func (h *hook) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.requests++
	if h.status != 0 {
		http.Error(w, "the script said so", h.status)
		return
	}
	if r.Method == http.MethodHead {
		return
	}
	var batch struct {
		Op      string `json:"op"`
		Records []struct {
			Key    string          `json:"key"`
			ID     string          `json:"id"`
			Fields json.RawMessage `json:"fields"`
		} `json:"records"`
	}
	if err := json.NewDecoder(r.Body).Decode(&batch); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	type result struct {
		ID     string `json:"id"`
		Status string `json:"status"`
		Code   string `json:"code,omitempty"`
		Reason string `json:"reason,omitempty"`
	}
	results := []result{}
	for _, record := range batch.Records {
		if verdict, ok := h.verdicts[record.ID]; ok {
			results = append(results, result{record.ID, verdict, "bad_record", "we do not like " + record.ID})
			continue
		}
		fmt.Fprintf(h.received, "%s %s %s\n", batch.Op, record.Key, record.Fields)
		results = append(results, result{ID: record.ID, Status: "accepted"})
	}
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(map[string]any{"results": results}); err != nil {
		panic(http.ErrAbortHandler)
	}
}
