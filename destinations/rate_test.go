package destinations_test

import (
	"testing"
	"time"

	"spillway/destinations"
)

func TestRateIsWrittenAsItIsRead(t *testing.T) {
	t.Parallel()
	for text, rate := range map[string]destinations.Rate{
		"50/s":      {Requests: 50, Per: time.Second},
		"100/10s":   {Requests: 100, Per: 10 * time.Second},
		"100/15s":   {Requests: 100, Per: 15 * time.Second},
		"4/m":       {Requests: 4, Per: time.Minute},
		"9/1m30s":   {Requests: 9, Per: 90 * time.Second},
		"1000/h":    {Requests: 1000, Per: time.Hour},
		"7/100ms":   {Requests: 7, Per: 100 * time.Millisecond},
		"7/1ms":     {Requests: 7, Per: time.Millisecond},
		"5000/100h": {Requests: 5000, Per: 100 * time.Hour},
	} {
		var read destinations.Rate
		if err := read.UnmarshalText([]byte(text)); err != nil || read != rate {
			t.Errorf("%s is read as %+v, %v", text, read, err)
		}
		written, err := rate.MarshalText()
		if err != nil {
			t.Errorf("%s: %v", text, err)
		}
		var again destinations.Rate
		if err := again.UnmarshalText(written); err != nil || again != rate {
			t.Errorf("%s is written as %s, which is read as %+v, %v", text, written, again, err)
		}
	}
}
