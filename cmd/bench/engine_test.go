package bench

import (
	"context"
	"errors"
	"fmt"
	"runtime/pprof"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"

	destinationsall "spillway/destinations/all"
	"spillway/diffstore"
	"spillway/diffstore/snapshot"
	"spillway/syncer"
	"spillway/syncer/project"
	"spillway/syncer/runlog"
	warehouseall "spillway/warehouse/all"
)

// opener is syncer.Open or syncer.OpenReadOnly.
type opener func(context.Context, *project.Project, syncer.Options) (*syncer.Engine, error)

// withEngine opens the project of t and hands its only sync to use, which reads the table of t.
func withEngine(t task, open opener, observer syncer.Observer, use func(context.Context, *syncer.Engine, *project.Sync) error) (err error) {
	ctx := context.Background()
	p, problems := project.Load(t.Dir, project.Kinds{Warehouses: warehouseall.Definitions(), Destinations: destinationsall.Definitions()})
	if err := problems.Err(); err != nil {
		return err
	}
	s := *p.Syncs[0]
	s.SQL = statement(t)
	e, err := open(ctx, p, syncer.Options{
		Observer: observer,
		OpenStore: func(settings syncer.StoreSettings) (diffstore.Store, error) {
			if t.Memory > 0 {
				settings.Memory = t.Memory
			}
			store, err := snapshot.Open(settings.Dir, settings.Log, snapshot.WithMemory(settings.Memory))
			if t.Forget && err == nil {
				return forgetful{store}, nil
			}
			return store, err
		},
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, e.Close()) }()
	return use(ctx, e, &s)
}

// forgetful is a store whose sessions record nothing of what is sent.
type forgetful struct{ diffstore.Store }

func (s forgetful) Begin(ctx context.Context, sync string) (diffstore.Session, error) {
	session, err := s.Store.Begin(ctx, sync)
	return forgetfulSession{session}, err
}

type forgetfulSession struct{ diffstore.Session }

func (forgetfulSession) Intend(_ context.Context, attempts []diffstore.Attempt) ([]diffstore.Token, error) {
	tokens := make([]diffstore.Token, len(attempts))
	for n := range tokens {
		copy(tokens[n][:], attempts[n].Entry.Sum[:])
	}
	return tokens, nil
}

func (forgetfulSession) Settle(context.Context, []diffstore.Fate) error { return nil }

// statement reads the table of t.
func statement(t task) string {
	sql := "select * from " + pgx.Identifier{t.Table}.Sanitize()
	if t.Rows > 0 {
		sql += fmt.Sprintf(" limit %d", t.Rows)
	}
	return sql
}

// plan compares the table with the snapshot, up to the plan.
func plan(t task, f *figures) error {
	return withEngine(t, syncer.OpenReadOnly, nil, func(ctx context.Context, e *syncer.Engine, s *project.Sync) error {
		p, err := e.Plan(ctx, s, false)
		if err != nil {
			return err
		}
		f.Rows, f.Due = p.Source, p.Added+p.Changed+p.Removed+p.Carried
		return nil
	})
}

// adopt takes the table as delivered.
func adopt(t task, f *figures) error {
	return withEngine(t, syncer.Open, nil, func(ctx context.Context, e *syncer.Engine, s *project.Sync) (err error) {
		f.Rows, _, err = e.Adopt(ctx, s)
		return err
	})
}

// deliver runs the sync.
func deliver(t task, f *figures) error {
	watch := &phases{task: t}
	return withEngine(t, syncer.Open, watch, func(ctx context.Context, e *syncer.Engine, s *project.Sync) error {
		run, err := e.Run(ctx, s, runlog.ByCLI)
		if err != nil {
			return err
		}
		if run.State != runlog.Succeeded {
			return fmt.Errorf("the run ended as %s: %v", run.State, run.Error)
		}
		sending, settling := watch.began(runlog.Sending), watch.began(runlog.Settling)
		f.Rows, f.Due = run.Source, run.Accepted
		f.Sending, f.SendingCPU = settling.at.Sub(sending.at), settling.cpu-sending.cpu
		f.Closing = time.Since(settling.at)
		f.Requests, f.Bytes = run.Requests, run.BytesSent
		return nil
	})
}

// instant is a time of the clock and of the processors.
type instant struct {
	at  time.Time
	cpu time.Duration
}

// phases is an observer that notes when the last two phases began.
type phases struct {
	syncer.Unobserved
	task              task
	sending, settling atomic.Pointer[instant]
}

// Phase notes the phase.
func (p *phases) Phase(_ string, phase runlog.Phase) {
	now := &instant{at: time.Now(), cpu: cpu()}
	switch phase {
	case runlog.Sending:
		profile(p.task)
		p.sending.Store(now)
	case runlog.Settling:
		p.settling.Store(now)
		pprof.StopCPUProfile()
	case runlog.Extracting, runlog.Comparing:
	}
}

func (p *phases) began(phase runlog.Phase) instant {
	at := p.settling.Load()
	if phase == runlog.Sending {
		at = p.sending.Load()
	}
	if at == nil {
		return instant{}
	}
	return *at
}
