package main

import (
	"fmt"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"

	"spillway/syncer"
	"spillway/syncer/runlog"
)

// observer shows progress on stderr: live on a terminal, a line a phase when piped, nothing with --quiet or --json or
// where stderr is read by programs.
func (a *app) observer() syncer.Observer {
	switch {
	case a.quiet || a.json || a.logFormat == formatJSON:
		return syncer.Unobserved{}
	case terminal(a.errout):
		if a.live == nil {
			a.live = &liveProgress{app: a}
		}
		return a.live
	}
	return &lineProgress{app: a}
}

// progressDone clears what live progress left on the screen.
func (a *app) progressDone() {
	if a.live != nil {
		a.live.clear()
	}
}

// logWriter is stderr for the log: it takes live progress off the line first.
type logWriter struct{ app *app }

func (w logWriter) Write(p []byte) (int, error) {
	w.app.progressDone()
	return w.app.errout.Write(p)
}

// lineProgress writes one line a phase.
type lineProgress struct{ app *app }

func (l *lineProgress) Phase(sync string, phase runlog.Phase) {
	fmt.Fprintf(l.app.errout, "%s: %s\n", sync, phase)
}
func (l *lineProgress) Read(string, int64)        {}
func (l *lineProgress) Sent(string, int64, int64) {}

// liveProgress draws a counter while rows are read and a bar while they are sent.
type liveProgress struct {
	app *app
	mu  sync.Mutex
	bar *progressbar.ProgressBar

	sync  string
	phase runlog.Phase
	due   int64 // operations to send; -1 where it is not known what the end is
}

func (l *liveProgress) Phase(sync string, phase runlog.Phase) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.enter(sync, phase, -1)
	l.draw(0)
}

func (l *liveProgress) Read(_ string, rows int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.draw(rows)
}

func (l *liveProgress) Sent(sync string, done, due int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if done == 0 || done >= due { // a bar has no rate yet, or goes by itself
		return
	}
	if l.due != due {
		l.enter(sync, runlog.Sending, due)
	}
	l.draw(done)
}

func (l *liveProgress) enter(sync string, phase runlog.Phase, due int64) {
	l.drop()
	l.sync, l.phase, l.due = sync, phase, due
}

// draw shows n, on a new line if a log entry took the last one.
func (l *liveProgress) draw(n int64) {
	if l.bar == nil {
		l.bar = l.newBar()
	}
	_ = l.bar.Set64(n) // a bar that cannot be drawn is no reason to stop
}

func (l *liveProgress) newBar() *progressbar.ProgressBar {
	options := []progressbar.Option{
		progressbar.OptionSetWriter(l.app.errout),
		progressbar.OptionSetDescription(fmt.Sprintf("%s %s", l.sync, l.phase)),
		progressbar.OptionThrottle(100 * time.Millisecond),
		progressbar.OptionClearOnFinish(),
		progressbar.OptionSetRenderBlankState(true),
		progressbar.OptionSpinnerType(14), progressbar.OptionSetSpinnerChangeInterval(0), // it turns with the rows, not by itself
	}
	switch {
	case l.due >= 0:
		options = append(options, progressbar.OptionShowCount(), progressbar.OptionShowIts(),
			progressbar.OptionSetItsString("rows"), progressbar.OptionFullWidth())
	case l.phase == runlog.Extracting:
		options = append(options, progressbar.OptionShowCount(), progressbar.OptionShowTotalBytes(false))
	}
	return progressbar.NewOptions64(l.due, options...)
}

// drop takes the bar off the line. Finishing it also ends what turns its spinner.
func (l *liveProgress) drop() {
	if l.bar != nil {
		_ = l.bar.Finish() // as above
		l.bar = nil
	}
}

func (l *liveProgress) clear() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.drop()
}
