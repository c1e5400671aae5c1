//go:build !noduckdb

package bigquery

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"

	"spillway/warehouse"
	"spillway/warehouse/bigquery/bigquerytest"
)

const thousands = "select n from (select range as n from range(20000)) s"

// drain reads rows of one integer to their end.
func drain(ctx context.Context, w warehouse.Warehouse, sql string) ([]int64, error) {
	rows, err := w.Query(ctx, warehouse.Query{SQL: sql, Tag: warehouse.Tag{Sync: "Contacts EU", Run: "01JD"}})
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var out []int64
	for row, err := range warehouse.All(ctx, rows) {
		if err != nil {
			return out, err
		}
		n, ok := row[0].(int64)
		if !ok {
			return out, fmt.Errorf("a value of type %T", row[0])
		}
		out = append(out, n)
	}
	return out, nil
}

func asError(t *testing.T, err error) *warehouse.Error {
	t.Helper()
	e, ok := errors.AsType[*warehouse.Error](err)
	if !ok {
		t.Fatalf("the error is %#v, want a *warehouse.Error", err)
	}
	if errors.Is(err, io.EOF) {
		t.Fatalf("the error %v is taken for the end of a complete result", err)
	}
	return e
}

func TestSeveralStreamsGiveEveryRowOnce(t *testing.T) {
	t.Parallel()
	s := bigquerytest.Start(t, bigquerytest.Behaviour{Streams: 3, Breaks: 2, BreakAt: 1500})
	got, err := drain(t.Context(), openAt(t, s, nil), thousands)
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(got)
	for i, n := range got {
		if n != int64(i) {
			t.Fatalf("row %d is number %d", i, n)
		}
	}
	if len(got) != 20_000 || s.Jobs()[0].Sessions != 1 {
		t.Errorf("%d rows came in %d sessions, want 20000 in one", len(got), s.Jobs()[0].Sessions)
	}
}

func TestAStreamThatEndsEarlyIsNotComplete(t *testing.T) {
	t.Parallel()
	for _, cut := range []int64{1, 2048, 5000, 9999} {
		s := bigquerytest.Start(t, bigquerytest.Behaviour{Streams: 2, CutStream: cut})
		_, err := drain(t.Context(), openAt(t, s, nil), thousands)
		if e := asError(t, err); !errors.Is(err, warehouse.ErrTruncated) || !e.Temporary {
			t.Errorf("after %d rows the error is %v, want ErrTruncated", cut, err)
		}
	}
}

func TestAPageWithoutATokenIsNotComplete(t *testing.T) {
	t.Parallel()
	s := bigquerytest.Start(t, bigquerytest.Behaviour{CutPages: true})
	for _, change := range []func(*Config){restOnly, nil} {
		_, err := drain(t.Context(), openAt(t, s, change), thousands)
		if !errors.Is(err, warehouse.ErrTruncated) {
			t.Errorf("the error is %v, want ErrTruncated", err)
		}
	}
}

func TestAStreamThatBreaksForGoodIsALostConnection(t *testing.T) {
	t.Parallel()
	s := bigquerytest.Start(t, bigquerytest.Behaviour{Breaks: 1 << 30, BreakAt: 3000})
	w := openAt(t, s, nil)
	w.patience = time.Second
	_, err := drain(t.Context(), w, thousands)
	if e := asError(t, err); !e.Temporary || e.Code != "Unavailable" || !errors.Is(err, warehouse.ErrTruncated) {
		t.Errorf("the error is %#v, want a temporary one that says Unavailable and wraps ErrTruncated", e)
	}
}

func TestWithoutTheRightToTheStorageReadAPIPagesAreRead(t *testing.T) {
	t.Parallel()
	denied := bigquerytest.Refusal{
		Operation: bigquerytest.Session, Error: bigquerytest.Error{Status: int(codes.PermissionDenied), Message: "bigquery.readsessions.create denied"},
	}
	s := bigquerytest.Start(t, bigquerytest.Behaviour{Refusals: []bigquerytest.Refusal{denied, denied}})
	w := openAt(t, s, nil)
	var log bytes.Buffer
	w.log = slog.New(slog.NewTextHandler(&log, nil))
	for range 2 {
		got, err := drain(t.Context(), w, thousands)
		if err != nil || len(got) != 20_000 || !slices.IsSorted(got) {
			t.Fatalf("%d rows came, %v", len(got), err)
		}
	}
	if strings.Count(log.String(), "Read Session User") != 1 {
		t.Errorf("the log is %q, want one line that says which role is missing", log.String())
	}
	if jobs := s.Jobs(); jobs[0].Pages < 3 || jobs[0].Sessions != 0 {
		t.Errorf("the job is %+v, want several pages and no session", jobs[0])
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name      string
		operation bigquerytest.Operation
		times     int
		error     bigquerytest.Error
		code      string // of the error that the caller sees; "" is none
		temporary bool
		hint      string
	}{
		{"a busy server answers the second time", bigquerytest.Insert, 1, bigquerytest.Error{Status: 503, Reason: "backendError", Message: "Try again"}, "", false, ""},
		{"a rate limit passes", bigquerytest.DryRun, 1, bigquerytest.Error{Status: 403, Reason: "rateLimitExceeded", Message: "Too many"}, "", false, ""},
		{
			"a rate limit that lasts", bigquerytest.Insert, 9,
			bigquerytest.Error{Status: 403, Reason: "rateLimitExceeded", Message: "Too many"},
			"rateLimitExceeded", true, "try again",
		},
		{
			"a quota", bigquerytest.Insert, 1,
			bigquerytest.Error{Status: 403, Reason: "quotaExceeded", Message: "Quota exceeded: Your project exceeded quota"},
			"quotaExceeded", true, "quota",
		},
		{
			"a right that is missing", bigquerytest.DryRun, 1,
			bigquerytest.Error{Status: 403, Reason: "accessDenied", Message: "Access Denied: Table x"},
			"accessDenied", false, "Data Viewer",
		},
		{
			"credentials", bigquerytest.DryRun, 1,
			bigquerytest.Error{Status: 401, Reason: "authError", Message: "Invalid Credentials"},
			"authError", false, "check credentials",
		},
		{
			"a dataset that is missing", bigquerytest.DryRun, 1,
			bigquerytest.Error{Status: 404, Reason: "notFound", Message: "Not found: Dataset x"},
			"notFound", false, "dataset",
		},
		{
			"syntax", bigquerytest.DryRun, 1,
			bigquerytest.Error{Status: 400, Reason: "invalidQuery", Message: "Syntax error: Unexpected keyword at [2:13]"},
			"invalidQuery", false, "at line 2, column 13",
		},
		{"a server that fails while rows are read", bigquerytest.Results, 1, bigquerytest.Error{Status: 500, Reason: "internalError", Message: "Oops"}, "", false, ""},
		{
			"a server that keeps failing while rows are read", bigquerytest.Results, 9,
			bigquerytest.Error{Status: 502, Reason: "", Message: "Bad gateway"},
			"HTTP 502", true, "",
		},
		{
			"an answer that was lost", bigquerytest.Insert, 1,
			bigquerytest.Error{Status: 503, Reason: "backendError", Message: "Try again", Late: true},
			"", false, "",
		},
		{
			"a session that cannot be opened", bigquerytest.Session, 1,
			bigquerytest.Error{Status: int(codes.FailedPrecondition), Message: "no"},
			"FailedPrecondition", false, "",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var refusals []bigquerytest.Refusal
			for range c.times {
				refusals = append(refusals, bigquerytest.Refusal{Operation: c.operation, Error: c.error})
			}
			s := bigquerytest.Start(t, bigquerytest.Behaviour{Refusals: refusals})
			got, err := drain(t.Context(), openAt(t, s, nil), thousands)
			if c.code == "" {
				if err != nil || len(got) != 20_000 || len(s.Jobs()) != 1 {
					t.Errorf("%d rows came of %d jobs, %v", len(got), len(s.Jobs()), err)
				}
				return
			}
			e := asError(t, err)
			if e.Code != c.code || e.Temporary != c.temporary || e.Message != c.error.Message || !strings.Contains(e.Hint, c.hint) {
				t.Errorf("the error is %+v", e)
			}
		})
	}
}

func TestAJobThatFails(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, reason, message string
		want                  string // of the message
		temporary             bool
	}{
		{"memory", "resourcesExceeded", "Resources exceeded during query execution", "Resources exceeded during query execution", false},
		{"cancelled by someone", "stopped", "Job execution was cancelled: User requested cancellation", "Job execution was cancelled", false},
		{"a value", "invalidQuery", "Bad int64 value: canary-7f3a", "Bad int64 value", false},
		{"words of the model's own", "invalidQuery", "canary-7f3a is no customer", "the query failed on a value of the data", false},
		{"a server", "backendError", "Error encountered during execution. Retrying may solve the problem.", "Retrying may solve", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := bigquerytest.Start(t, bigquerytest.Behaviour{JobError: &bigquerytest.Error{Status: 400, Reason: c.reason, Message: c.message}})
			_, err := drain(t.Context(), openAt(t, s, nil), thousands)
			e := asError(t, err)
			if e.Code != c.reason || e.Temporary != c.temporary || !strings.Contains(e.Message, c.want) || strings.Contains(fmt.Sprintf("%v %v", err, e.Err), "canary") {
				t.Errorf("the error is %+v", e)
			}
			if c.reason == "invalidQuery" && !strings.Contains(e.Hint, s.Jobs()[0].ID) {
				t.Errorf("the hint %q does not name the job %s", e.Hint, s.Jobs()[0].ID)
			}
		})
	}
}

func TestWhatAJobIsSubmittedWith(t *testing.T) {
	t.Parallel()
	s := bigquerytest.Start(t, bigquerytest.Behaviour{})
	w := openAt(t, s, func(c *Config) { c.MaximumBytesBilled, c.Dataset = 1<<30, "analytics" })
	if _, err := drain(t.Context(), w, "select 1"); err != nil {
		t.Fatal(err)
	}
	got := s.Jobs()[0]
	if !strings.HasPrefix(got.ID, "spillway_Contacts_EU_01JD_") {
		t.Errorf("the id is %s", got.ID)
	}
	got.ID = ""
	want := bigquerytest.Job{
		SQL: "select 1", Labels: map[string]string{"application": "spillway", "spillway_sync": "contacts_eu", "spillway_run": "01jd"},
		MaximumBytesBilled: 1 << 30, TimeoutMs: 60_000, Dataset: bigquerytest.Project + ".analytics", Pages: 1,
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("the job (-want +got):\n%s", d)
	}
}

func TestCostsAreKnownBeforeAndBounded(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name      string
		behaviour bigquerytest.Behaviour
		want      warehouse.Estimate
	}{
		{"bytes are rounded up", bigquerytest.Behaviour{Processed: 20<<20 + 1}, warehouse.Estimate{Bytes: 21 << 20, Limit: 1 << 20}},
		{"the least is billed", bigquerytest.Behaviour{Processed: 7}, warehouse.Estimate{Bytes: 10 << 20, Limit: 1 << 20}},
		{"an upper bound", bigquerytest.Behaviour{Processed: 10 << 20, Accuracy: "UPPER_BOUND"}, warehouse.Estimate{Bytes: 10 << 20, Bound: warehouse.AtMost, Limit: 1 << 20}},
		{"a lower bound", bigquerytest.Behaviour{Processed: 10 << 20, Accuracy: "LOWER_BOUND"}, warehouse.Estimate{Bytes: 10 << 20, Bound: warehouse.AtLeast, Limit: 1 << 20}},
		{"the cache", bigquerytest.Behaviour{Processed: 10 << 20, CacheHit: true}, warehouse.Estimate{Limit: 1 << 20}},
		{"no table", bigquerytest.Behaviour{}, warehouse.Estimate{Limit: 1 << 20}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := bigquerytest.Start(t, c.behaviour)
			w := openAt(t, s, func(c *Config) { c.MaximumBytesBilled = 1 << 20 })
			got, err := w.Estimate(t.Context(), warehouse.Query{SQL: "select 1"})
			if d := cmp.Diff(c.want, got); d != "" || err != nil {
				t.Errorf("error %v (-want +got):\n%s", err, d)
			}
			if len(s.Jobs()) != 0 {
				t.Error("a job ran")
			}
			if c.behaviour.Processed > 1<<20 {
				_, err := drain(t.Context(), w, "select 1")
				if e := asError(t, err); e.Code != "bytesBilledLimitExceeded" || e.Temporary || !strings.Contains(e.Hint, "maximum_bytes_billed") {
					t.Errorf("the error is %+v", e)
				}
			}
		})
	}
}

func TestInterruptingCancelsTheJob(t *testing.T) {
	t.Parallel()
	const endless = "select count(*) as n from range(1000000000000)"
	t.Run("by the query's context, while nobody reads", func(t *testing.T) {
		t.Parallel()
		s := bigquerytest.Start(t, bigquerytest.Behaviour{})
		w := openAt(t, s, nil)
		ctx, cancel := context.WithCancel(t.Context())
		rows, err := w.Query(ctx, warehouse.Query{SQL: endless})
		if err != nil {
			t.Fatal(err)
		}
		cancel()
		if err := rows.Close(); err != nil {
			t.Error(err)
		}
		wasCancelled(t, s)
	})
	t.Run("by closing", func(t *testing.T) {
		t.Parallel()
		s := bigquerytest.Start(t, bigquerytest.Behaviour{})
		rows, err := openAt(t, s, nil).Query(t.Context(), warehouse.Query{SQL: endless})
		if err != nil {
			t.Fatal(err)
		}
		if err := rows.Close(); err != nil {
			t.Error(err)
		}
		wasCancelled(t, s)
	})
	t.Run("but not a job that has ended", func(t *testing.T) {
		t.Parallel()
		s := bigquerytest.Start(t, bigquerytest.Behaviour{})
		rows, err := openAt(t, s, nil).Query(t.Context(), warehouse.Query{SQL: thousands})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := rows.Next(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := rows.Close(); err != nil || s.Jobs()[0].Cancelled {
			t.Errorf("the job is %+v, %v", s.Jobs()[0], err)
		}
	})
}

func wasCancelled(t *testing.T, s *bigquerytest.Server) {
	t.Helper()
	if jobs := s.Jobs(); len(jobs) != 1 || !jobs[0].Cancelled {
		t.Errorf("the jobs are %+v, want one that was cancelled", jobs)
	}
}

func TestAServiceAccountProvesWhoItIs(t *testing.T) {
	t.Parallel()
	s := bigquerytest.Start(t, bigquerytest.Behaviour{Authorize: true})
	w := openAt(t, s, func(c *Config) { c.Credentials, c.StorageRead = secret(s.Credentials(t)), never })
	if err := w.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s.Tokens() != 1 {
		t.Errorf("%d tokens were given out, want one", s.Tokens())
	}
	if err := openAt(t, s, restOnly).Check(t.Context()); asError(t, err).Code != "authError" {
		t.Errorf("without credentials: %v", err)
	}

	other := bigquerytest.Start(t, bigquerytest.Behaviour{})
	forged := strings.ReplaceAll(other.Credentials(t), other.URL, s.URL)
	err := openAt(t, s, func(c *Config) { c.Credentials, c.StorageRead = secret(forged), never }).Check(t.Context())
	if e := asError(t, err); e.Code != "authError" || e.Temporary || !strings.Contains(e.Hint, "credentials") {
		t.Errorf("with another's key: %+v", e)
	}

	s.Change(func(b *bigquerytest.Behaviour) {
		down := bigquerytest.Refusal{Operation: bigquerytest.Token, Error: bigquerytest.Error{Status: http.StatusServiceUnavailable, Reason: "unavailable"}}
		b.Refusals = slices.Repeat([]bigquerytest.Refusal{down}, 20)
	})
	fresh := openAt(t, s, func(c *Config) { c.Credentials, c.StorageRead = secret(s.Credentials(t)), never })
	fresh.patience = 0
	if e := asError(t, fresh.Check(t.Context())); !e.Temporary {
		t.Errorf("while no tokens are given out: %+v", e)
	}
}

func TestTablesHaveTheNamesOfGoogleSQL(t *testing.T) {
	t.Parallel()
	s := bigquerytest.Start(t, bigquerytest.Behaviour{Setup: []string{
		"create schema analytics", `create table analytics."the people" as select range as n from range(3)`,
	}})
	w := openAt(t, s, nil)
	for _, name := range [][]string{{"analytics", "the people"}, {bigquerytest.Project, "analytics", "the people"}} {
		got, err := drain(t.Context(), w, "select n from "+Definition().Quote(name...)+" order by n")
		if d := cmp.Diff([]int64{0, 1, 2}, got); d != "" || err != nil {
			t.Errorf("%v: error %v (-want +got):\n%s", name, err, d)
		}
	}
}

func TestAServerThatIsNotThere(t *testing.T) {
	t.Parallel()
	s := bigquerytest.Start(t, bigquerytest.Behaviour{})
	w := openAt(t, s, func(c *Config) { c.Endpoint = "http://127.0.0.1:1" })
	w.patience = 0
	if e := asError(t, w.Check(t.Context())); !e.Temporary || !strings.Contains(e.Message, "cannot be reached") {
		t.Errorf("the error is %+v", e)
	}
}
