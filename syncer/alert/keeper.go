package alert

import (
	"context"
	"crypto/rand"
	"log/slog"
	"sync"
	"time"

	"github.com/oklog/ulid/v2"
)

// Options say how a Keeper works.
type Options struct {
	Dir    string // the state directory, which there is
	Source Source
	Log    *slog.Logger
	Now    func() time.Time
	Told   func(alert string, err error) // told of each attempt to give a notice; nil: nobody is
}

// Keeper judges, remembers and tells. Its methods may be called from several goroutines.
type Keeper struct {
	Options
	started   time.Time
	deadlines map[deadlineKey]deadline
	wake      chan struct{} // holds a token when it is to look again

	working sync.Mutex // held by whoever looks and delivers

	mu     sync.Mutex
	view   View
	memory *memory
	quiet  map[string]time.Time // until when nothing is sent for an alert, since its service could not take it
	stale  bool                 // there are notices that the file does not know of
	behind bool                 // notices were given, or not, of which the file does not know that
	judged bool                 // runs were judged of which the file does not know that
	kept   time.Time            // when the file was written
	cost   time.Duration        // how long that took
}

// Open reads how the alerts stood. Nothing is looked at before Run.
func Open(o Options) (*Keeper, error) {
	m, err := readMemory(o.Dir)
	if err != nil {
		return nil, err
	}
	return &Keeper{
		Options: o, started: o.Now(), wake: make(chan struct{}, 1), memory: m,
		quiet: map[string]time.Time{}, deadlines: map[deadlineKey]deadline{},
	}, nil
}

const (
	lookInterval = time.Minute
	// breath is what lies between two looks at least: where runs end all the time, one look serves many.
	// Looking at thousands of syncs takes time, and is done so much less often that it takes a hundredth of a processor.
	breath        = time.Second
	breathShare   = 100
	longestBreath = 5 * time.Second

	sendTime = 30 * time.Second // of one notice
	// turn is how long one pass gives notices. Where thousands wait, it looks again in between.
	turn = 15 * time.Second
	// keepShare is how many times longer than the file took to write passes until it is written again: with thousands of
	// notices it is large, and is not written for each of them.
	keepShare = 20
)

// Run looks whenever something happened and every minute, and gives notices, until ctx ends.
func (k *Keeper) Run(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	var last time.Time
	apart := breath
	for {
		select {
		case <-ctx.Done():
			k.end()
			return nil
		case <-k.wake:
			timer.Reset(max(0, apart-time.Since(last)))
			continue
		case <-timer.C:
		}
		last = time.Now()
		took, err := k.pass(ctx)
		if err != nil && ctx.Err() == nil {
			k.Log.Error("alerts not looked at", "error", err.Error())
		}
		apart = min(longestBreath, max(breath, breathShare*took))
		timer.Reset(min(lookInterval, k.nextDelivery()))
	}
}

// Wake makes Run look again. It returns at once.
func (k *Keeper) Wake() {
	select {
	case k.wake <- struct{}{}:
	default:
	}
}

// Pass looks once and gives the notices that are due. What could not be looked at or kept is looked at by the next one.
func (k *Keeper) Pass(ctx context.Context) error {
	_, err := k.pass(ctx)
	return err
}

// pass is Pass. It returns how long it took to look.
func (k *Keeper) pass(ctx context.Context) (looked time.Duration, err error) {
	k.working.Lock()
	defer k.working.Unlock()
	start := time.Now()
	view, err := k.Source.View(ctx)
	if err == nil {
		err = k.look(ctx, view)
	}
	looked = time.Since(start)
	if err == nil {
		err = k.keepChanges()
	}
	if err == nil {
		k.deliver(ctx)
	}
	return looked, err
}

// end brings the file up to date, so that the next start has nothing to judge again.
func (k *Keeper) end() {
	k.working.Lock()
	defer k.working.Unlock()
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.stale || k.behind || k.judged {
		k.keepOrSay()
	}
}

// keepChanges writes what a look found, before anybody is told of it.
func (k *Keeper) keepChanges() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.stale {
		return nil
	}
	return k.keep()
}

// keepOrSay writes the file where that can wait for the next look; mu is held.
func (k *Keeper) keepOrSay() {
	if err := k.keep(); err != nil {
		k.Log.Error("alerts not kept", "error", err.Error())
	}
}

// keep writes the file; mu is held. After an error no notice is given before the next look has written it.
func (k *Keeper) keep() error {
	start := time.Now()
	if err := k.memory.write(k.Dir); err != nil {
		k.stale = true
		return err
	}
	k.stale, k.behind, k.judged = false, false, false
	k.kept = time.Now()
	k.cost = k.kept.Sub(start)
	return nil
}

// nextDelivery is after how long a notice is to be tried again.
func (k *Keeper) nextDelivery() time.Duration {
	k.mu.Lock()
	defer k.mu.Unlock()
	wait, now := lookInterval, k.Now()
	for _, m := range k.memory.Marks {
		if len(m.Queue) > 0 {
			wait = min(wait, max(time.Second, k.due(m).Sub(now)))
		}
	}
	return wait
}

// due is when the first notice of a mark is to be tried.
func (k *Keeper) due(m *mark) time.Time {
	if until := k.quiet[m.Alert]; until.After(m.Next) {
		return until
	}
	return m.Next
}

// Status is how an alert stands.
type Status struct {
	Name    string    `json:"name"`
	Type    string    `json:"type"`
	Firing  []Cause   `json:"firing"`
	Waiting int       `json:"waiting"`         // notices that no service has acknowledged yet
	Error   string    `json:"error,omitempty"` // why the latest of them was not
	Next    time.Time `json:"next,omitzero"`   // when the first of them is tried again
}

// Cause is something that an alert tells of.
type Cause struct {
	Trigger Trigger   `json:"trigger"`
	Sync    string    `json:"sync"`
	Since   time.Time `json:"since"`
}

// Statuses returns how the alerts of the project stand, in its order. Before the first pass there are none.
func (k *Keeper) Statuses() []Status {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.memory.statuses(k.view.Alerts, k.due)
}

// Kept returns how alerts stood when a Keeper last wrote that into a state directory.
func Kept(dir string, alerts []Alert) ([]Status, error) {
	m, err := readMemory(dir)
	if err != nil {
		return nil, err
	}
	return m.statuses(alerts, func(k *mark) time.Time { return k.Next }), nil
}

func (m *memory) statuses(alerts []Alert, due func(*mark) time.Time) []Status {
	list := make([]Status, len(alerts))
	place := map[string]*Status{}
	for i := range alerts {
		list[i] = Status{Name: alerts[i].Name, Type: alerts[i].Type, Firing: []Cause{}}
		place[alerts[i].Name] = &list[i]
	}
	for _, k := range m.Marks {
		s := place[k.Alert]
		if s == nil {
			continue
		}
		if k.Firing {
			s.Firing = append(s.Firing, Cause{Trigger: k.Trigger, Sync: k.Sync, Since: k.Changed})
		}
		s.Waiting += len(k.Queue)
		if next := due(k); k.Error != "" && (s.Error == "" || next.Before(s.Next)) {
			s.Error, s.Next = k.Error, next
		}
	}
	return list
}

func newID(now time.Time) string {
	return ulid.MustNew(ulid.Timestamp(now), rand.Reader).String() // it fails where there is no randomness, and so does everything
}
