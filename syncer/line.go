package syncer

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"spillway/destinations"
	"spillway/diffstore"
)

const (
	// lineRows is about how many rows may wait before each stage of a line, in at least two and at most lineBatches
	// batches.
	lineRows    = 2048
	lineBatches = 128

	// early is by how long intents may be ahead of their requests. Whatever is intended and not sent is in doubt after
	// a crash, so a slow destination gets few intents ahead; a quick one gets many, which then share a sync of the disk.
	early = 20 * time.Millisecond

	// late is how long an answer may wait for others to be recorded with it.
	late = 5 * time.Millisecond
)

// batch is what one Write delivers, on its way.
type batch struct {
	items   []item
	names   []uint64 // that it has taken among the flights
	tokens  []diffstore.Token
	text    []byte // what its records have as JSON, while it is written
	results []destinations.Result
	sent    bool
}

// line takes batches through three stages: intending, writing and settling. All stages work at the same time, the
// second on as many batches as there may be requests at once. The first and the last take what has come together by
// then in one call, so that one sync of the disk serves many batches where they come quickly.
type line struct {
	sender *sender
	stages errgroup.Group
	depth  int

	filled   chan *batch
	intended chan *batch // durably in doubt
	moved    chan struct{}
	answered chan *batch
	idle     chan *batch

	underway atomic.Int64 // batches that are intended and not settled
}

// newLine starts the stages. Requests are made under ctx.
func newLine(ctx context.Context, s *sender) *line {
	depth := min(max(lineRows/s.route.batch, 2), lineBatches)
	l := &line{
		sender: s, depth: depth,
		filled: make(chan *batch, depth), intended: make(chan *batch, depth), moved: make(chan struct{}, 1),
		answered: make(chan *batch, depth), idle: make(chan *batch, 3*depth+s.route.concurrency),
	}
	l.stages.Go(func() error {
		defer close(l.intended)
		return l.intendAll(context.WithoutCancel(ctx))
	})
	var writers sync.WaitGroup
	for range s.route.concurrency {
		writers.Go(func() { l.writeAll(ctx) })
	}
	l.stages.Go(func() error {
		writers.Wait()
		close(l.answered)
		return nil
	})
	l.stages.Go(func() error { return l.settleAll(context.WithoutCancel(ctx)) })
	return l
}

// end returns once every batch is settled, with the first error.
func (l *line) end() error {
	close(l.filled)
	return l.stages.Wait()
}

// next returns an empty batch.
func (l *line) next() *batch {
	select {
	case b := <-l.idle:
		return b
	default:
		return &batch{items: make([]item, 0, min(l.sender.route.batch, lineRows))}
	}
}

// release ends the way of a batch.
func (l *line) release(b *batch) {
	l.sender.flights.leave(b)
	clear(b.items)
	*b = batch{items: b.items[:0], names: b.names}
	select {
	case l.idle <- b:
	default:
	}
}

// gather returns first, and what else is there by now, up to so many batches.
func gather(group []*batch, first *batch, from <-chan *batch, most int) []*batch {
	group = append(group[:0], first)
	for len(group) < most {
		select {
		case b, ok := <-from:
			if !ok {
				return group
			}
			group = append(group, b)
		default:
			return group
		}
	}
	return group
}

// intendAll makes the intents of batches durable before they are written (invariant 2).
func (l *line) intendAll(ctx context.Context) (failed error) {
	var group []*batch
	var attempts []diffstore.Attempt
	lead := lead{most: 1, since: time.Now()}
	for first := range l.filled {
		lead.wait(l)
		group = gather(group, first, l.filled, lead.most-len(l.intended))
		reason := l.sender.halted()
		if reason == nil {
			attempts = attempts[:0]
			for n, b := range group {
				for i := range b.items {
					attempts = append(attempts, b.items[i].attempt())
					attempts[len(attempts)-1].Batch = n
				}
			}
			tokens, err := l.sender.session.Intend(ctx, attempts)
			if err == nil {
				for _, b := range group {
					b.tokens, tokens = tokens[:len(b.items)], tokens[len(b.items):]
					l.underway.Add(1)
					l.intended <- b
				}
				lead.adapt(l, len(group))
				continue
			}
			err = ofState(fmt.Errorf("record what is about to be sent: %w", err))
			l.sender.halt(err)
			failed = errors.Join(failed, err)
			reason = err
		}
		for _, b := range group {
			failed = errors.Join(failed, l.sender.conclude(ctx, b.items, notSent(len(b.items), reason)))
			l.release(b)
		}
	}
	return failed
}

// writeAll sends batches, one at a time.
func (l *line) writeAll(ctx context.Context) {
	var text []byte // the memory serves one batch after the other
	for b := range l.intended {
		select {
		case l.moved <- struct{}{}:
		default:
		}
		b.text = text
		l.sender.write(ctx, b)
		text, b.text = b.text, nil
		l.answered <- b
	}
}

// settleAll records what became of batches. What was intended and not sent is returned without a time, by which the
// next run tells that it was not tried.
func (l *line) settleAll(ctx context.Context) (failed error) {
	var group []*batch
	for first := range l.answered {
		group = l.gatherAnswers(group, first)
		l.underway.Add(-int64(len(group)))
		err := l.sender.settle(ctx, group)
		if err != nil {
			l.sender.halt(err)
			failed = errors.Join(failed, err)
		}
		for _, b := range group {
			if err != nil && b.sent {
				b.results = sameResult(len(b.items), destinations.Result{Code: "not_recorded", Reason: "it was sent, but what became of it could not be recorded"})
			}
			if err := l.sender.conclude(ctx, b.items, b.results); err != nil {
				l.sender.halt(err)
				failed = errors.Join(failed, err)
			}
			l.release(b)
		}
	}
	return failed
}

// gatherAnswers returns first and what is answered soon after it, as long as there is more to come.
func (l *line) gatherAnswers(group []*batch, first *batch) []*batch {
	group = gather(group, first, l.answered, l.depth)
	if len(group) >= l.depth/2 || int64(len(group)) >= l.underway.Load() {
		return group
	}
	timer := time.NewTimer(late)
	defer timer.Stop()
	for len(group) < l.depth/2 && int64(len(group)) < l.underway.Load() {
		select {
		case b, ok := <-l.answered:
			if !ok {
				return group
			}
			group = append(group, b)
		case <-timer.C:
			return group
		}
	}
	return group
}

// lead is how many batches may be intended that are not being written yet: as many as are written in the time that
// intents may be early.
type lead struct {
	most  int
	since time.Time // when the latest group was intended
}

// wait waits until half of that many may be intended at a time.
func (a *lead) wait(l *line) {
	for len(l.intended) > a.most/2 {
		<-l.moved
	}
}

// adapt learns from the time that a group took.
func (a *lead) adapt(l *line, group int) {
	now := time.Now()
	took := max(now.Sub(a.since), 1)
	a.since = now
	a.most = max(1, min(int(early*time.Duration(group)/took), 2*a.most, l.depth))
}
