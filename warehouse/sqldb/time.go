package sqldb

import (
	"fmt"
	"time"

	"spillway/warehouse"
)

// The text of days and instants that lie beyond all others.
const (
	Infinity         = "infinity"
	NegativeInfinity = "-infinity"
)

const (
	secondsPerDay   = 24 * 60 * 60
	microsPerSecond = 1_000_000
	microsPerMinute = 60 * microsPerSecond
	microsPerHour   = 60 * microsPerMinute
)

// Day is the value of a day counted from 1970-01-01: a warehouse.Date, or text for a year outside 1–9999.
func Day(days int64) warehouse.Value {
	t := time.Unix(days*secondsPerDay, 0).UTC()
	if y := t.Year(); y < 1 || y > 9999 {
		return farYear(y) + t.Format("-01-02")
	}
	return warehouse.Date(t.Format(time.DateOnly))
}

// Instant is the value of t: the same in UTC, or text for a year outside 1–9999.
func Instant(t time.Time) warehouse.Value {
	t = t.UTC()
	if y := t.Year(); y < 1 || y > 9999 {
		return farYear(y) + t.Format("-01-02T15:04:05.999999999Z07:00")
	}
	return t
}

// farYear writes a year as ISO 8601 does where four digits do not suffice. Year 0 is 1 BC.
func farYear(y int) string {
	if y < 0 {
		return fmt.Sprintf("-%04d", -y)
	}
	return fmt.Sprintf("+%04d", y)
}

// TimeOfDay is the text of a time of day, counted in nanoseconds from midnight: "15:04:05.999999". Midnight at the
// end of a day is "24:00:00".
func TimeOfDay(ns int64) string {
	s := ns / int64(time.Second)
	text := fmt.Sprintf("%02d:%02d:%02d", s/3600, s/60%60, s%60)
	return text + fraction(ns%int64(time.Second), 9)
}

// Offset is the text of an offset from UTC in seconds: "+02", "-03:30", "+00:19:32".
func Offset(seconds int) string {
	sign := "+"
	if seconds < 0 {
		sign, seconds = "-", -seconds
	}
	text := fmt.Sprintf("%s%02d", sign, seconds/3600)
	if seconds%3600 != 0 {
		text += fmt.Sprintf(":%02d", seconds/60%60)
	}
	if seconds%60 != 0 {
		text += fmt.Sprintf(":%02d", seconds%60)
	}
	return text
}

// fraction writes n, a count of 10^-digits, as a decimal fraction without trailing zeros, or nothing for zero.
func fraction(n int64, digits int) string {
	if n == 0 {
		return ""
	}
	text := fmt.Sprintf(".%0*d", digits, n)
	for text[len(text)-1] == '0' {
		text = text[:len(text)-1]
	}
	return text
}
