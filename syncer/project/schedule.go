package project

import (
	"fmt"
	"strings"
	"time"

	"github.com/robfig/cron/v3"

	"spillway/syncer/settings"
)

const shortestInterval = time.Second

// checkSchedule says what is wrong with a schedule; it returns "" where nothing is.
func checkSchedule(schedule string) string {
	const forms = `write five fields as in "*/15 * * * *", @hourly or @every 10m`
	switch {
	case strings.Contains(schedule, "TZ="):
		return "cannot hold a time zone; that is what timezone is for"
	case strings.HasPrefix(schedule, "@every "):
		every, err := time.ParseDuration(strings.TrimPrefix(schedule, "@every "))
		if err != nil || every < shortestInterval {
			return fmt.Sprintf("%q is no schedule: after @every stands a time such as 10m or 1h30m", schedule)
		}
	case strings.HasPrefix(schedule, "@"):
		known := []string{"@hourly", "@daily", "@midnight", "@weekly", "@monthly", "@yearly", "@annually", "@every"}
		if _, err := cron.ParseStandard(schedule); err != nil {
			return fmt.Sprintf("%q is no schedule%s", schedule, settings.Hint(schedule, known))
		}
	}
	parsed, err := cron.ParseStandard(schedule)
	if err != nil {
		why, _, _ := strings.Cut(err.Error(), ": [") // which repeats the schedule
		return fmt.Sprintf("%q is no schedule: %s; %s", schedule, why, forms)
	}
	if parsed.Next(time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)).IsZero() {
		return fmt.Sprintf("%q never comes: no month has that day", schedule)
	}
	return ""
}

// zone loads a time zone, once for all syncs that are in it.
func (l *loader) zone(name string) (*time.Location, error) {
	if place, ok := l.zones[name]; ok {
		return place, nil
	}
	place, err := time.LoadLocation(name)
	if err == nil {
		l.zones[name] = place
	}
	return place, err
}

// zoneHint ends a message about a time zone with the one that was meant, where that is plain.
func zoneHint(zone string) string {
	parts := strings.FieldsFunc(zone, func(r rune) bool { return r == '/' || r == ' ' || r == '_' || r == '-' })
	for i, part := range parts {
		parts[i] = strings.ToUpper(part[:1]) + strings.ToLower(part[1:])
	}
	if len(parts) < 2 {
		return ""
	}
	likely := parts[0] + "/" + strings.Join(parts[1:], "_")
	if _, err := time.LoadLocation(likely); err != nil || likely == zone {
		return ""
	}
	return fmt.Sprintf("; did you mean %q?", likely)
}
