package mappings

import (
	"maps"
	"slices"
	"strings"
	"time"
)

func timeFunctions() map[string]function {
	return map[string]function{
		"date": {
			types: forms(
				(func(string) time.Time)(nil), (func(time.Time) time.Time)(nil),
				(func(string, string) time.Time)(nil),
				(func(string, string, *time.Location) time.Time)(nil),
			),
			call: taking(date),
		},
		"duration": {types: forms((func(string) time.Duration)(nil)), call: taking(duration)},
		"timezone": {types: forms((func(string) *time.Location)(nil))}, // see exprCompiler.timezone
	}
}

// date reads a text as parseTime does, or by a layout of Go's, in a zone or in UTC. A time stays as it is.
func date(a *arguments) (any, *failure) {
	if len(a.args) == 1 {
		if t, ok := instant(a.args[0]); ok {
			a.args = nil
			return t, nil
		}
	}
	s := strings.TrimSpace(read[string](a))
	if !a.more() {
		t, ok := parseTime(s)
		if !ok {
			return nil, inExpression("date is given a text that is not a date or a time")
		}
		return t, nil
	}
	layout, zone := read[string](a), time.UTC
	if a.more() {
		zone = read[*time.Location](a)
	}
	if a.failed {
		return nil, nil
	}
	t, err := time.ParseInLocation(layout, s, zone)
	if err != nil {
		return nil, inExpression("date is given a text that is not of its layout")
	}
	return t, nil
}

func duration(a *arguments) (any, *failure) {
	d, err := time.ParseDuration(read[string](a))
	if err != nil {
		return nil, inExpression("duration is given a text that is not a length of time, such as 36h or 90m")
	}
	return d, nil
}

// methods are those of times and lengths of time. A day is the time at which it starts, in UTC.
func methods() map[string]func(args []any) (any, *failure) {
	return map[string]func(args []any) (any, *failure){
		"Year":       part(func(t time.Time) int { return t.Year() }),
		"Month":      part(func(t time.Time) int { return int(t.Month()) }),
		"Day":        part(func(t time.Time) int { return t.Day() }),
		"YearDay":    part(func(t time.Time) int { return t.YearDay() }),
		"Weekday":    part(func(t time.Time) int { return int(t.Weekday()) }),
		"Hour":       part(func(t time.Time) int { return t.Hour() }),
		"Minute":     part(func(t time.Time) int { return t.Minute() }),
		"Second":     part(func(t time.Time) int { return t.Second() }),
		"Nanosecond": part(func(t time.Time) int { return t.Nanosecond() }),
		"Unix":       taking(func(a *arguments) (any, *failure) { return a.instant().Unix(), nil }),
		"UnixMilli":  taking(func(a *arguments) (any, *failure) { return a.instant().UnixMilli(), nil }),
		"UTC":        taking(func(a *arguments) (any, *failure) { return a.instant().UTC(), nil }),
		"In":         taking(in),
		"Format":     taking(func(a *arguments) (any, *failure) { return a.instant().Format(read[string](a)), nil }),
		"Add":        taking(func(a *arguments) (any, *failure) { return a.instant().Add(read[time.Duration](a)), nil }),
		"AddDate": taking(func(a *arguments) (any, *failure) {
			return a.instant().AddDate(a.integer(), a.integer(), a.integer()), nil
		}),
		"Sub":      taking(func(a *arguments) (any, *failure) { return a.instant().Sub(a.instant()), nil }),
		"Truncate": taking(truncate),
		"Before":   taking(func(a *arguments) (any, *failure) { return a.instant().Before(a.instant()), nil }),
		"After":    taking(func(a *arguments) (any, *failure) { return a.instant().After(a.instant()), nil }),
		"Equal":    taking(func(a *arguments) (any, *failure) { return a.instant().Equal(a.instant()), nil }),

		"Hours":        taking(func(a *arguments) (any, *failure) { return read[time.Duration](a).Hours(), nil }),
		"Minutes":      taking(func(a *arguments) (any, *failure) { return read[time.Duration](a).Minutes(), nil }),
		"Seconds":      taking(func(a *arguments) (any, *failure) { return read[time.Duration](a).Seconds(), nil }),
		"Milliseconds": taking(func(a *arguments) (any, *failure) { return read[time.Duration](a).Milliseconds(), nil }),
	}
}

func methodNames() []string { return slices.Sorted(maps.Keys(methods())) }

func part(of func(time.Time) int) func(args []any) (any, *failure) {
	return taking(func(a *arguments) (any, *failure) { return int64(of(a.instant())), nil })
}

func in(a *arguments) (any, *failure) {
	t, zone := a.instant(), read[*time.Location](a)
	if a.failed {
		return nil, nil
	}
	return t.In(zone), nil
}

// truncate cuts a time or a length of time down to a multiple of a length of time.
func truncate(a *arguments) (any, *failure) {
	if len(a.args) > 0 {
		if d, ok := a.args[0].(time.Duration); ok {
			a.args = a.args[1:]
			return d.Truncate(read[time.Duration](a)), nil
		}
	}
	return a.instant().Truncate(read[time.Duration](a)), nil
}
