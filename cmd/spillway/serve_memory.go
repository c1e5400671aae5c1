package main

import (
	"context"
	"runtime/debug"
	"time"

	"spillway/syncer/project"
)

// denseHeap is the percentage of garbage, of what is kept, at which it is collected while a project is read. Reading ten
// thousand files makes twenty times what is kept of them, and with Go's own 100 % the two are mixed so finely that half of
// the memory could not be given back.
const denseHeap = 50

// loadDensely reads the project in root for a daemon, which keeps it.
func loadDensely(root string) (*project.Project, project.Problems) {
	defer debug.SetGCPercent(debug.SetGCPercent(denseHeap))
	return project.Load(root, kinds())
}

const (
	// quiet is for how long nothing must have happened in a daemon that gives back what it does not need to wait.
	quiet = 10 * time.Second
	// resting is how often it does so again while nothing happens: looking for changed files, and pages that somebody
	// looks at, use memory too.
	resting = time.Minute
)

// keepSmall gives back memory whenever the daemon has come to rest: after its start, after a project was read, and after
// runs.
func (s *serving) keepSmall(ctx context.Context) error {
	timer := time.NewTimer(quiet)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-s.stirred:
			timer.Reset(quiet)
			continue
		case <-timer.C:
		}
		debug.FreeOSMemory()
		if err := releaseProgram(); err != nil {
			s.app.log.Debug("the program's pages stay in memory", "error", err.Error())
		}
		timer.Reset(resting)
	}
}
