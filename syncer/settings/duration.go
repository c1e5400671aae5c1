package settings

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// durationPattern is what ParseDuration takes, for the schema.
const durationPattern = `^(0|([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h|d))+)$`

const day = 24 * time.Hour

var errDuration = errors.New(`must be a length of time such as "30s", "15m", "1h30m" or "14d"`)

// ParseDuration reads a length of time as Go writes it, with days of 24 hours besides: "30s", "1h30m", "14d", "1d12h".
// It cannot be negative.
func ParseDuration(text string) (time.Duration, error) {
	var days time.Duration
	rest := text
	if count, after, ok := strings.Cut(text, "d"); ok {
		d, err := time.ParseDuration(count + "h") // so many hours, of which each stands for a day
		if err != nil || strings.Trim(count, "0123456789.") != "" || d > time.Duration(1<<63-1)/24 {
			return 0, errDuration
		}
		days, rest = d*24, after
		if rest == "" {
			return days, nil
		}
	}
	d, err := time.ParseDuration(rest)
	if err != nil || d < 0 || days+d < 0 {
		return 0, errDuration
	}
	return days + d, nil
}

// FormatDuration writes d in the shortest form that ParseDuration reads: "14d", "90m", "1.5s".
func FormatDuration(d time.Duration) string {
	for _, unit := range []struct {
		length time.Duration
		name   string
	}{{day, "d"}, {time.Hour, "h"}, {time.Minute, "m"}, {time.Second, "s"}} {
		if d != 0 && d%unit.length == 0 {
			return fmt.Sprintf("%d%s", d/unit.length, unit.name)
		}
	}
	return d.String()
}
