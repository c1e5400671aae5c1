package hubspot

import (
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"spillway/destinations"
	"spillway/destinations/destinationtest"
	"spillway/destinations/hubspot/hubspottest"
)

func TestLimitsAreUnderstood(t *testing.T) {
	t.Parallel()
	limit := func(policy string) string {
		return `{"status":"error","message":"You have reached your limit.","errorType":"RATE_LIMIT","category":"RATE_LIMITS","policyName":"` + policy + `"}`
	}
	tests := []struct {
		name        string
		fault       destinationtest.Fault
		status      destinations.Status
		least, most time.Duration
	}{
		{"a second's requests are used up", destinationtest.Reply(429, limit("SECONDLY")), destinations.Accepted, time.Second, 3 * time.Second},
		{"ten seconds' requests are used up", destinationtest.Reply(429, limit("TEN_SECONDLY_ROLLING")), destinations.Accepted, 10 * time.Second, 13 * time.Second},
		{
			"the interval is named", destinationtest.Reply(429, "slow down", "X-HubSpot-RateLimit-Max", "7", "X-HubSpot-RateLimit-Interval-Milliseconds", "25000"),
			destinations.Accepted, 25 * time.Second, 28 * time.Second,
		},
		{"a day's requests are used up", destinationtest.Reply(429, limit("DAILY")), destinations.Deferred, 0, time.Second},
		{"the records are locked", destinationtest.Reply(423, `{"message":"locked"}`), destinations.Accepted, 2 * time.Second, 4 * time.Second},
		{"the account moves", destinationtest.Reply(477, ``, "Retry-After", "45"), destinations.Accepted, 45 * time.Second, 48 * time.Second},
		{"the account moves and does not say how long", destinationtest.Reply(477, ``), destinations.Accepted, 30 * time.Second, 33 * time.Second},
		{"the gateway has no origin", destinationtest.Reply(521, `<html>`), destinations.Accepted, 0, 5 * time.Second},
		{"the gateway waited in vain", destinationtest.Reply(524, `<html>`), destinations.Accepted, 0, 5 * time.Second},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				d, _, wire := dial(t)
				wire.SpoilFirst(1, test.fault)
				start := time.Now()
				got, err := d.Write(t.Context(), contacts(destinations.Upsert, person(1)))
				if err != nil {
					t.Fatal(err)
				}
				if took := time.Since(start); got[0].Status != test.status || took < test.least || took > test.most {
					t.Errorf("%+v after %s", got[0], took)
				}
			})
		})
	}
}

func TestADayWithoutRequestsIsNotHammered(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d, _, wire := dial(t)
		wire.SpoilAll(destinationtest.Reply(429, `{"category":"RATE_LIMITS","policyName":"DAILY","message":"no more today"}`))
		for n := range 20 {
			if _, err := d.Write(t.Context(), contacts(destinations.Upsert, person(n))); err != nil {
				t.Fatal(err)
			}
			<-time.After(time.Minute)
		}
		if n := len(wire.Calls()); n != 1 {
			t.Errorf("%d requests in twenty minutes, want 1", n)
		}
	})
}

func TestALowerLimitOfTheAccountIsLearned(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		c := config(destinationtest.Secret("pat-eu1-1"))
		c.Rate = destinations.Rate{Requests: 190, Per: 10 * time.Second}
		d := destinationtest.Open(t, open, c, destinations.Env{Transport: destinationtest.NewWire(hubspottest.New()), Log: slog.New(slog.NewTextHandler(&log, nil))})
		for range 3 {
			if err := d.Check(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		objects, err := d.Objects(t.Context())
		if err != nil || objects[0].Rate != 10 || strings.Count(log.String(), "fewer requests") != 1 {
			t.Errorf("rate %v, %v; log %s", objects[0].Rate, err, log.String())
		}
	})
}

func TestUsedUpLimitSlowsTheAccount(t *testing.T) {
	t.Parallel()
	for remaining, least := range map[string]time.Duration{"0": 54 * 200 * time.Millisecond, "1": 54 * 100 * time.Millisecond, "": 54 * 100 * time.Millisecond} {
		synctest.Test(t, func(t *testing.T) {
			d, _, wire := dial(t)
			wire.SpoilAll(destinationtest.Reply(http.StatusOK, `{"portalId":1}`, "X-HubSpot-RateLimit-Max", "100",
				"X-HubSpot-RateLimit-Interval-Milliseconds", "10000", "X-HubSpot-RateLimit-Remaining", remaining))
			start := time.Now()
			for range 11 {
				if err := d.Check(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			if took := time.Since(start); took < least || took > least+100*time.Millisecond {
				t.Errorf("with %q remaining, 55 requests took %s, want about %s", remaining, took, least)
			}
		})
	}
}
