package alert

import (
	"cmp"
	"context"
	"maps"
	"net/url"
	"slices"
	"time"

	"spillway/syncer/runlog"
)

// historyRuns is how many runs of a sync are read: more than one trigger looks back at, and than end between two looks.
const historyRuns = 120

// look judges everything that happened since the last time.
func (k *Keeper) look(ctx context.Context, v View) error {
	l := &looking{View: v, memory: k.memory, now: k.Now().UTC(), started: k.started, deadlines: k.deadlines, anew: map[string]bool{}}
	for i := range v.Alerts {
		a := &v.Alerts[i]
		l.anew[a.Name] = k.memory.Alerts[a.Name] != a.Declared
	}
	err := k.lookAtSyncs(ctx, l)
	k.mu.Lock()
	defer k.mu.Unlock()
	k.view = v
	if err == nil {
		l.project()
		l.forget()
	}
	k.judged = k.judged || l.judged
	k.stale = k.stale || l.changed
	return err
}

// lookAtSyncs judges one sync after another, so that no more than the runs of one are in memory.
func (k *Keeper) lookAtSyncs(ctx context.Context, l *looking) error {
	for i := range l.Syncs {
		s := &l.Syncs[i]
		runs, err := k.history(ctx, l, s)
		if err != nil {
			return err
		}
		k.mu.Lock()
		l.sync(s, runs)
		k.mu.Unlock()
	}
	return nil
}

// history reads the runs of a sync if there is something new in it: those that are over, in the order of their ends.
func (k *Keeper) history(ctx context.Context, l *looking, s *Sync) ([]runlog.Run, error) {
	before := k.memory.Syncs[s.Name]
	anew := slices.ContainsFunc(l.Alerts, func(a Alert) bool { return l.anew[a.Name] })
	if len(l.Alerts) == 0 || s.LastEnd.IsZero() || !anew && before != nil && !s.LastEnd.Truncate(time.Millisecond).After(before.Seen) {
		return nil, nil
	}
	runs, err := k.Source.Runs(ctx, s.Name, historyRuns)
	if err != nil {
		return nil, err
	}
	runs = slices.DeleteFunc(runs, func(r runlog.Run) bool {
		return !r.State.Terminal() || r.State == runlog.Skipped || r.FinishedAt == nil
	})
	slices.SortFunc(runs, func(a, b runlog.Run) int {
		return cmp.Or(a.FinishedAt.Compare(*b.FinishedAt), cmp.Compare(a.ID, b.ID))
	})
	return runs, nil
}

// looking is one look.
type looking struct {
	View
	memory    *memory
	now       time.Time
	started   time.Time
	deadlines map[deadlineKey]deadline
	anew      map[string]bool // the alerts that were declared since the look before
	changed   bool
	judged    bool // runs were, whether that changed anything or not
}

// sync judges everything about one sync; runs are nil where there is nothing new in it.
func (l *looking) sync(s *Sync, runs []runlog.Run) {
	fresh := l.standing(s)
	for i := range l.Alerts {
		a := &l.Alerts[i]
		if a.Rules.covers(s.Name) {
			l.alert(a, s, runs, fresh)
		}
	}
	if len(runs) > 0 {
		l.seen(s, runs[len(runs)-1].FinishedAt.UTC())
	}
}

// standing notes from when on the schedule of a sync counts: from when it was first seen, changed or resumed.
// It reports whether the sync was never looked at before.
func (l *looking) standing(s *Sync) (fresh bool) {
	p := l.memory.Syncs[s.Name]
	switch {
	case p == nil:
		p = &past{Timetable: s.Timetable, Since: l.now, Paused: s.Paused}
		l.memory.Syncs[s.Name], fresh = p, true
	case p.Timetable != s.Timetable || p.Paused && !s.Paused:
		p.Timetable, p.Since, p.Paused = s.Timetable, l.now, s.Paused
	case p.Paused != s.Paused:
		p.Paused = s.Paused
	default:
		return false
	}
	l.changed = true
	return fresh
}

// alert judges what one alert is to know of a sync that it covers.
func (l *looking) alert(a *Alert, s *Sync, runs []runlog.Run, fresh bool) {
	for _, t := range ofRuns {
		switch {
		case !a.Rules.has(t):
		case l.anew[a.Name] || fresh:
			l.judgeNewest(a, t, runs)
		default:
			l.judgeNew(a, t, runs, l.memory.Syncs[s.Name].Seen)
		}
	}
	if a.Rules.has(Overdue) && s.Schedule != nil {
		l.judgeOverdue(a, s)
	}
	if a.Rules.has(Slow) && s.Running != nil {
		l.judgeRunning(a, s)
	}
}

// project judges the project as a whole, after all syncs were.
func (l *looking) project() {
	for i := range l.Alerts {
		a := &l.Alerts[i]
		if a.Rules.has(Reload) {
			l.judgeReload(a)
		}
		if l.anew[a.Name] {
			l.memory.Alerts[a.Name], l.changed = a.Declared, true
		}
	}
}

// judgeNewest lets the newest run speak that has something to say: what changed before is not told any more.
func (l *looking) judgeNewest(a *Alert, t Trigger, runs []runlog.Run) {
	for n := len(runs); n > 0; n-- {
		if v := a.Rules.judge(t, runs[:n]); v != unknown {
			l.byRun(a, t, v, runs[:n])
			return
		}
	}
}

// judgeNew lets every run speak that ended after a time, so that no change between two looks is missed.
func (l *looking) judgeNew(a *Alert, t Trigger, runs []runlog.Run, after time.Time) {
	for n := range runs {
		if runs[n].FinishedAt.After(after) {
			l.byRun(a, t, a.Rules.judge(t, runs[:n+1]), runs[:n+1])
		}
	}
}

func (l *looking) byRun(a *Alert, t Trigger, v verdict, runs []runlog.Run) {
	run := &runs[len(runs)-1]
	l.change(a, t, run.Sync, v, func(n *Notice) {
		n.At, n.Run, n.Link = run.FinishedAt.UTC(), told(run), l.link("runs", run.ID)
		if v == firing {
			n.Summary = a.Rules.firingText(t, runs)
		} else {
			n.Summary = a.Rules.clearText(t, runs)
		}
	})
}

// judgeOverdue holds a sync to its schedule. After a start it is given one tick to catch up.
func (l *looking) judgeOverdue(a *Alert, s *Sync) {
	if s.Paused {
		return
	}
	since := l.memory.Syncs[s.Name].Since
	succeeded := s.LastSuccess.After(since)
	if succeeded {
		since = s.LastSuccess
	}
	v := unknown
	switch at := l.deadline(a, s, since); {
	case at.IsZero():
	case !l.now.Before(at):
		v = firing
	case succeeded:
		v = clear
	}
	l.change(a, Overdue, s.Name, v, func(n *Notice) {
		n.Link = l.link("syncs", s.Name)
		if v == firing {
			n.Summary = overdueText(s.Name, s.LastSuccess, since, a.Rules.Overdue)
		} else {
			n.At, n.Summary = s.LastSuccess.UTC(), s.Name+" is not overdue any more: a run came through."
		}
	})
}

// deadline is when a sync is overdue that succeeded last at a time; zero: never. It is found out once for each success.
func (l *looking) deadline(a *Alert, s *Sync, since time.Time) time.Time {
	key := deadlineKey{sync: s.Name, periods: a.Rules.Overdue}
	known := l.deadlines[key]
	if known.timetable != s.Timetable || !known.since.Equal(since) {
		known = deadline{timetable: s.Timetable, since: since, at: a.Rules.overdueAt(s, since)}
		if grace := s.Schedule.Next(l.started); !known.at.IsZero() && grace.After(known.at) {
			known.at = grace
		}
		l.deadlines[key] = known
	}
	return known.at
}

// deadlineKey and deadline are what deadline keeps: ticks take longer to find than to compare.
type (
	deadlineKey struct {
		sync    string
		periods int
	}
	deadline struct {
		timetable string
		since, at time.Time
	}
)

// judgeRunning finds out that a run takes long while it still does.
func (l *looking) judgeRunning(a *Alert, s *Sync) {
	lasts := l.now.Sub(s.Running.StartedAt)
	l.change(a, Slow, s.Name, fires(s.Running.State == runlog.Running && lasts > a.Rules.Slow), func(n *Notice) {
		n.Run, n.Link = told(s.Running), l.link("runs", s.Running.ID)
		n.Run.DurationMS = lasts.Milliseconds()
		n.Summary = "A run of " + s.Name + " has been going on for " + rounded(lasts) + "; " + rounded(a.Rules.Slow) + " is allowed."
	})
}

func (l *looking) judgeReload(a *Alert) {
	l.change(a, Reload, "", judged(l.Mistakes != nil), func(n *Notice) {
		n.Link = l.link("project", "")
		n.Summary = "The project on disk is the one that runs again."
		if l.Mistakes != nil {
			n.Summary = reloadText(l.Mistakes)
		}
	})
}

// longestQueue is how many notices of one mark wait. Beyond that a pair of them that cancel each other is dropped.
const longestQueue = 20

// change makes a notice where a verdict differs from the one before; describe completes it.
func (l *looking) change(a *Alert, t Trigger, sync string, v verdict, describe func(*Notice)) {
	m := l.memory.find(a.Name, t, sync)
	if v == unknown || (v == firing) == (m != nil && m.Firing) {
		return
	}
	if m == nil {
		m = l.memory.add(a.Name, t, sync)
	}
	n := Notice{ID: newID(l.now), Alert: a.Name, Project: l.Project, Trigger: t, State: Resolved, Sync: sync, At: l.now}
	if v == firing {
		n.State = Firing
	}
	describe(&n)
	m.Firing, m.Changed, l.changed = v == firing, n.At, true
	if len(m.Queue) >= longestQueue {
		m.Queue = slices.Delete(m.Queue, 1, 3) // not the first, which may have arrived without an answer
	}
	m.Queue = append(m.Queue, n)
}

// seen notes up to which end the runs of a sync were judged.
func (l *looking) seen(s *Sync, last time.Time) {
	if p := l.memory.Syncs[s.Name]; last.After(p.Seen) {
		p.Seen, l.judged = last, true
	}
}

// forget ends what nobody looks after any more: of an alert that is gone nothing can be told, and of anything else that
// is gone its end is.
func (l *looking) forget() {
	alerts, syncs := map[string]*Alert{}, map[string]*Sync{}
	for i := range l.Alerts {
		alerts[l.Alerts[i].Name] = &l.Alerts[i]
	}
	for i := range l.Syncs {
		syncs[l.Syncs[i].Name] = &l.Syncs[i]
	}
	for _, m := range l.memory.Marks {
		a, ok := alerts[m.Alert]
		if !ok || !m.Firing || watched(a, m, syncs[m.Sync]) {
			continue
		}
		l.change(a, m.Trigger, m.Sync, clear, func(n *Notice) {
			n.Summary = cmp.Or(m.Sync, "The project") + " is not watched for this any more (" + string(m.Trigger) + ")."
		})
	}
	l.memory.drop(func(m *mark) bool { return alerts[m.Alert] == nil || !m.Firing && len(m.Queue) == 0 })
	for name := range l.memory.Alerts {
		if alerts[name] == nil {
			delete(l.memory.Alerts, name)
			l.changed = true
		}
	}
	for name := range l.memory.Syncs {
		if syncs[name] == nil {
			delete(l.memory.Syncs, name)
			l.changed = true
		}
	}
	maps.DeleteFunc(l.deadlines, func(key deadlineKey, _ deadline) bool { return syncs[key.sync] == nil })
}

// watched reports whether an alert still looks after what a mark is about; s is nil where the sync is gone.
func watched(a *Alert, m *mark, s *Sync) bool {
	switch {
	case !a.Rules.has(m.Trigger):
		return false
	case m.Trigger == Reload:
		return true
	}
	return s != nil && a.Rules.covers(s.Name) && (m.Trigger != Overdue || s.Schedule != nil)
}

// link is the address of a page, or empty.
func (l *looking) link(page, name string) string {
	if l.URL == "" {
		return ""
	}
	address, err := url.JoinPath(l.URL, page, name)
	if err != nil {
		return "" // the project has checked the address
	}
	return address
}
