package httpapi_test

import (
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"spillway/destinations"
	"spillway/destinations/destinationtest"
	"spillway/destinations/httpapi"
)

func TestRequestsOfOneAccountArePacedTogether(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := wire()
		c := client(t, w, func(a *httpapi.API) { a.Limits = []destinations.Rate{{Requests: 2, Per: time.Second}} })
		w.SpoilFirst(1, destinationtest.Reply(429, "", "Retry-After", "30"))
		var group sync.WaitGroup
		for range 5 {
			group.Go(func() {
				if _, err := c.Do(t.Context(), post(2)); err != nil {
					t.Errorf("do: %v", err)
				}
			})
		}
		group.Wait()
		calls := w.Calls()
		for i, call := range calls[1:] {
			since := call.At.Sub(calls[0].At)
			if want := 30*time.Second + time.Duration(i)*510*time.Millisecond; since < want || since > want+time.Second {
				t.Errorf("request %d was sent at %s, want about %s", i+1, since, want)
			}
		}
		if len(calls) != 6 {
			t.Errorf("%d requests, want 6", len(calls))
		}
	})
}

func TestNoMoreRequestsAreUnderWayThanTheAccountAllows(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var now, most int
		w := destinationtest.NewWire(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
			mu.Lock()
			now++
			most = max(most, now)
			mu.Unlock()
			<-time.After(time.Second)
			mu.Lock()
			now--
			mu.Unlock()
		}))
		c := client(t, w, func(a *httpapi.API) { a.Concurrency = 3 })
		var group sync.WaitGroup
		for range 20 {
			group.Go(func() {
				if _, err := c.Do(t.Context(), post(1)); err != nil {
					t.Errorf("do: %v", err)
				}
			})
		}
		group.Wait()
		if most != 3 {
			t.Errorf("%d requests were under way at once, want 3", most)
		}
	})
}

func TestRotatedCredentialsAreLookedUpAgainOnce(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name         string
		texts        []string
		good         string
		calls, looks int
		fails        bool
	}{
		{"the new secret is taken", []string{"old-secret", "new-secret"}, "new-secret", 2, 2, false},
		{"the secret is the same", []string{"old-secret"}, "new-secret", 1, 2, true},
		{"the new secret is refused too", []string{"old-secret", "other-secret", "new-secret"}, "new-secret", 2, 2, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			w := destinationtest.NewWire(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Header.Get("Authorization") != "Bearer "+test.good {
					w.WriteHeader(http.StatusUnauthorized)
				}
			}))
			s := &rotating{texts: test.texts}
			c := client(t, w, func(a *httpapi.API) { a.Auth = httpapi.Bearer(s) })
			_, err := c.Do(t.Context(), post(1))
			if errors.Is(err, destinations.ErrAuth) != test.fails || len(w.Calls()) != test.calls || s.looks != test.looks {
				t.Errorf("error %v after %d calls and %d looks, want %d and %d", err, len(w.Calls()), s.looks, test.calls, test.looks)
			}
		})
	}
}

func TestDeniedAccountIsTriedAgainAfterAWhile(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := wire()
		c := client(t, w)
		w.SpoilFirst(1, destinationtest.Reply(401, ""))
		for range 3 {
			if _, err := c.Do(t.Context(), post(1)); !errors.Is(err, destinations.ErrAuth) {
				t.Errorf("error %v, want ErrAuth", err)
			}
		}
		if n := len(w.Calls()); n != 1 {
			t.Errorf("%d requests, want 1", n)
		}
		<-time.After(time.Minute)
		if _, err := c.Do(t.Context(), post(1)); err != nil {
			t.Errorf("after a minute: %v", err)
		}
	})
}

func TestCredentialsThatCannotBeUsedSendNothing(t *testing.T) {
	t.Parallel()
	for text, says := range map[string]string{
		"":               "look up the credentials: unexpected EOF",
		"two\nlines-key": "the header Authorization holds a line break",
	} {
		w := wire()
		c := client(t, w, func(a *httpapi.API) { a.Auth = httpapi.Bearer(&rotating{texts: []string{text}}) })
		_, err := c.Do(t.Context(), post(3))
		if !errors.Is(err, destinations.ErrConfig) || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "lines-key") {
			t.Errorf("error %v, want ErrConfig with %q", err, says)
		}
		if n := len(w.Calls()); n != 0 {
			t.Errorf("%d requests", n)
		}
	}
}

func TestNeitherSecretsNorValuesAreShown(t *testing.T) {
	t.Parallel()
	encoded := "Basic YWRhOnMzY3IzdC1vZi10aGUtYWNjb3VudA=="
	echo := strings.Repeat("x", 489) + string(secret) + " " + encoded + " ada@example.com"
	for _, status := range []int{400, 401, 404, 429, 500} {
		synctest.Test(t, func(t *testing.T) {
			log, text := logger()
			w := wire()
			w.SpoilAll(destinationtest.Reply(status, echo))
			c := client(t, w, func(a *httpapi.API) {
				a.Auth, a.Log = httpapi.Basic("ada", secret), log
			})
			r := post(2)
			r.Path, r.Route = "/people/ada@example.com", "/people/{id}"
			_, err := c.Do(t.Context(), r)
			p := problem(t, err)
			for what, shown := range map[string]string{"reason": p.Reason, "error": err.Error(), "log": text()} {
				for _, hidden := range []string{"s3cr3t", "YWRhOnMz"} {
					if strings.Contains(shown, hidden) {
						t.Errorf("%d: the %s shows %s: %s", status, what, hidden, shown)
					}
				}
				if what != "reason" && strings.Contains(shown, "ada@") {
					t.Errorf("%d: the %s shows a value: %s", status, what, shown)
				}
			}
			if !strings.Contains(text(), "path=/people/{id}") {
				t.Errorf("the log does not name the request: %s", text())
			}
		})
	}
}

func TestReadingDoesNotShowThatAnAccountMayWrite(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := wire()
		c := client(t, w)
		if _, err := c.Do(t.Context(), httpapi.Request{Method: http.MethodHead}); err != nil {
			t.Fatalf("do: %v", err)
		}
		w.SpoilAll(destinationtest.Slow(time.Second, destinationtest.Reply(403, "read only")))
		together(8, func(int) {
			if _, err := c.Do(t.Context(), post(1)); !errors.Is(err, destinations.ErrAuth) {
				t.Errorf("error %v, want ErrAuth", err)
			}
		})
		if n := len(w.Calls()) - 1; n > 2 {
			t.Errorf("%d requests with credentials that may not write, want at most 2", n)
		}
	})
}

func TestRevokedCredentialsStopWhatWaitsForItsTurn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := wire()
		c := client(t, w, func(a *httpapi.API) { a.Limits = []destinations.Rate{{Requests: 1, Per: time.Second}} })
		if _, err := c.Do(t.Context(), post(1)); err != nil {
			t.Fatalf("do: %v", err)
		}
		w.SpoilAll(destinationtest.Slow(100*time.Millisecond, destinationtest.Reply(401, "revoked")))
		together(8, func(int) {
			if _, err := c.Do(t.Context(), post(1)); !errors.Is(err, destinations.ErrAuth) {
				t.Errorf("error %v, want ErrAuth", err)
			}
		})
		if n := len(w.Calls()) - 1; n != 1 {
			t.Errorf("%d requests with revoked credentials, want 1", n)
		}
	})
}

func TestUnreachableServiceStopsAllWritersForAMoment(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := wire()
		c := client(t, w)
		w.SpoilAll(destinationtest.Unreachable())
		if _, err := c.Do(t.Context(), post(3)); !errors.Is(err, destinations.ErrUnreachable) {
			t.Errorf("error %v, want ErrUnreachable", err)
		}
		for range 2 {
			<-time.After(2 * time.Second)
			if _, err := c.Do(t.Context(), post(3)); !errors.Is(err, destinations.ErrUnreachable) {
				t.Errorf("error %v, want ErrUnreachable", err)
			}
		}
		if n := len(w.Calls()); n != 3 {
			t.Errorf("%d attempts, want those of the first request alone", n)
		}
		<-time.After(2 * time.Second)
		w.SpoilAll(nil)
		if _, err := c.Do(t.Context(), post(1)); err != nil {
			t.Errorf("once it is back: %v", err)
		}
	})
}

// together runs n calls of f at once and waits for them.
func together(n int, f func(i int)) {
	var group sync.WaitGroup
	for i := range n {
		group.Go(func() { f(i) })
	}
	group.Wait()
}
