package httpapi_test

import (
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"spillway/destinations"
	"spillway/destinations/destinationtest"
	"spillway/destinations/httpapi"
)

// heard is an exchange with its content, as it was while it could be asked for.
type heard struct {
	Server          string
	Method, Route   string
	Attempt, Status int
	Code            string
	Took, Waited    time.Duration
	Content         destinations.Content
}

// listen returns a meter and what it was told.
func listen(meter *destinations.Meter) (*destinations.Meter, *[]heard) {
	var all []heard
	return meter.Watched(func(x destinations.Exchange) {
		all = append(all, heard{x.Server, x.Method, x.Route, x.Attempt, x.Status, x.Code, x.Took, x.Waited, x.Content()})
	}), &all
}

func TestEveryAttemptThatLeftIsToldOf(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := destinationtest.NewWire(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
			rw.Header().Set("Content-Type", "application/json")
			rw.Header().Set("X-Request-Id", "r-1")
			rw.Header().Set("Set-Cookie", "session=1")
			rw.Write([]byte(`{"echo":"s3cr3t-of-the-account"}`)) //nolint:errcheck // into memory
		}))
		w.Spoil(func(n int, _ *http.Request) destinationtest.Fault {
			switch n {
			case 1:
				return destinationtest.Slow(2*time.Second, destinationtest.Reply(429, "slow down", "Retry-After", "7"))
			case 2:
				return destinationtest.Lose()
			}
			return nil
		})
		meter := &destinations.Meter{}
		watched, all := listen(meter)
		r := post(3)
		r.Path, r.Route, r.Meter = "/people/ada@example.com", "/people/{id}", watched
		r.Body = []byte(`{"email":"ada@example.com","api":"` + string(secret) + `"}`)
		if _, err := client(t, w).Do(t.Context(), r); err != nil {
			t.Fatalf("do: %v", err)
		}
		for n, x := range *all {
			if n == 1 && x.Waited == 0 || n == 0 && x.Waited > 0 { // the third may wait for a moment
				t.Errorf("attempt %d waited %s for its turn", x.Attempt, x.Waited)
			}
			(*all)[n].Waited = 0
		}
		asked := destinations.Message{Type: "application/json", Body: []byte(`{"email":"ada@example.com","api":"•••"}`)}
		want := []heard{
			{"api.example.com", "POST", "/people/{id}", 1, 429, "429", 2 * time.Second, 0, destinations.Content{
				Request: asked,
				Answer:  destinations.Message{Headers: map[string]string{"Retry-After": "7"}, Body: []byte("slow down")},
			}},
			{"api.example.com", "POST", "/people/{id}", 2, 0, "no_answer", 0, 0, destinations.Content{Request: asked}},
			{"api.example.com", "POST", "/people/{id}", 3, 200, "", 0, 0, destinations.Content{
				Request: asked,
				Answer: destinations.Message{
					Type: "application/json", Headers: map[string]string{"X-Request-Id": "r-1"}, Body: []byte(`{"echo":"•••"}`),
				},
			}},
		}
		if diff := cmp.Diff(want, *all); diff != "" {
			t.Errorf("exchanges (-want +got):\n%s", diff)
		}
		if n := meter.Usage().Requests; n != int64(len(want)) {
			t.Errorf("the meter that is watched counts %d requests, want %d", n, len(want))
		}
	})
}

func TestARequestThatNeverLeftIsNoExchange(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := wire()
		w.SpoilAll(destinationtest.Reply(403, "no"))
		c := client(t, w)
		watched, all := listen(nil)
		for range 3 {
			r := post(2)
			r.Meter = watched
			_, err := c.Do(t.Context(), r)
			_ = problem(t, err)
		}
		if len(*all) != 1 || len(w.Calls()) != 1 {
			t.Errorf("%d exchanges of %d requests, want 1: the account was known to be refused", len(*all), len(w.Calls()))
		}
	})
}

func TestWatchersOfOneMeterAreAllTold(t *testing.T) {
	t.Parallel()
	run := &destinations.Meter{}
	outer, first := 0, 0
	one := run.Watched(func(destinations.Exchange) { first++ }).Watched(func(destinations.Exchange) { outer++ })
	other := run.Watched(func(destinations.Exchange) { t.Error("an exchange of another batch is told of") })
	one.Exchanged(destinations.Exchange{})
	one.Sent(3, false)
	other.Sent(4, true)
	if outer != 1 || first != 1 {
		t.Errorf("the watchers were told %d and %d times", outer, first)
	}
	if u := run.Usage(); u.Requests != 2 || u.Retries != 1 || u.Bytes != 7 || one.Usage() != u {
		t.Errorf("usage %+v, seen from a batch %+v", u, one.Usage())
	}
	if run.Watching() || (*destinations.Meter)(nil).Watching() || !one.Watching() {
		t.Error("who watches is not known")
	}
}

func TestContentOfLongHeadersIsShort(t *testing.T) {
	t.Parallel()
	w := wire()
	w.SpoilAll(destinationtest.Reply(400, "no", "X-Correlation-Id", strings.Repeat("é", 300)+"\n"))
	watched, all := listen(nil)
	r := httpapi.Request{Path: "/people", Meter: watched}
	_, err := client(t, w).Do(t.Context(), r)
	_ = problem(t, err)
	if id := (*all)[0].Content.Answer.Headers["X-Correlation-Id"]; len(id) > 200 || !strings.HasSuffix(id, "…") {
		t.Errorf("a header of %d bytes is kept", len(id))
	}
}

func TestExchangesSayWhichRecordsTheyAreAbout(t *testing.T) {
	t.Parallel()
	keys := func(records []destinations.Record) (all string) {
		for _, r := range records {
			all += r.Key + " "
		}
		return all
	}
	for name, test := range map[string]struct {
		write func(c *httpapi.Client, b destinations.Batch) ([]destinations.Result, error)
		want  []string
	}{
		"one request a record": {func(c *httpapi.Client, b destinations.Batch) ([]destinations.Result, error) {
			return httpapi.Each{Request: func(_ destinations.Batch, r destinations.Record) (httpapi.Request, error) {
				return ids(destinations.Batch{Records: []destinations.Record{r}})
			}}.Write(t.Context(), c, b)
		}, []string{"r0 ", "r1 ", "r2 "}},
		"halves of a batch": {func(c *httpapi.Client, b destinations.Batch) ([]destinations.Result, error) {
			return httpapi.Bulk{Request: ids}.Write(t.Context(), c, b)
		}, []string{"r0 ", "r0 r1 ", "r0 r1 r2 ", "r1 ", "r2 "}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var mu sync.Mutex
			var told []string
			service := &picky{status: 400, bad: map[string]bool{"r1": true}, taken: map[string]int{}}
			b := batch(3)
			b.Meter = (*destinations.Meter)(nil).Watched(func(x destinations.Exchange) {
				mu.Lock()
				defer mu.Unlock()
				told = append(told, keys(x.Records))
			})
			if _, err := test.write(client(t, destinationtest.NewWire(service)), b); err != nil {
				t.Fatal(err)
			}
			slices.Sort(told)
			if diff := cmp.Diff(test.want, told); diff != "" {
				t.Errorf("records (-want +got):\n%s", diff)
			}
		})
	}
}
