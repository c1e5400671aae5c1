package project

import (
	"math"
	"testing"
)

func TestASharesIsReadCountedAndWritten(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		text, again string
		total, want int64
	}{
		{"10%", "10%", 1000, 100},
		{"10%", "10%", 1009, 100},
		{"11%", "11%", 100, 11},
		{"0.5%", "0.5%", 1000, 5},
		{" 12.5 % ", "12.5%", 16, 2},
		{"0.0001%", "0.0001%", 1_000_000, 1},
		{"0%", "0%", 1000, 0},
		{"100%", "100%", math.MaxInt64, math.MaxInt64},
		{"100.0%", "100%", 7, 7},
		{"99.9999%", "99.9999%", 1_000_000, 999_999},
		{"500", "500", 3, 500},
		{"0", "0", 1000, 0},
	} {
		var s Share
		if err := s.UnmarshalText([]byte(tt.text)); err != nil {
			t.Errorf("%q: %s", tt.text, err)
			continue
		}
		if got := s.Of(tt.total); got != tt.want {
			t.Errorf("%s of %d is %d, want %d", tt.text, tt.total, got, tt.want)
		}
		if s.String() != tt.again {
			t.Errorf("%q is written %q", tt.text, s)
		}
	}
	for _, text := range []string{"", "%", "-1", "-1%", "100.1%", "101%", "1000%", "1.5", "10 rows", ".5%", "5.%", "1.23456%", "1e1%", "0x10", "+5%", "1_000", "٣%", "99999999999999999999"} {
		var s Share
		if err := s.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q is %s, and no error", text, s)
		}
	}
}

func FuzzShare(f *testing.F) {
	f.Add("10%", int64(1000))
	f.Add("500", int64(math.MaxInt64))
	f.Add("99.9999%", int64(math.MaxInt64))
	f.Fuzz(func(t *testing.T, text string, total int64) {
		var s, again Share
		if s.UnmarshalText([]byte(text)) != nil {
			return
		}
		if err := again.UnmarshalText([]byte(s.String())); err != nil || again != s {
			t.Errorf("%q is written %q, which is %v, %v", text, s, again, err)
		}
		if of := s.Of(max(total, 0)); of < 0 || s.Relative && of > max(total, 0) {
			t.Errorf("%s of %d is %d", s, total, of)
		}
	})
}
