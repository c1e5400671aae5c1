package schedule

import (
	"testing"
	"time"
	_ "time/tzdata" // so that every machine knows the same zones

	"github.com/google/go-cmp/cmp"
)

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func parse(t testing.TB, text string, z *time.Location) *Schedule {
	t.Helper()
	s, err := Parse(text, z)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// ticks returns the ticks from one time on, up to another, as the clock shows them.
func ticks(s *Schedule, from, upTo time.Time, form string) []string {
	var shown []string
	for t := s.Next(from.Add(-1)); !t.IsZero() && t.Before(upTo); t = s.Next(t) {
		shown = append(shown, t.Format(form))
	}
	return shown
}

func TestTicks(t *testing.T) {
	t.Parallel()
	const clock = "02 15:04 MST"
	tests := []struct {
		name, schedule, zone string
		from, upTo           string // in the zone
		want                 []string
	}{
		{
			"what falls into the gap of spring is due right after it", "30 1 * * *", "Europe/London", "2026-03-28", "2026-03-31",
			[]string{"28 01:30 GMT", "29 02:00 BST", "30 01:30 BST"},
		},
		{
			"however often it falls into it", "*/10 1 * * *", "Europe/London", "2026-03-29", "2026-03-30",
			[]string{"29 02:00 BST"},
		},
		{
			"and once with what is due right after it", "30 1,2 * * *", "Europe/London", "2026-03-29", "2026-03-30",
			[]string{"29 02:00 BST", "29 02:30 BST"},
		},
		{
			"once with what is due at the end of the gap", "0,30 1,2 * * *", "Europe/London", "2026-03-29", "2026-03-30",
			[]string{"29 02:00 BST", "29 02:30 BST"},
		},
		{
			"what comes twice in autumn is due the first time", "30 1 * * *", "Europe/London", "2026-10-24", "2026-10-27",
			[]string{"24 01:30 BST", "25 01:30 BST", "26 01:30 GMT"},
		},
		{
			"every hour goes on in spring", "30 * * * *", "Europe/London", "2026-03-29", "2026-03-29 04:00",
			[]string{"29 00:30 GMT", "29 02:30 BST", "29 03:30 BST"},
		},
		{
			"every hour goes on in autumn", "0 * * * *", "Europe/London", "2026-10-25", "2026-10-25 03:00",
			[]string{"25 00:00 BST", "25 01:00 BST", "25 01:00 GMT", "25 02:00 GMT"},
		},
		{
			"hours that are all named are every hour", "0 0-23 * * *", "Europe/London", "2026-10-25 00:30", "2026-10-25 02:00",
			[]string{"25 01:00 BST", "25 01:00 GMT"},
		},
		{
			"a gap at midnight", "0 0 * * *", "America/Havana", "2026-03-07", "2026-03-10",
			[]string{"07 00:00 CST", "08 01:00 CDT", "09 00:00 CDT"},
		},
		{
			"half an hour is enough", "15 2 * * *", "Australia/Lord_Howe", "2026-10-03", "2026-10-06",
			[]string{"03 02:15 +1030", "04 02:30 +11", "05 02:15 +11"},
		},
		{
			"a day of the month or of the week", "0 6 13 * fri", "UTC", "2026-02-01", "2026-02-28",
			[]string{"06 06:00 UTC", "13 06:00 UTC", "20 06:00 UTC", "27 06:00 UTC"},
		},
		{
			"a day of the week", "0 6 * * mon", "UTC", "2026-02-01", "2026-02-15",
			[]string{"02 06:00 UTC", "09 06:00 UTC"},
		},
		{"a word", "@daily", "Asia/Kolkata", "2026-02-01", "2026-02-03", []string{"01 00:00 IST", "02 00:00 IST"}},
		{"an interval", "@every 90m", "Europe/London", "2026-02-01", "2026-02-01 04:00", []string{"01 00:00 UTC", "01 01:30 UTC", "01 03:00 UTC"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			z := zone(t, tt.zone)
			at := func(text string) time.Time {
				parsed, err := time.ParseInLocation("2006-01-02 15:04", (text + " 00:00")[:16], z)
				if err != nil {
					t.Fatal(err)
				}
				return parsed
			}
			if diff := cmp.Diff(tt.want, ticks(parse(t, tt.schedule, z), at(tt.from), at(tt.upTo), clock)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestTheTwentyNinthOfFebruary(t *testing.T) {
	t.Parallel()
	got := parse(t, "0 0 29 2 *", time.UTC).Next(time.Date(2028, 3, 1, 0, 0, 0, 0, time.UTC))
	if want := time.Date(2032, 2, 29, 0, 0, 0, 0, time.UTC); !got.Equal(want) {
		t.Errorf("it is due at %s, want %s", got, want)
	}
	if got := parse(t, "0 0 30 2 *", time.UTC).Next(time.Date(2028, 3, 1, 0, 0, 0, 0, time.UTC)); !got.IsZero() {
		t.Errorf("the 30th of February is %s", got)
	}
}

func TestNoSchedule(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "* * * *", "61 * * * *", "@often", "TZ=Europe/London 0 1 * * *"} {
		if s, err := Parse(text, time.UTC); err == nil {
			t.Errorf("%q is taken: %v", text, s)
		}
	}
}

func TestLatest(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 1, 1, 0, 0, 30, 0, time.UTC)
	tests := []struct {
		name, schedule string
		upTo           time.Duration
		most           int
		want           []time.Duration
	}{
		{"none yet", "*/5 * * * *", 4 * time.Minute, 3, nil},
		{"fewer than asked for", "*/5 * * * *", 11 * time.Minute, 3, []time.Duration{5 * time.Minute, 10 * time.Minute}},
		{"the end counts", "*/5 * * * *", 5*time.Minute - 30*time.Second, 3, []time.Duration{5 * time.Minute}},
		{"the last of many", "@every 1s", 365 * 24 * time.Hour, 2, []time.Duration{365*24*time.Hour + 29*time.Second, 365*24*time.Hour + 30*time.Second}},
		{"one that is seldom", "0 0 1 * *", 58 * 24 * time.Hour, 1, []time.Duration{31 * 24 * time.Hour}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var got []time.Duration
			for _, tick := range parse(t, tt.schedule, time.UTC).Latest(start, start.Add(tt.upTo), tt.most) {
				got = append(got, tick.Sub(start.Truncate(time.Minute)))
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestJitterSpreads(t *testing.T) {
	t.Parallel()
	const most = 10 * time.Minute
	quarters := map[int64]int{}
	for i := range 400 {
		name := "sync_" + string(rune('a'+i%26)) + string(rune('a'+i/26))
		j := Jitter(name, most)
		if j < 0 || j >= most || j != Jitter(name, most) {
			t.Fatalf("%s: %s", name, j)
		}
		quarters[int64(4*j/most)]++
	}
	for q := range int64(4) {
		if quarters[q] < 60 {
			t.Errorf("of 400 syncs %d start in quarter %d", quarters[q], q+1)
		}
	}
	if j := Jitter("contacts", 0); j != 0 {
		t.Errorf("without jitter it is %s", j)
	}
}
