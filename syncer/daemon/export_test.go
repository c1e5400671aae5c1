package daemon

import (
	"errors"
	"testing"
	"time"
)

func TestAFailedExportIsTriedLessAndLessOften(t *testing.T) {
	t.Parallel()
	down := errors.New("the warehouse is down")
	var waits []time.Duration
	last := time.Duration(0)
	for range 9 {
		last = nextRetry(last, down)
		waits = append(waits, last)
	}
	if waits[0] != firstRetry || waits[1] != 2*firstRetry || waits[8] != lastRetry {
		t.Errorf("it is tried again after %v", waits)
	}
	if nextRetry(last, nil) != 0 {
		t.Error("a success is tried again")
	}
}
