package destinationtest

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"spillway/destinations"
)

const (
	canary   = Secret("canary-8f1c2d-credential")
	attempts = 5
)

// bench is one destination under test with its service and the wire between them.
type bench struct {
	*testing.T
	suite   Suite
	service Service
	wire    *Wire
	dest    destinations.Destination
	meter   destinations.Meter
	log     *buffer

	mu        sync.Mutex
	exchanges int64
	shown     []string // texts of errors
	values    []string // values of records
}

func newBench(t *testing.T, s Suite) *bench {
	t.Helper()
	return newBenchFor(t, s, canary)
}

func newBenchFor(t *testing.T, s Suite, credential destinations.Secret) *bench {
	t.Helper()
	b := &bench{T: t, suite: s, service: s.Service(t), log: &buffer{}}
	b.wire = NewWire(b.service)
	b.dest = s.Open(t, credential, destinations.Env{
		Name:      "under_test",
		Log:       slog.New(slog.NewJSONHandler(b.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Transport: b.wire,
		State:     t.TempDir(),
	})
	t.Cleanup(func() {
		if err := b.dest.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
		b.checkDiscretion()
	})
	return b
}

// batch returns a batch of records of the suite's object.
func (b *bench) batch(op destinations.Op, records ...destinations.Record) destinations.Batch {
	return destinations.Batch{
		Sync: "contacts", Object: b.suite.Object, Op: op, Identifier: b.suite.Identifier,
		Records: records, Attempts: attempts, Meter: b.meter.Watched(b.exchanged),
	}
}

// exchanged notes that an exchange was told of, and that it can be shown.
func (b *bench) exchanged(x destinations.Exchange) {
	content := x.Content()
	said := string(content.Request.Body) + string(content.Answer.Body)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.exchanges++
	if strings.Contains(said, string(canary)) {
		b.Errorf("the content of %s %s shows the secret", x.Method, x.Route)
	}
	for _, v := range b.values {
		if len(v) >= 6 && strings.Contains(x.Route, v) {
			b.Errorf("the route %s holds the value %q", x.Route, v)
		}
	}
}

// good returns a batch of n records that the service takes, from the first-th on.
func (b *bench) good(first, n int) destinations.Batch {
	records := make([]destinations.Record, n)
	for i := range records {
		records[i] = b.suite.Good(first + i)
	}
	return b.batch(b.suite.Op, records...)
}

// write delivers batch and checks what the contract says of every answer.
func (b *bench) write(ctx context.Context, batch destinations.Batch) ([]destinations.Result, error) {
	b.Helper()
	results, err := b.dest.Write(ctx, batch)
	if (err == nil || results != nil) && len(results) != len(batch.Records) {
		b.Fatalf("%d results for %d records (error %v)", len(results), len(batch.Records), err)
	}
	for i, r := range results {
		if r.Status > destinations.Deferred {
			b.Errorf("record %d has the status %d, which does not exist", i, r.Status)
		}
		if r.Status != destinations.Accepted && (r.Code == "" || r.Reason == "") {
			b.Errorf("record %d is %s without a code or a reason: %+v", i, r.Status, r)
		}
		if len(r.Reason) > 500 {
			b.Errorf("the reason of record %d has %d bytes", i, len(r.Reason))
		}
	}
	b.see(err, results, batch)
	return results, err
}

// must delivers batch, expects no error, and wants these statuses.
func (b *bench) must(batch destinations.Batch, want ...destinations.Status) []destinations.Result {
	b.Helper()
	results, err := b.write(b.Context(), batch)
	if err != nil {
		b.Fatalf("write: %v", err)
	}
	b.want(results, want...)
	return results
}

// want checks the statuses of results; a single one stands for all of them.
func (b *bench) want(results []destinations.Result, want ...destinations.Status) {
	b.Helper()
	for i, r := range results {
		w := want[0]
		if len(want) > 1 {
			w = want[i]
		}
		if r.Status != w {
			b.Errorf("record %d is %s (%s: %s), want %s", i, r.Status, r.Code, r.Reason, w)
		}
	}
}

// never checks that no record has one of these statuses.
func (b *bench) never(results []destinations.Result, bad ...destinations.Status) {
	b.Helper()
	for i, r := range results {
		for _, status := range bad {
			if r.Status == status {
				b.Errorf("record %d is %s (%s: %s)", i, r.Status, r.Code, r.Reason)
			}
		}
	}
}

// calls returns how many requests were made since the wire had before of them.
func (b *bench) calls(before int) int { return len(b.wire.Calls()) - before }

func (b *bench) see(err error, results []destinations.Result, batch destinations.Batch) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err != nil {
		b.shown = append(b.shown, err.Error())
	}
	for _, r := range results {
		if strings.Contains(r.Code+r.Reason+r.RemoteID, string(canary)) {
			b.Errorf("a result shows the secret: %+v", r)
		}
	}
	for _, r := range batch.Records {
		b.values = append(b.values, texts(r)...)
	}
}

// texts returns the values of r that are long enough to be told from other words.
func texts(r destinations.Record) []string {
	values := []destinations.Value{r.ID}
	for _, f := range r.Fields {
		values = append(values, f.Value)
	}
	var out []string
	for _, v := range values {
		switch v := v.(type) {
		case string:
			out = append(out, v)
		case json.Number:
			out = append(out, v.String())
		}
	}
	return out
}

// checkDiscretion finds secrets and values of records in logs and errors (invariant 10).
func (b *bench) checkDiscretion() {
	b.mu.Lock()
	defer b.mu.Unlock()
	shown := b.log.String() + "\n" + strings.Join(b.shown, "\n")
	if strings.Contains(shown, string(canary)) {
		b.Errorf("the secret is shown:\n%s", shown)
	}
	for _, v := range b.values {
		if len(v) >= 6 && strings.Contains(shown, v) {
			b.Errorf("the value %q is shown:\n%s", v, shown)
			return
		}
	}
}

type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
