package syncer

import "spillway/syncer/runlog"

// Observer is told how runs go on. Its methods are called from several goroutines and must return at once.
type Observer interface {
	Phase(sync string, phase runlog.Phase)
	Read(sync string, rows int64)      // rows of the model so far
	Sent(sync string, done, due int64) // operations settled, of those that are due
}

// Unobserved is an Observer that takes no notice.
type Unobserved struct{}

// Phase does nothing.
func (Unobserved) Phase(string, runlog.Phase) {}

// Read does nothing.
func (Unobserved) Read(string, int64) {}

// Sent does nothing.
func (Unobserved) Sent(string, int64, int64) {}
