package httpapi_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"spillway/destinations/httpapi"
)

func TestKnownIsAskedForAgainAfterTenMinutes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var fields httpapi.Known[int]
		asked := 0
		var broken error
		ask := func() (int, error) { asked++; return asked, broken }
		pass := time.Sleep //nolint:forbidigo // it is the bubble's time
		get := func(name string, want int) {
			t.Helper()
			if got, err := fields.Get(name, ask); err != nil || got != want {
				t.Errorf("%s: %d, %v; want %d", name, got, err, want)
			}
		}
		if _, ok := fields.Last("contacts"); ok {
			t.Error("something is known of what was never asked for")
		}
		get("contacts", 1)
		get("companies", 2)
		pass(10*time.Minute - time.Second)
		get("contacts", 1)
		pass(time.Second)
		if last, ok := fields.Last("contacts"); !ok || last != 1 {
			t.Errorf("the last: %d, %v", last, ok)
		}
		get("contacts", 3)
		if got, err := fields.Renew("contacts", ask); err != nil || got != 4 {
			t.Errorf("renewed: %d, %v", got, err)
		}
		get("contacts", 4)

		pass(time.Hour)
		broken = errors.New("no answer")
		if _, err := fields.Get("contacts", ask); !errors.Is(err, broken) {
			t.Errorf("an error: %v", err)
		}
		broken = nil
		get("contacts", 6)
	})
}
