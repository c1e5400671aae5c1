package main

import (
	"slices"
	"strings"
	"testing"
)

// TestOnlyWhatWasNeverWrittenIsLetGoOf: of four mappings of the program the third was written by the linker before it was
// closed, and the fourth is its data.
func TestOnlyWhatWasNeverWrittenIsLetGoOf(t *testing.T) {
	t.Parallel()
	mapping := func(place, anonymous string) string {
		return place + "\nSize:               1024 kB\nRss:                 512 kB\nAnonymous:          " + anonymous + " kB\nVmFlags: rd mr mw me sd\n"
	}
	smaps := mapping("00400000-00a98000 r-xp 00698000 fd:00 1311 /usr/local/bin/spillway", "0") +
		mapping("00a98000-03000000 r--p 048bc000 fd:00 1311 /usr/local/bin/spillway", "0") +
		mapping("03000000-03080000 r--p 076d6000 fd:00 1311 /usr/local/bin/spillway", "504") +
		mapping("03080000-03300000 rw-p 07756000 fd:00 1311 /usr/local/bin/spillway", "0") +
		mapping("7f0000000000-7f0000200000 r-xp 00000000 fd:00 99 /usr/lib/libc.so.6", "0") +
		mapping("7fff00000000-7fff00021000 r--p 00000000 00:00 0 [vvar]", "0")
	got, err := unwritten(strings.NewReader(smaps), "/usr/local/bin/spillway")
	want := []area{{0x400000, 0xa98000}, {0xa98000, 0x3000000}}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%x, %v; want %x", got, err, want)
	}
}

func TestTheProgramGoesOnAfterItWasLetGoOf(t *testing.T) {
	t.Parallel()
	for range 3 {
		if err := releaseProgram(); err != nil {
			t.Fatal(err)
		}
	}
}
