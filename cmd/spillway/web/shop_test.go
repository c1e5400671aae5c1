package web_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"

	"spillway/cmd/spillway/web"
	"spillway/mappings"
	"spillway/syncer"
	"spillway/syncer/alert"
	"spillway/syncer/daemon"
	"spillway/syncer/runlog"
)

// shop is a daemon with a history, for pages to show.
type shop struct {
	*fakeDaemon
	runs []runlog.Run // of the sync people, oldest first
}

// Sync returns the status of a sync by the newest of its runs.
func (s *shop) Sync(ctx context.Context, name string) (daemon.SyncStatus, error) {
	status, err := s.fakeDaemon.Sync(ctx, name)
	if err == nil && name == "people" {
		status.Last = &s.runs[len(s.runs)-1]
	}
	return status, err
}

func (s *shop) Syncs(ctx context.Context) ([]daemon.SyncStatus, error) {
	var all []daemon.SyncStatus
	for _, declared := range s.project.Syncs {
		status, err := s.Sync(ctx, declared.Name)
		if err != nil {
			return nil, err
		}
		all = append(all, status)
	}
	return all, nil
}

// newShop serves a daemon whose texts, wherever they come from outside, are what say makes of them.
func newShop(t testing.TB, say func(string) string) (*site, *shop) {
	t.Helper()
	s := newSite(t, nil)
	f := s.fake
	people := f.project.Syncs[1]
	people.Mapping = mappings.Spec{Fields: []mappings.Field{
		{Name: say("email"), Column: say("email")},
		{Name: "plan", Column: "plan", Map: map[string]any{say("free"): say("Free"), "pro": "Pro"}, HasDefault: true, Default: say("None")},
		{Name: "full_name", Expr: say("first_name + ' ' + last_name"), OnNull: mappings.Skip},
	}}
	people.SQL = say("select customer_id, email, plan, first_name, last_name\nfrom analytics.customers\nwhere email is not null")
	people.Key, people.Identifier, people.OnRemoved = []string{say("customer_id")}, say("email"), "archive"
	people.File, people.ConfigHash = "syncs/people.toml", "9f3c1a20"
	h := &shop{fakeDaemon: f}
	for i := range 40 {
		h.enterNth(i, say)
	}
	f.known = map[string]*syncer.KnownRow{"people " + say("1003"): {
		Sync: "people", Key: say("1003"), Accepted: true, Identifiers: []string{say("p3@x.io")},
		Tried: &syncer.KnownAttempt{Code: say("INVALID_EMAIL"), Refusals: 3},
	}}
	for known := range f.known {
		h.sample(strings.TrimPrefix(known, "people "), say)
	}
	f.review = heldReview(say)
	f.checks = []daemon.Check{
		{Kind: "warehouse", Name: "pg", Type: "postgres", At: day, Account: say("spillway_reader@analytics")},
		{Kind: "destination", Name: "hook", Type: "hubspot", At: day, Error: say("401: the token was revoked")},
		{Kind: "destination", Name: "new", Type: "slack"},
	}
	s.options.Daemon, s.options.Open = h, true
	s.options.Now = func() time.Time { return day.Add(11 * time.Hour) }
	s.options.Alerts = func() []alert.Status {
		return []alert.Status{
			{Name: say("ops"), Type: "slack", Firing: []alert.Cause{
				{Trigger: alert.Failed, Sync: say("people"), Since: day.Add(10 * time.Hour)}, {Trigger: alert.Reload, Since: day.Add(9 * time.Hour)},
			}, Waiting: 1, Error: say("hooks.slack.com: the service answered 500"), Next: day.Add(11*time.Hour + time.Minute)},
			{Name: "mail", Type: "email"},
		}
	}
	s.handler = web.New(s.options)
	return s, h
}

// enterNth enters a run of people: most deliver all, some lack rows, one failed, and the newest lacks rows.
func (s *shop) enterNth(i int, say func(string) string) {
	at := day.Add(time.Duration(i) * 15 * time.Minute)
	run := runlog.Run{
		ID: ulid.MustNew(ulid.Timestamp(at), ulid.DefaultEntropy()).String(), Sync: "people", State: runlog.Succeeded,
		Counts:   runlog.Counts{Source: 51_204, Same: 51_000, Added: int64(4 + i%7), Changed: int64(150 + 13*(i%5))},
		Requests: 12, BytesSent: 345_678, Retries: 2, ThrottledMS: 900, DurationMS: int64(4000 + 300*(i%6)),
		Timings:    runlog.Timings{runlog.Extracting: 1800, runlog.Comparing: 300, runlog.Sending: 2400, runlog.Settling: 120},
		ConfigHash: "9f3c1a20", Commit: say("4f2c9ab"),
	}
	run.Accepted = run.Due()
	var rows []runlog.Row
	switch {
	case i%9 == 4, i == 39:
		run.State, run.Rejected = runlog.Partial, 23
		run.Accepted -= run.Rejected
		for k := range run.Rejected {
			row := runlog.Row{Key: say(fmt.Sprint(1000 + k)), ID: say(fmt.Sprintf("p%d@nowhere", k)), Op: "upsert", Outcome: runlog.RowRejected}
			row.Code, row.Reason = say("INVALID_EMAIL"), say(fmt.Sprintf("Email address p%d@nowhere is invalid", k))
			if k > 18 {
				row.Code, row.Reason = "PROPERTY_DOESNT_EXIST", say(`Property "lead_scroe" does not exist`)
			}
			rows = append(rows, row)
		}
	case i == 12:
		run.State, run.Error, run.Counts = runlog.Failed, &runlog.Failure{Code: "warehouse.unavailable", Message: say("connection refused")}, runlog.Counts{}
	}
	for k, o := range []runlog.Outcome{runlog.RowAccepted, runlog.RowRejected} {
		n := []int64{run.Accepted - run.Added, run.Rejected}[k]
		run.Outcomes.Add(runlog.KindChanged, o, n)
	}
	run.Outcomes.Add(runlog.KindAdded, runlog.RowAccepted, run.Added)
	if i == 39 {
		run.Rest(runlog.RowDeferred)
	}
	s.runs = append(s.runs, s.enterAt(at, run, rows...))
}

// sample keeps what was said about a row in the newest run.
func (s *shop) sample(key string, say func(string) string) {
	s.t.Helper()
	body := func(of any) string {
		text, err := json.Marshal(of)
		if err != nil {
			s.t.Fatal(err)
		}
		return string(text)
	}
	type object map[string]any
	asked := runlog.Message{Type: "application/json", Bytes: 40_312, Cut: true, Body: body(object{
		say("inputs"): []any{object{"id": say("p3@nowhere"), "properties": object{say("plan"): say("Pro"), "email": "•••"}}, "… 99 more"},
	})}
	samples := []runlog.Exchange{
		{Status: 429, Code: "429", Answer: runlog.Message{Type: say("text/plain"), Headers: map[string]string{"Retry-After": say("2")}, Body: say("slow down"), Bytes: 9}},
		{Status: 0, Code: "timeout"},
		{Status: 207, Code: "", Answer: runlog.Message{Type: "application/json", Headers: map[string]string{"X-Request-Id": say("8d1f-77")}, Bytes: 190, Body: body(object{
			"status": "COMPLETE", "errors": []any{object{"message": say("Email address p3@nowhere is invalid"), say("category"): "VALIDATION_ERROR"}},
		})}},
		{
			Status: 200, Request: runlog.Message{Type: "application/x-www-form-urlencoded", Body: url.Values{say("plan"): {say("Pro")}}.Encode() + "&email=•••", Bytes: 30},
			Answer: runlog.Message{Type: say("text/csv"), Left: "it is neither JSON nor a form", Bytes: 99},
		},
	}
	run := s.runs[len(s.runs)-1]
	recorder, err := s.log.Begin(s.t.Context(), run)
	if err != nil {
		s.t.Fatal(err)
	}
	for n, x := range samples {
		x.At, x.TookMS, x.WaitedMS, x.Server, x.Method, x.Path, x.Attempt = run.StartedAt.Add(time.Duration(n)*time.Second), 35, int64(200*n), "api.hubapi.com", "POST", "/crm/v3/objects/contacts/batch/upsert", n+1
		if x.Request.Body == "" {
			x.Request = asked
		}
		if err := recorder.Samples(s.t.Context(), runlog.Sample{Exchange: x, Keys: []string{key}}); err != nil {
			s.t.Fatal(err)
		}
	}
}

// pages are the addresses of one page of each kind.
func (s *shop) pages() []string {
	paths := []string{"/", "/rows?about=nobody", "/syncs/people", "/runs?idle=1", "/runs/" + s.runs[len(s.runs)-1].ID, "/connections", "/project", "/runs/" + heldRun + "/plan"}
	for known := range s.known {
		paths = append(paths, "/syncs/people/row?key="+url.QueryEscape(strings.TrimPrefix(known, "people ")))
	}
	return paths
}
