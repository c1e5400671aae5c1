package destinations

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Rate is a number of requests in a length of time, written "50/s", "100/10s" or "4/m". The zero Rate is no limit.
type Rate struct {
	Requests int
	Per      time.Duration
}

// UnmarshalText reads "50/s", "100/10s", "4/m" and "1000/h".
func (r *Rate) UnmarshalText(text []byte) error {
	count, per, ok := strings.Cut(strings.TrimSpace(string(text)), "/")
	n, err := strconv.Atoi(strings.TrimSpace(count))
	if !ok || err != nil || n < 1 {
		return fmt.Errorf("%q is no rate: write a number of requests and a time, as in \"50/s\" or \"100/10s\"", text)
	}
	per = strings.TrimSpace(per)
	if per == "" || per[0] < '0' || per[0] > '9' {
		per = "1" + per
	}
	d, err := time.ParseDuration(per)
	if err != nil || d <= 0 {
		return fmt.Errorf("%q is no rate: after the slash stands s, m, h or a time such as 10s", text)
	}
	*r = Rate{Requests: n, Per: d}
	return nil
}

// MarshalText writes the rate as UnmarshalText reads it.
func (r Rate) MarshalText() ([]byte, error) {
	if r.Requests == 0 {
		return nil, nil
	}
	per := shortDuration(r.Per)
	if unit, one := strings.CutPrefix(per, "1"); one && strings.TrimLeft(unit, "hms") == "" {
		per = unit
	}
	return fmt.Appendf(nil, "%d/%s", r.Requests, per), nil
}

// PerSecond returns the rate in requests a second, 0 for no limit.
func (r Rate) PerSecond() float64 {
	if r.Requests == 0 {
		return 0
	}
	return float64(r.Requests) / r.Per.Seconds()
}

func shortDuration(d time.Duration) string {
	switch {
	case d%time.Hour == 0:
		return strconv.Itoa(int(d/time.Hour)) + "h"
	case d%time.Minute == 0:
		return strconv.Itoa(int(d/time.Minute)) + "m"
	case d%time.Second == 0:
		return strconv.Itoa(int(d/time.Second)) + "s"
	}
	return d.String()
}
