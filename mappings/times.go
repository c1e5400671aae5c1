package mappings

import (
	"strings"
	"time"
)

func badDate() *failure {
	return bad("it is not a date: write it as 2026-11-20, between the years 1 and 9999")
}

func badTime() *failure {
	return bad("it is not a date and time: write it as 2026-11-20T15:04:05Z, between the years 1 and 9999")
}

// timeText writes t as RFC 3339 in UTC.
func timeText(t time.Time) (string, *failure) {
	t = t.UTC()
	if !writable(t) {
		return "", badTime()
	}
	return t.Format(time.RFC3339Nano), nil
}

// writable reports whether RFC 3339 has room for t's year.
func writable(t time.Time) bool { return t.Year() >= 1 && t.Year() <= 9999 }

// parseDay reads "2026-11-20" as midnight in UTC.
func parseDay(s string) (time.Time, bool) {
	if len(s) != len(time.DateOnly) {
		return time.Time{}, false
	}
	t, err := time.Parse(time.DateOnly, s)
	return t, err == nil && writable(t)
}

// parseTime reads a day, or a day and a time of day, the two parted by "T" or a space, with or without a
// fraction, seconds and a zone. Without a zone it is taken as UTC.
func parseTime(s string) (time.Time, bool) {
	if t, ok := parseDay(s); ok {
		return t, true
	}
	if len(s) <= len(time.DateOnly) || s[10] != 'T' && s[10] != 't' && s[10] != ' ' {
		return time.Time{}, false
	}
	clock, zone := cutZone(s[11:])
	layout, ok := clockLayout(clock)
	if !ok {
		return time.Time{}, false
	}
	zoneLayout, ok := zoneLayouts(zone)
	if !ok {
		return time.Time{}, false
	}
	t, err := time.Parse(time.DateOnly+" "+layout+zoneLayout, s[:10]+" "+clock+zone)
	if err != nil {
		return time.Time{}, false
	}
	t = t.UTC()
	return t, writable(t)
}

// cutZone parts a time of day from its zone, and writes a zone that means UTC as "Z".
func cutZone(s string) (clock, zone string) {
	i := strings.IndexAny(s, " Zz+-U")
	if i < 0 {
		return s, "Z"
	}
	zone = strings.TrimLeft(s[i:], " ")
	switch zone {
	case "z", "UTC", "+00", "+0000", "+00:00":
		zone = "Z"
	}
	return s[:i], zone
}

// clockLayout returns the layout of a time of day. Parsing takes a fraction of a second under any of them.
func clockLayout(clock string) (string, bool) {
	switch {
	case len(clock) == len("15:04"):
		return "15:04", true
	case len(clock) >= len("15:04:05"):
		return "15:04:05", true
	}
	return "", false
}

func zoneLayouts(zone string) (string, bool) {
	switch {
	case zone == "Z":
		return "Z07:00", true
	case len(zone) == len("+07"):
		return "-07", true
	case len(zone) == len("+0700"):
		return "-0700", true
	case len(zone) == len("+07:00"):
		return "-07:00", true
	}
	return "", false
}
