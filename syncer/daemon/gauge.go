package daemon

import (
	"sync"

	"spillway/syncer"
	"spillway/syncer/runlog"
)

// gauge keeps how far the run of each sync is, for others to read. It passes everything on.
type gauge struct {
	next syncer.Observer

	mu sync.Mutex
	by map[string]Progress
}

func newGauge(next syncer.Observer) *gauge {
	if next == nil {
		next = syncer.Unobserved{}
	}
	return &gauge{next: next, by: map[string]Progress{}}
}

func (g *gauge) of(sync string) Progress {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.by[sync]
}

func (g *gauge) set(sync string, change func(*Progress)) {
	g.mu.Lock()
	defer g.mu.Unlock()
	p := g.by[sync]
	change(&p)
	g.by[sync] = p
}

// Phase begins anew with the first one.
func (g *gauge) Phase(sync string, phase runlog.Phase) {
	if phase == runlog.Extracting {
		g.set(sync, func(p *Progress) { *p = Progress{} })
	}
	g.next.Phase(sync, phase)
}

// Read keeps how many rows were read.
func (g *gauge) Read(sync string, rows int64) {
	g.set(sync, func(p *Progress) { p.Read = rows })
	g.next.Read(sync, rows)
}

// Sent keeps how many operations are settled.
func (g *gauge) Sent(sync string, done, due int64) {
	g.set(sync, func(p *Progress) { p.Sent, p.Due = done, due })
	g.next.Sent(sync, done, due)
}
