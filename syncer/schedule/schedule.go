// Package schedule says at which times a sync is due. It knows no clock, and nothing of runs.
//
// A schedule by fixed hours goes by the clock on the wall: what falls into the hour that is left out in spring is due
// once, right after it, and what falls into the hour that comes twice in autumn is due the first time only. A schedule
// of every hour keeps its interval instead: it is due whenever the clock shows one of its minutes.
package schedule

import (
	"fmt"
	"math/bits"
	"strings"
	"time"

	"github.com/robfig/cron/v3"
)

// Schedule is a row of times without an end. They are called ticks.
type Schedule struct {
	every time.Duration // 0 where there are fields
	spec  cron.SpecSchedule
	zone  *time.Location
}

// Parse reads five fields of cron, a word such as @hourly, or @every and a time, which stand in a time zone.
func Parse(text string, zone *time.Location) (*Schedule, error) {
	parsed, err := cron.ParseStandard(text)
	if err != nil {
		return nil, fmt.Errorf("read the schedule: %w", err)
	}
	switch s := parsed.(type) {
	case cron.ConstantDelaySchedule:
		return &Schedule{every: s.Delay}, nil
	case *cron.SpecSchedule:
		if !strings.Contains(text, "TZ=") {
			return &Schedule{spec: *s, zone: zone}, nil
		}
	}
	return nil, fmt.Errorf("the schedule %q cannot hold a time zone", text)
}

// Next returns the first tick after t, or the zero time where there is none within the years that are worth a look.
// Ticks of @every are those whole multiples of it since the start of 1970 in UTC, so that they stay the same whenever
// the process was started.
func (s *Schedule) Next(t time.Time) time.Time {
	switch {
	case s.every > 0:
		return s.multiple(t).Add(s.every)
	case bits.OnesCount64(s.spec.Hour&^star) == hoursOfDay:
		return s.nextInstant(t)
	}
	return s.nextOnTheWall(t)
}

// multiple returns the last tick of @every at or before t.
func (s *Schedule) multiple(t time.Time) time.Time {
	since := t.Sub(time.Unix(0, 0))
	steps := since / s.every
	if since < 0 && since%s.every != 0 {
		steps--
	}
	return time.Unix(0, 0).Add(steps * s.every).UTC()
}

// Latest returns the last ticks after one time and up to another, most of them at most, in order.
func (s *Schedule) Latest(after, upTo time.Time, most int) []time.Time {
	// A year of minutes is not walked through for its last tick: windows before the end grow until they hold enough.
	for window := time.Minute; ; window *= 4 {
		from := upTo.Add(-window)
		whole := !from.After(after)
		if whole {
			from = after
		}
		var ticks []time.Time
		for t := s.Next(from); !t.IsZero() && !t.After(upTo); t = s.Next(t) {
			ticks = append(ticks, t)
		}
		if len(ticks) >= most || whole {
			return ticks[max(0, len(ticks)-most):]
		}
	}
}

// nextInstant returns the first time after t at which the clock shows one of the schedule's minutes, be it for the
// first or the second time.
func (s *Schedule) nextInstant(t time.Time) time.Time {
	for range 4 * hugeYears { // changes of the clock at most
		local := t.In(s.zone)
		_, offset := local.Zone()
		_, end := local.ZoneBounds()
		n := s.nextWall(wallOf(local))
		if n.IsZero() {
			return time.Time{}
		}
		found := n.Add(-time.Duration(offset) * time.Second)
		if end.IsZero() || found.Before(end) {
			return found.In(s.zone)
		}
		if t = end.In(s.zone); s.due(wallOf(t)) {
			return t
		}
	}
	return time.Time{}
}

// nextOnTheWall returns the first time after t that goes by the wall.
func (s *Schedule) nextOnTheWall(t time.Time) time.Time {
	wall := wallOf(t.In(s.zone))
	for {
		if wall = s.nextWall(wall); wall.IsZero() {
			return time.Time{}
		}
		if found := instant(wall, s.zone); found.After(t) {
			return found
		}
	}
}

// wallOf returns what the clock shows at t, as if it were a time in UTC: there no hour is missing and none comes twice.
func wallOf(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC)
}

// instant returns when the clock of a zone shows wall: the first time where it does so twice, and the end of the gap
// where it never does.
func instant(wall time.Time, zone *time.Location) time.Time {
	t := time.Date(wall.Year(), wall.Month(), wall.Day(), wall.Hour(), wall.Minute(), wall.Second(), 0, zone)
	start, end := t.ZoneBounds()
	switch shown := wallOf(t); {
	case shown.After(wall): // time.Date went by the offset before the gap
		return start.In(zone)
	case shown.Before(wall):
		return end.In(zone)
	}
	if start.IsZero() {
		return t
	}
	_, before := start.Add(-time.Nanosecond).In(zone).Zone()
	if earlier := wall.Add(-time.Duration(before) * time.Second); earlier.Before(start) {
		return earlier.In(zone)
	}
	return t
}
