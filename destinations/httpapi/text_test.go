package httpapi

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func TestCleanMakesOneShortLine(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"":                              "",
		" a\r\n\tb  c ":                 "a b c",
		"\x1b[2Jred":                    "[2Jred",
		"bad\xffbyte":                   "bad byte",
		"left\u202eright":               "left right",
		strings.Repeat("a", 20):         strings.Repeat("a", 20),
		strings.Repeat("a", 21):         strings.Repeat("a", 17) + "…",
		strings.Repeat("é", 11):         strings.Repeat("é", 8) + "…",
		"<p>" + strings.Repeat(" ", 50): "<p>",
	} {
		if diff := cmp.Diff(want, clean(in, 20)); diff != "" {
			t.Errorf("%q (-want +got):\n%s", in, diff)
		}
	}
}

func FuzzClean(f *testing.F) {
	f.Add("a\x00b", 10)
	f.Add("ééé\xff\u2028", 5)
	f.Fuzz(func(t *testing.T, in string, limit int) {
		limit = 3 + (limit&0xff+0x100)%0x100
		out := clean(in, limit)
		if len(out) > limit || !utf8.ValidString(out) || strings.ContainsFunc(out, unicode.IsControl) {
			t.Errorf("%q became %q with a limit of %d", in, out, limit)
		}
		if again := clean(out, limit); again != out {
			t.Errorf("%q became %q the second time", out, again)
		}
	})
}

func TestValuesAreCutOutOfWhatIsShown(t *testing.T) {
	t.Parallel()
	body := `{"op":"upsert","records":[{"id":"ada@x.io","fields":{"age":12345,"n":7,"tags":["Countess"],"ok":true,"s":"a"}}]}`
	for in, want := range map[string]string{
		"id ada@x.io is bad":              "id … is bad",
		"Countess, 12345":                 "…, …",
		"field age is 7 and s is a":       "field age is 7 and s is a",
		"no value at all":                 "no value at all",
		"this was cut within ada@x…":      "this was cut within …",
		"this was cut after the word ok…": "this was cut after the word ok…",
	} {
		if diff := cmp.Diff(want, withoutValues(in, []byte(body))); diff != "" {
			t.Errorf("%q (-want +got):\n%s", in, diff)
		}
	}
	if got := withoutValues("ada is bad", []byte("name=ada")); got != "" {
		t.Errorf("what was said of a body of another form is shown: %q", got)
	}
	if got := withoutValues("no such token", nil); got != "no such token" {
		t.Errorf("what was said of no body is %q", got)
	}
}

func TestUntilReset(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for text, want := range map[string]time.Duration{
			"": 0, "soon": 0, "946684807": 7 * time.Second, "946684800": 0, "1": 0, "99999999999": longestQuiet,
		} {
			if got := UntilReset(http.Header{"X-Ratelimit-Reset": {text}}); got != want {
				t.Errorf("%q: %s, want %s", text, got, want)
			}
		}
	})
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	for _, test := range []struct {
		name, after, date string
		want              time.Duration
	}{
		{"nothing", "", "", 0},
		{"seconds", "37", "", 37 * time.Second},
		{"seconds with blanks", " 5 ", "", 5 * time.Second},
		{"a fraction", "0.25", "", 250 * time.Millisecond},
		{"zero", "0", "", 0},
		{"less than zero", "-5", "", 0},
		{"no number", "NaN", "", 0},
		{"infinity", "Inf", "", 24 * time.Hour},
		{"years", "1742000000", "", 24 * time.Hour},
		{"a date", "Fri, 20 Nov 2026 12:00:42 GMT", "", 42 * time.Second},
		{"a date by a clock that is fast", "Fri, 20 Nov 2026 12:10:42 GMT", "Fri, 20 Nov 2026 12:10:00 GMT", 42 * time.Second},
		{"a date of the older form", "Friday, 20-Nov-26 12:00:42 GMT", "", 42 * time.Second},
		{"a date that is past", "Fri, 20 Nov 2026 11:00:00 GMT", "", 0},
		{"a date that is far", "Fri, 20 Nov 2099 11:00:00 GMT", "", 24 * time.Hour},
		{"words", "a while", "", 0},
	} {
		h := http.Header{}
		h.Set("Retry-After", test.after)
		h.Set("Date", test.date)
		if got := RetryAfter(h, now); got != test.want {
			t.Errorf("%s: %s, want %s", test.name, got, test.want)
		}
	}
}

func FuzzRetryAfter(f *testing.F) {
	f.Add("37", "")
	f.Add("Fri, 20 Nov 2026 12:00:42 GMT", "Fri, 20 Nov 2026 12:00:00 GMT")
	f.Fuzz(func(t *testing.T, after, date string) {
		d := RetryAfter(http.Header{"Retry-After": {after}, "Date": {date}}, time.Now())
		if d < 0 || d > 24*time.Hour {
			t.Errorf("%q at %q is %s", after, date, d)
		}
	})
}
