package settings

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestTheNearestNameIsTheOneAPersonMeant(t *testing.T) {
	t.Parallel()
	known := []string{"identifier", "object", "mode", "key", "schedule", "on_removed", "host", "dsn"}
	for name, want := range map[string]string{
		"identifer": "identifier", "idnetifier": "identifier", "IDENTIFIER": "identifier",
		"on-removed": "on_removed", "onremoved": "on_removed", "removed": "on_removed",
		"hots": "host", "keys": "key", "dns": "dsn", "objects": "object",
		"": "", "x": "", "warehouse": "", "tags": "", strings.Repeat("identifier", 20): "",
	} {
		if got := Nearest(name, known); got != want {
			t.Errorf("Nearest(%q) = %q, want %q", name, got, want)
		}
	}
	if got := Nearest("a", nil); got != "" {
		t.Errorf("of none: %q", got)
	}
	if got := Nearest("ab", []string{"aa", "ac"}); got != "aa" {
		t.Errorf("of two as near: %q, want the first", got)
	}
}

func TestAHintListsNamesOnlyWhereTheyAreFew(t *testing.T) {
	t.Parallel()
	many := strings.Split(strings.Repeat("q,", 20)+"q", ",")
	for _, tt := range []struct {
		name  string
		known []string
		want  string
	}{
		{"hots", []string{"port", "host"}, `; did you mean "host"?`},
		{"zzzzzz", []string{"port", "host"}, `; known: host, port`},
		{"zzzzzz", many, ""},
		{"zzzzzz", nil, ""},
	} {
		if got := Hint(tt.name, tt.known); got != tt.want {
			t.Errorf("Hint(%q) = %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestALengthOfTimeIsReadAndWritten(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{
		"0": 0, "0s": 0, "30s": 30 * time.Second, "14d": 14 * day, "1d12h": 36 * time.Hour, "0.5d": 12 * time.Hour,
		"1h30m": 90 * time.Minute, "1500ms": 1500 * time.Millisecond, "106751d": 106751 * day,
	} {
		got, err := ParseDuration(text)
		if err != nil || got != want {
			t.Errorf("ParseDuration(%q) = %s, %v; want %s", text, got, err, want)
			continue
		}
		again, err := ParseDuration(FormatDuration(got))
		if err != nil || again != want {
			t.Errorf("%q is written %q, which is %s, %v", text, FormatDuration(got), again, err)
		}
	}
	for _, text := range []string{"", "d", "14", "-1s", "-1d", "1d-1h", "1h1d", "1 d", "1w", "1dd", "106752d", "1e3d", "106751d24h", "9999999999999d", "infd", "nand", "+-1d"} {
		if got, err := ParseDuration(text); err == nil {
			t.Errorf("ParseDuration(%q) = %s, and no error", text, got)
		}
	}
	for d, want := range map[time.Duration]string{14 * day: "14d", 90 * time.Minute: "90m", 0: "0s", 1500 * time.Millisecond: "1.5s"} {
		if got := FormatDuration(d); got != want {
			t.Errorf("FormatDuration(%s) = %q, want %q", d, got, want)
		}
	}
}

func FuzzParseDuration(f *testing.F) {
	for _, seed := range []string{"14d", "1d12h", "1.5s", "-3d", "106751d23h", "0.1d"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		d, err := ParseDuration(text)
		if err != nil {
			return
		}
		if d < 0 {
			t.Errorf("ParseDuration(%q) = %s", text, d)
		}
		if again, err := ParseDuration(FormatDuration(d)); err != nil || again != d {
			t.Errorf("%q is %s, written %q, read %s, %v", text, d, FormatDuration(d), again, err)
		}
	})
}

func TestProblemsAreSortedOnceEachAndListed(t *testing.T) {
	t.Parallel()
	problems := Problems{
		{File: "b.toml", Line: 2, Key: "x", Message: "second"},
		{File: "b.toml", Line: 2, Key: "a", Message: "first"},
		{File: "a.toml", Message: "whole"},
		{File: "b.toml", Line: 2, Key: "x", Message: "second"},
		{File: "b.toml", Line: 10, Message: "third"},
	}
	want := "a.toml: whole\nb.toml:2: a: first\nb.toml:2: x: second\nb.toml:10: third"
	if diff := cmp.Diff(want, problems.Sorted().Error()); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
	if Problems(nil).Err() != nil || (Problems{}).Err() != nil {
		t.Error("no problem is an error")
	}
	if problems.Err() == nil {
		t.Error("problems are no error")
	}
}
