//go:build unix

package daemon

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"spillway/syncer/project"
)

// TestTenThousandSyncsCostNothingWhileTheyWait counts how often the scheduler wakes, and what it takes of the processor
// and of the memory. The bounds are those of a machine that does much else.
func TestTenThousandSyncsCostNothingWhileTheyWait(t *testing.T) {
	var before runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	syncs := make([]*project.Sync, tenThousand)
	for i := range syncs {
		syncs[i] = every(fmt.Sprintf("sync%05d", i), fmt.Sprintf("%d %d * * *", i%60, 1+i/60%23)) // none before one o'clock
	}
	inWorldAlone(t, func(t *testing.T, w *world) {
		w.start()
		w.sleep(time.Second)
		woken, busy := w.woken(), cpu(t)
		w.sleep(time.Hour - 2*time.Second)
		if n := w.woken() - woken; n > 61 {
			t.Errorf("the scheduler woke %d times in an hour in which nothing was due", n)
		}
		if spent := cpu(t) - busy; spent > 36*time.Second {
			t.Errorf("an idle hour took %s of the processor", spent)
		} else {
			t.Logf("an idle hour took %s of the processor", spent)
		}
		var now runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&now)
		held := (int64(now.HeapInuse) - int64(before.HeapInuse)) >> 20
		t.Logf("they hold %d MB", held)
		if held > 100 {
			t.Errorf("they hold %d MB", held)
		}
		list, err := w.daemon.Syncs(t.Context())
		if err != nil || len(list) != len(syncs) || list[0].NextRun.IsZero() {
			t.Errorf("%d syncs stand, %v", len(list), err)
		}
	}, syncs...)
}

func (w *world) woken() int {
	w.daemon.mu.Lock()
	defer w.daemon.mu.Unlock()
	return w.daemon.wakeups
}
