package daemon

import (
	"container/heap"
	"context"
	"fmt"
	"time"

	"spillway/syncer/project"
	"spillway/syncer/runlog"
	"spillway/syncer/schedule"
)

// standing is how one sync stands.
type standing struct {
	sync     *project.Sync
	schedule *schedule.Schedule // nil: it has none
	jitter   time.Duration
	cursor   runlog.Cursor
	next     time.Time // when it is to be looked at; zero where it is not
	place    int       // in the heap, or -1

	running   *job
	waiting   int // runs in line
	last      *runlog.Run
	success   time.Time // end of the newest that succeeded or was partial
	wholly    time.Time // end of the newest that succeeded
	followers []*standing
}

func (st *standing) paused() bool { return !st.cursor.PausedAt.IsZero() }

// timetable names a schedule in its time zone: ticks of one say nothing of another.
func timetable(s *project.Sync) string {
	if s.Schedule == "" {
		return ""
	}
	return s.Schedule + " in " + s.Timezone.String()
}

// stand makes the standings of a project's syncs. Those of syncs that there were before go on. A sync that is new, or
// whose schedule is, has no ticks before now.
func (d *Daemon) stand(ctx context.Context, p *project.Project) error {
	cursors, err := d.runs.Cursors(ctx)
	if err != nil {
		return err
	}
	now := d.now().UTC()
	syncs := make(map[string]*standing, len(p.Syncs))
	var moved []runlog.Cursor
	for _, s := range p.Syncs {
		st, err := d.standingOf(ctx, s)
		if err != nil {
			return err
		}
		cursor, known := cursors[s.Name]
		if !known {
			cursor = runlog.Cursor{Sync: s.Name, Followed: now}
		}
		if !known || cursor.Schedule != timetable(s) {
			cursor.Schedule, cursor.Ticked = timetable(s), now
			moved = append(moved, cursor)
		}
		st.cursor = cursor
		syncs[s.Name] = st
	}
	if err := d.runs.Move(ctx, moved...); err != nil {
		return err
	}
	var gone []string
	for name := range cursors {
		if syncs[name] == nil {
			gone = append(gone, name)
		}
	}
	if err := d.runs.Drop(ctx, gone...); err != nil {
		return err
	}
	for _, st := range syncs {
		for _, other := range st.sync.After {
			syncs[other].followers = append(syncs[other].followers, st)
		}
	}
	for _, j := range d.going {
		if st, ok := syncs[j.run.Sync]; ok {
			st.running = j
		}
	}
	for _, j := range d.line {
		if st, ok := syncs[j.run.Sync]; ok {
			st.waiting++
		}
	}
	d.syncs, d.due = syncs, nil
	for _, st := range syncs {
		d.plan(st)
	}
	return nil
}

// standingOf returns a new standing of a sync, with the past of the one that there was before, or of the run log.
func (d *Daemon) standingOf(ctx context.Context, s *project.Sync) (*standing, error) {
	st := &standing{sync: s, jitter: schedule.Jitter(s.Name, s.Jitter), place: -1}
	var err error
	if s.Schedule != "" {
		if st.schedule, err = schedule.Parse(s.Schedule, s.Timezone); err != nil {
			return nil, fmt.Errorf("sync %s: %w", s.Name, err)
		}
	}
	if before, ok := d.syncs[s.Name]; ok {
		st.last, st.success, st.wholly = before.last, before.success, before.wholly
		return st, nil
	}
	if st.last, st.success, err = d.runs.Newest(ctx, s.Name); err != nil || st.last == nil {
		return st, err
	}
	st.wholly, err = d.runs.Succeeded(ctx, s.Name, runlog.Succeeded)
	return st, err
}

// plan finds out when a sync is to be looked at.
func (d *Daemon) plan(st *standing) {
	st.next = time.Time{}
	if st.schedule != nil && !st.paused() {
		if tick := st.schedule.Next(st.cursor.Ticked); !tick.IsZero() {
			st.next = tick.Add(st.jitter)
		}
	}
	d.place(st)
}

// place puts a sync where it belongs in the heap.
func (d *Daemon) place(st *standing) {
	switch {
	case st.next.IsZero() && st.place >= 0:
		heap.Remove(&d.due, st.place)
	case st.next.IsZero():
	case st.place >= 0:
		heap.Fix(&d.due, st.place)
	default:
		heap.Push(&d.due, st)
	}
}

// dueHeap holds the syncs that are to be looked at, the next one first.
type dueHeap []*standing

func (h dueHeap) Len() int { return len(h) }
func (h dueHeap) Less(i, j int) bool {
	if order := h[i].next.Compare(h[j].next); order != 0 {
		return order < 0
	}
	return h[i].sync.Name < h[j].sync.Name
}

func (h dueHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].place, h[j].place = i, j
}

// Push and Pop are for package heap.
func (h *dueHeap) Push(x any) {
	st, _ := x.(*standing) // it is never anything else
	st.place = len(*h)
	*h = append(*h, st)
}

func (h *dueHeap) Pop() any {
	old := *h
	st := old[len(old)-1]
	st.place = -1
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	return st
}

// Syncs returns how every sync stands, by name.
func (d *Daemon) Syncs(ctx context.Context) ([]SyncStatus, error) {
	d.mu.Lock()
	list := make([]SyncStatus, 0, len(d.syncs))
	queued := map[string][]runlog.Run{} // the line is gone through once, however many syncs wait in it
	for _, j := range d.line {
		queued[j.run.Sync] = append(queued[j.run.Sync], j.run)
	}
	for _, s := range d.version.project.Syncs {
		list = append(list, d.status(d.syncs[s.Name], queued[s.Name]))
	}
	d.mu.Unlock()
	for i := range list {
		if err := d.look(ctx, &list[i]); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// Sync returns how one sync stands. Its error wraps ErrUnknownSync.
func (d *Daemon) Sync(ctx context.Context, name string) (SyncStatus, error) {
	d.mu.Lock()
	st, err := d.standing(name)
	if err != nil {
		d.mu.Unlock()
		return SyncStatus{}, err
	}
	status := d.status(st, d.queued(st))
	d.mu.Unlock()
	return status, d.look(ctx, &status)
}

func (d *Daemon) standing(name string) (*standing, error) {
	st, ok := d.syncs[name]
	if !ok {
		return nil, fmt.Errorf("%w: %s", ErrUnknownSync, name)
	}
	return st, nil
}

// queued are the runs of a sync that wait; mu is held.
func (d *Daemon) queued(st *standing) (runs []runlog.Run) {
	if st.waiting == 0 {
		return nil
	}
	for _, j := range d.line {
		if j.run.Sync == st.sync.Name {
			runs = append(runs, j.run)
		}
	}
	return runs
}

func (d *Daemon) status(st *standing, queued []runlog.Run) SyncStatus {
	s := SyncStatus{
		Sync: st.sync, Paused: st.paused(), PausedBy: st.cursor.PausedBy, NextRun: st.next, Queued: queued,
		Last: st.last, LastSuccess: st.success, Progress: d.gauge.of(st.sync.Name),
	}
	if st.running != nil {
		run := st.running.run
		s.Running = &run
	}
	return s
}

// look completes a status by what the run log has of the run in progress.
func (d *Daemon) look(ctx context.Context, s *SyncStatus) error {
	if s.Running == nil {
		s.Progress = Progress{}
		return nil
	}
	run, err := d.runs.Run(ctx, s.Running.ID)
	if err != nil {
		return err
	}
	if run.State != runlog.Queued { // it was only just taken up
		s.Running = &run
	}
	return nil
}
