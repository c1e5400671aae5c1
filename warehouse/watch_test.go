package warehouse_test

import (
	"context"
	"testing"
	"testing/synctest"

	"spillway/warehouse"
)

func TestWatchFollowsTheLastContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var watch warehouse.Watch
		cancelled := 0
		first, endFirst := context.WithCancel(t.Context())
		second, endSecond := context.WithCancel(t.Context())
		defer endSecond()

		watch.On(first, func() { cancelled++ })
		watch.On(first, func() { cancelled += 10 })
		watch.On(second, func() { cancelled += 100 })
		endFirst()
		synctest.Wait()
		if cancelled != 0 {
			t.Fatalf("a context that is not watched any more cancelled: %d", cancelled)
		}
		endSecond()
		synctest.Wait()
		if cancelled != 100 {
			t.Fatalf("the end of the context: %d", cancelled)
		}
	})
}

func TestWatchOff(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var watch warehouse.Watch
		watch.Off()
		ctx, end := context.WithCancel(t.Context())
		watch.On(ctx, func() { t.Error("cancelled after Off") })
		watch.Off()
		end()
		synctest.Wait()
	})
}
