package schedule

import (
	_ "embed"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// zoneNames are those of the IANA database, one a line.
//
//go:embed testdata/zones.txt
var zoneNames string

const quarter = 15 * time.Minute // every offset since 2020 is a whole number of them

// changes returns the moments from 2020 to 2035 at which the clock of a zone is put.
func changes(z *time.Location) []time.Time {
	var found []time.Time
	last := time.Date(2036, 1, 1, 0, 0, 0, 0, time.UTC)
	for t := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC); ; {
		_, end := t.In(z).ZoneBounds()
		if end.IsZero() || end.After(last) {
			return found
		}
		found = append(found, end)
		t = end
	}
}

// dial is what the clock of a zone shows around a change, found by looking at it.
type dial struct {
	from, upTo time.Time
	first      map[time.Time]time.Time // by what it shows, the first time at which it shows it
	hours      []time.Time             // at which it shows a full hour
	change     time.Time
}

func look(z *time.Location, change time.Time) dial {
	middle := change.Truncate(quarter)
	d := dial{from: middle.Add(-60 * time.Hour), upTo: middle.Add(60 * time.Hour), first: map[time.Time]time.Time{}, change: change}
	for t := d.from; !t.After(d.upTo); t = t.Add(quarter) {
		shown := wallOf(t.In(z))
		if _, ok := d.first[shown]; !ok {
			d.first[shown] = t
		}
		if shown.Minute() == 0 {
			d.hours = append(d.hours, t)
		}
	}
	return d
}

// daily returns when a job of every day at so many quarters after midnight is due on the days around the change.
func (d dial) daily(z *time.Location, quarters int) []time.Time {
	var due []time.Time
	middle := wallOf(d.change.In(z))
	day := time.Date(middle.Year(), middle.Month(), middle.Day(), 0, 0, 0, 0, time.UTC)
	for _, date := range []time.Time{day.AddDate(0, 0, -1), day, day.AddDate(0, 0, 1)} {
		at, shown := d.first[date.Add(time.Duration(quarters)*quarter)]
		if !shown {
			at = d.change
		}
		due = append(due, at)
	}
	return due
}

func TestEveryZoneAtEveryChange(t *testing.T) {
	t.Parallel()
	names := strings.Fields(zoneNames)
	if len(names) < 500 {
		t.Fatalf("there are %d zones", len(names))
	}
	var jobs [96]string // one a quarter of the day
	for q := range jobs {
		jobs[q] = fmt.Sprintf("%d %d * * *", q%4*15, q/4)
	}
	seen := 0
	for _, name := range names {
		z := zone(t, name)
		var daily [96]*Schedule
		for q, text := range jobs {
			daily[q] = parse(t, text, z)
		}
		hourly := parse(t, "0 * * * *", z)
		for _, change := range changes(z) {
			seen++
			d := look(z, change)
			for q, s := range daily {
				checkDaily(t, name, s, q, d, z)
			}
			var got []time.Time
			for at := hourly.Next(d.from.Add(-1)); !at.After(d.upTo); at = hourly.Next(at) {
				got = append(got, at.UTC())
			}
			if !slices.EqualFunc(d.hours, got, time.Time.Equal) {
				t.Errorf("%s, %s: every hour is due at %s, want %s", name, change, got, d.hours)
			}
		}
	}
	t.Logf("%d changes in %d zones", seen, len(names))
	if seen < 3000 {
		t.Errorf("only %d changes were seen", seen)
	}
}

func checkDaily(t *testing.T, name string, s *Schedule, quarters int, d dial, z *time.Location) {
	t.Helper()
	want := d.daily(z, quarters)
	at := want[0].Add(-time.Second)
	for _, w := range want {
		if at = s.Next(at); !at.Equal(w) {
			t.Errorf("%s: the job at quarter %d of the day is due at %s, want %s", name, quarters, at, w.In(z))
		}
	}
}

// TestADailyJobIsDueOnceADay goes through all the days of the zones that are unlike each other.
func TestADailyJobIsDueOnceADay(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"Europe/London", "America/New_York", "America/Havana", "America/Asuncion", "America/Santiago", "Africa/Casablanca", "Africa/Cairo",
		"Asia/Beirut", "Asia/Tehran", "Asia/Gaza", "Australia/Lord_Howe", "Pacific/Chatham", "Pacific/Apia", "Antarctica/Troll", "UTC",
	} {
		z := zone(t, name)
		for _, text := range []string{"0 0 * * *", "30 0 * * *", "15 1 * * *", "30 2 * * *", "0 3 * * *", "45 23 * * *"} {
			s := parse(t, text, z)
			day := time.Date(2019, 12, 31, 0, 0, 0, 0, time.UTC)
			for at := time.Date(2020, 1, 1, 0, 0, 0, 0, z).Add(-1); ; {
				next := s.Next(at)
				if !next.After(at) {
					t.Fatalf("%s, %s: after %s comes %s", name, text, at, next)
				}
				if at = next; at.Year() > 2035 {
					break
				}
				shown := wallOf(at)
				date := time.Date(shown.Year(), shown.Month(), shown.Day(), 0, 0, 0, 0, time.UTC)
				if want := day.AddDate(0, 0, 1); !date.Equal(want) {
					t.Fatalf("%s, %s: due on %s, want %s", name, text, date, want)
				}
				day = date
			}
		}
	}
}

// FuzzTicks holds of every schedule that its ticks go up, and that those of every hour keep their interval.
func FuzzTicks(f *testing.F) {
	for _, text := range []string{"*/15 * * * *", "30 1 * * *", "0 0 29 2 *", "@every 7m", "5 4 1,15 * 2", "@hourly", "59 23 31 12 *"} {
		f.Add(text, "Europe/London", int64(1774746000))
		f.Add(text, "Australia/Lord_Howe", int64(1791043200))
	}
	f.Fuzz(func(t *testing.T, text, name string, at int64) {
		z, err := time.LoadLocation(name)
		if err != nil || at < 0 || at > 1<<32 {
			t.Skip("no zone, or no time of this age")
		}
		s, err := Parse(text, z)
		if err != nil {
			t.Skip("no schedule")
		}
		last := time.Unix(at, 0)
		for range 50 {
			next := s.Next(last)
			if next.IsZero() {
				return
			}
			if !next.After(last) {
				t.Fatalf("%q in %s: after %s comes %s", text, name, last, next)
			}
			if again := s.Next(next.Add(-1)); !again.Equal(next) {
				t.Fatalf("%q in %s: %s is a tick, and right before it the next one is %s", text, name, next, again)
			}
			last = next
		}
	})
}
