package alert

import (
	"context"
	"errors"
	"sync"
	"time"
)

// How long a notice waits that was not acknowledged: twice as long after each try.
const (
	firstWait   = 30 * time.Second
	longestWait = time.Hour
)

// deliver gives the notices that are due, for a turn: those of one alert one after another, those of several at once.
func (k *Keeper) deliver(ctx context.Context) {
	k.mu.Lock()
	alerts := k.view.Alerts
	k.mu.Unlock()
	until := time.Now().Add(turn)
	var group sync.WaitGroup
	for i := range alerts {
		group.Go(func() { k.deliverOf(ctx, &alerts[i], until) })
	}
	group.Wait()
}

func (k *Keeper) deliverOf(ctx context.Context, a *Alert, until time.Time) {
	defer k.keepGiven()
	for _, m := range k.waiting(a.Name) {
		for time.Now().Before(until) {
			n, ok := k.first(m)
			if !ok {
				break
			}
			err := k.send(ctx, a, n)
			if err != nil && ctx.Err() != nil {
				return // what became of it is not known: it is sent again
			}
			if k.Told != nil {
				k.Told(a.Name, err)
			}
			k.settle(m, n, err)
		}
	}
}

// waiting returns the marks of an alert that have notices.
func (k *Keeper) waiting(alert string) []*mark {
	k.mu.Lock()
	defer k.mu.Unlock()
	var found []*mark
	for _, m := range k.memory.Marks {
		if m.Alert == alert && len(m.Queue) > 0 {
			found = append(found, m)
		}
	}
	return found
}

// first returns the first notice of a mark, if it is due and the file knows of it.
func (k *Keeper) first(m *mark) (Notice, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.stale || len(m.Queue) == 0 || k.due(m).After(k.Now()) {
		return Notice{}, false
	}
	return m.Queue[0], true
}

func (k *Keeper) send(ctx context.Context, a *Alert, n Notice) error {
	ctx, cancel := context.WithTimeout(ctx, sendTime)
	defer cancel()
	_, err := a.Notifier.Notify(ctx, n)
	return err
}

// settle takes note of whether a notice was acknowledged. Only then it counts as given.
func (k *Keeper) settle(m *mark, n Notice, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if err == nil {
		m.Queue, m.Tries, m.Next, m.Error = m.Queue[1:], 0, time.Time{}, ""
		delete(k.quiet, m.Alert)
		k.Log.Info("notice given", "alert", m.Alert, "trigger", string(n.Trigger), "state", string(n.State), "sync", n.Sync, "notice", n.ID)
	} else {
		wait := min(longestWait, firstWait<<min(m.Tries, 10))
		refusal, ok := errors.AsType[*Error](err)
		if ok {
			wait = max(wait, min(longestWait, refusal.Wait))
		}
		m.Tries++
		m.Next, m.Error = k.Now().Add(wait).UTC(), err.Error()
		if !ok || !errors.Is(refusal, ErrRefused) || refusal.Wait > 0 {
			k.quiet[m.Alert] = m.Next // what the service could not take now, it cannot for others
		}
		k.Log.Error("notice not given", "alert", m.Alert, "trigger", string(n.Trigger), "state", string(n.State), "sync", n.Sync, "notice", n.ID,
			"tries", m.Tries, "again_in", wait.String(), "error", err.Error())
	}
	k.behind = true
	if time.Since(k.kept) >= keepShare*k.cost {
		k.keepOrSay()
	}
}

// keepGiven writes what became of notices, where the file does not know it yet.
func (k *Keeper) keepGiven() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.behind {
		k.keepOrSay()
	}
}
