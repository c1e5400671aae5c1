package destinationtest

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"spillway/destinations"
)

// Open opens a destination whose settings are c, and closes it when the test ends.
func Open[C any](t *testing.T, open func(context.Context, C, destinations.Env) (destinations.Destination, error), c C, env destinations.Env) destinations.Destination {
	t.Helper()
	d, err := open(t.Context(), c, env)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

// Changed returns the settings c after each of set has changed them.
func Changed[C any](c C, set []func(*C)) C {
	for _, f := range set {
		f(&c)
	}
	return c
}

// RefusesSettings checks that sound settings are refused once they are changed, with a text that names the fault. faults
// holds the changes by that text.
func RefusesSettings[C any](t *testing.T, open func(context.Context, C, destinations.Env) (destinations.Destination, error), sound C, faults map[string]func(*C)) {
	t.Helper()
	for want, set := range faults {
		const name = "under_test"
		_, err := open(t.Context(), Changed(sound, []func(*C){set}), destinations.Env{Name: name})
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

// Record returns the n-th record of a test.
func Record(n int, id string, fields destinations.Fields) destinations.Record {
	return destinations.Record{Key: strconv.Itoa(n), ID: id, Token: fmt.Sprintf("token-%d", n), Fields: fields}
}

// Statuses returns the statuses of results with their codes, as in "accepted rejected:exists".
func Statuses(results []destinations.Result) string {
	texts := make([]string, len(results))
	for i, r := range results {
		texts[i] = strings.TrimSuffix(r.Status.String()+":"+r.Code, ":")
	}
	return strings.Join(texts, " ")
}

// Delivers writes a batch, and checks what became of its records, and in how many requests.
func Delivers(t *testing.T, d destinations.Destination, wire *Wire, b destinations.Batch, statuses string, requests int) {
	t.Helper()
	before := len(wire.Calls())
	got, err := d.Write(t.Context(), b)
	if err != nil || Statuses(got) != statuses {
		t.Errorf("%+v, %v; want %s", got, err, statuses)
	}
	if n := len(wire.Calls()) - before; n != requests {
		t.Errorf("%d requests, want %d", n, requests)
	}
}
