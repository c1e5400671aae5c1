package project

import "testing"

func TestSizesAreReadAndWritten(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]struct {
		size  Size
		shown string
	}{
		"64MB":      {64 << 20, "64MB"},
		"64 mb":     {64 << 20, "64MB"},
		" 1GB ":     {1 << 30, "1GB"},
		"1.5GB":     {3 << 29, "1536MB"},
		"0.5KB":     {512, "0.5KB"},
		"2TB":       {2 << 40, "2TB"},
		"64":        {},
		"MB":        {},
		"":          {},
		"-1MB":      {},
		"1e3MB":     {},
		"1.2.3MB":   {},
		"infMB":     {},
		"0x10MB":    {},
		"64MiB":     {},
		"9999999TB": {},
	} {
		var s Size
		err := s.UnmarshalText([]byte(text))
		switch {
		case want.shown == "" && err == nil:
			t.Errorf("%q was read as %s", text, s)
		case want.shown != "" && (err != nil || s != want.size || s.String() != want.shown):
			t.Errorf("%q is %d, shown as %s (%v), want %d, %s", text, s, s, err, want.size, want.shown)
		}
	}
}
