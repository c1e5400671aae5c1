// Package words writes figures as people say them, alike on the terminal and on the pages.
package words

import (
	"fmt"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"spillway/syncer"
	"spillway/syncer/runlog"
)

// Count writes a number with its thousands apart.
func Count(n int64) string { return humanize.Comma(n) }

// Plural writes a number with the noun it counts.
func Plural(n int64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return Count(n) + " " + many
}

// Took writes a duration of so many milliseconds.
func Took(ms int64) string {
	d := time.Duration(ms) * time.Millisecond
	switch {
	case d < time.Second:
		return fmt.Sprintf("%d ms", ms)
	case d < time.Minute:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d < time.Hour:
		return fmt.Sprintf("%d min %d s", int(d.Minutes()), int(d.Seconds())%60)
	}
	return fmt.Sprintf("%d h %d min", int(d.Hours()), int(d.Minutes())%60)
}

// Size writes a number of bytes in decimal units.
func Size(bytes int64) string {
	if bytes < 1000 {
		return fmt.Sprintf("%d B", bytes)
	}
	n, units := float64(bytes)/1000, []string{"kB", "MB", "GB", "TB"}
	for n >= 1000 && len(units) > 1 {
		n, units = n/1000, units[1:]
	}
	return fmt.Sprintf("%.1f %s", n, units[0])
}

// Waiting says why removals of a run wait; it is empty where none does.
func Waiting(problems []runlog.ErrorGroup) string {
	var n int64
	for _, g := range problems {
		if g.Code == syncer.CodeKeyless {
			n += g.Count
		}
	}
	if n == 0 {
		return ""
	}
	return Plural(n, "removal waits", "removals wait") + " for a run in which every row of the model has a key: a row without one may be the row of any record that seems to be gone. " +
		"Mend the key in the model, or set allow_keyless = true under [guard]."
}

// Shortfall says what kept operations of a run from arriving; it is empty where all did.
func Shortfall(c *runlog.Counts) string {
	var parts []string
	if c.Rejected > 0 {
		parts = append(parts, Plural(c.Rejected, "was rejected", "were rejected"))
	}
	if c.Deferred > 0 {
		parts = append(parts, Plural(c.Deferred, "waits for the next run", "wait for the next run"))
	}
	if c.Unknown > 0 {
		parts = append(parts, Plural(c.Unknown, "had no answer and is sent again", "had no answer and are sent again"))
	}
	return strings.Join(parts, ", ")
}
