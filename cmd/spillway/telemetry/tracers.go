package telemetry

import (
	"spillway/destinations"
	"spillway/syncer"
	"spillway/syncer/project"
	"spillway/syncer/runlog"
)

// Tracers are several that follow runs.
type Tracers []syncer.Tracer

// Trace has all of them follow a run.
func (t Tracers) Trace(s *project.Sync, run runlog.Run, parent string) syncer.Trace {
	all := make(several, len(t))
	for i := range t {
		all[i] = t[i].Trace(s, run, parent)
	}
	return all
}

type several []syncer.Trace

func (s several) Phase(run runlog.Run) {
	for _, one := range s {
		one.Phase(run)
	}
}

func (s several) Exchanged(x destinations.Exchange) {
	for _, one := range s {
		one.Exchanged(x)
	}
}

func (s several) End(run runlog.Run) {
	for _, one := range s {
		one.End(run)
	}
}
