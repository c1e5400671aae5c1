package schedule

import (
	"math/bits"
	"time"
)

const (
	star       = 1 << 63 // of a field that is written as *
	hoursOfDay = 24
	hugeYears  = 12 // the 29th of February is at most eight years away
)

// nextWall returns the first minute after wall, on a clock that no change of the hour reaches, that the fields name.
func (s *Schedule) nextWall(wall time.Time) time.Time {
	wall = wall.Truncate(time.Minute).Add(time.Minute)
	year, month, day := wall.Date()
	hour, minute := wall.Hour(), wall.Minute()
	for date := time.Date(year, month, day, 0, 0, 0, 0, time.UTC); date.Year() <= year+hugeYears; date = s.followingDay(date) {
		if s.onDay(date) {
			if h, m, ok := s.inDay(hour, minute); ok {
				return date.Add(time.Duration(h)*time.Hour + time.Duration(m)*time.Minute)
			}
		}
		hour, minute = 0, 0
	}
	return time.Time{}
}

// followingDay returns the day after date, or the first of the next month where this one is not named.
func (s *Schedule) followingDay(date time.Time) time.Time {
	if s.spec.Month&(1<<uint(date.Month())) == 0 {
		return time.Date(date.Year(), date.Month()+1, 1, 0, 0, 0, 0, time.UTC)
	}
	return date.AddDate(0, 0, 1)
}

// due reports whether the fields name exactly this moment of the clock.
func (s *Schedule) due(wall time.Time) bool {
	return wall.Equal(wall.Truncate(time.Minute)) && s.nextWall(wall.Add(-time.Nanosecond)).Equal(wall)
}

// onDay reports whether the fields name the day. As in every cron, a day of the month and a day of the week that are
// both given mean either.
func (s *Schedule) onDay(date time.Time) bool {
	if s.spec.Month&(1<<uint(date.Month())) == 0 {
		return false
	}
	ofMonth := s.spec.Dom&(1<<uint(date.Day())) != 0
	ofWeek := s.spec.Dow&(1<<uint(date.Weekday())) != 0
	if s.spec.Dom&star != 0 || s.spec.Dow&star != 0 {
		return ofMonth && ofWeek
	}
	return ofMonth || ofWeek
}

// inDay returns the first hour and minute, from the given ones on, that the fields name.
func (s *Schedule) inDay(hour, minute int) (h, m int, ok bool) {
	if hour < hoursOfDay && s.spec.Hour&(1<<uint(hour)) != 0 {
		if m, ok = lowest(s.spec.Minute, minute); ok {
			return hour, m, true
		}
	}
	if h, ok = lowest(s.spec.Hour, hour+1); !ok {
		return 0, 0, false
	}
	m, ok = lowest(s.spec.Minute, 0)
	return h, m, ok
}

// lowest returns the lowest number of the set that is from or above it.
func lowest(set uint64, from int) (int, bool) {
	set = set &^ star >> uint(from) << uint(from)
	if set == 0 {
		return 0, false
	}
	return bits.TrailingZeros64(set), true
}
