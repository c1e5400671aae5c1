package httpapi

import (
	"math"
	"testing"
	"time"
)

func TestTrafficIsMeasuredOverTheTimeOfRequests(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 11, 20, 12, 0, 0, 700_000_000, time.UTC)
	for _, test := range []struct {
		name  string
		sent  []time.Duration
		quiet time.Duration // up to which nothing is to be sent
		at    time.Duration
		want  float64
	}{
		{"nothing is known of none", nil, 0, time.Second, 0},
		{"a moment counts as a second", []time.Duration{0, time.Millisecond}, 0, 2 * time.Millisecond, 2},
		{"a part of a second at either end", []time.Duration{0, 0, 0, 0}, 0, 7800 * time.Millisecond, 4 / 7.8},
		{"what is long past is not counted", []time.Duration{0, 10 * time.Second, 20 * time.Second, 30 * time.Second, 40 * time.Second, 50 * time.Second}, 0, 70 * time.Second, 5. / 64},
		{"a pause begins afresh", []time.Duration{0, 0, 30 * time.Second}, 0, 32 * time.Second, 0.5},
		{"quiet is no pause", []time.Duration{0, 0, 30 * time.Second}, 29 * time.Second, 32 * time.Second, 3. / 32},
		{"it is all too long ago", []time.Duration{0}, 0, time.Hour, 0},
	} {
		var traffic traffic
		for _, d := range test.sent {
			traffic.passed(start.Add(d), start.Add(test.quiet))
		}
		if got := traffic.rate(start.Add(test.at)); math.Abs(got-test.want) > 1e-9 {
			t.Errorf("%s: %v, want %v", test.name, got, test.want)
		}
	}
}
