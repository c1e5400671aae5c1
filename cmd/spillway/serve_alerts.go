package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"spillway/syncer/alert"
	"spillway/syncer/daemon"
	"spillway/syncer/project"
	"spillway/syncer/runlog"
	"spillway/syncer/schedule"
)

// openAlerts reads how the alerts stood before.
func (s *serving) openAlerts() (err error) {
	s.alerts, err = alert.Open(alert.Options{
		Dir: s.project.State.Dir, Source: &alertSource{daemon: s.daemon}, Log: s.app.log, Now: time.Now, Told: s.notices.Told,
	})
	if err == nil {
		s.notices.Of(s.alerts.Statuses)
	}
	return err
}

// concernsAlerts reports whether what happened may be something to be told of.
func concernsAlerts(e daemon.Event) bool {
	return e.Reloaded != nil || e.Paused != nil || e.Run != nil && e.Run.State.Terminal()
}

// alertSource is the daemon as alerts look at it.
type alertSource struct {
	daemon *daemon.Daemon

	mu     sync.Mutex
	known  *project.Project // that the others are made from
	alerts []alert.Alert
	times  map[string]timetable // by sync
}

// timetable is the schedule of a sync, read once.
type timetable struct {
	schedule *schedule.Schedule
	text     string
}

// View returns how the project and its syncs stand.
func (a *alertSource) View(ctx context.Context) (alert.View, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	p := a.daemon.Project()
	if err := a.take(p); err != nil {
		return alert.View{}, err
	}
	v := alert.View{Project: p.Name, URL: p.Serve.URL, Alerts: a.alerts}
	if len(a.alerts) == 0 {
		return v, nil
	}
	statuses, err := a.daemon.Syncs(ctx)
	if err != nil {
		return alert.View{}, err
	}
	for i := range statuses {
		v.Syncs = append(v.Syncs, a.stands(&statuses[i]))
	}
	if problems := a.daemon.Reloaded().Problems; len(problems) > 0 {
		v.Mistakes = &alert.Mistakes{Count: len(problems), First: problems[0].String()}
	}
	return v, nil
}

// stands is how one sync stands.
func (a *alertSource) stands(status *daemon.SyncStatus) alert.Sync {
	at := a.times[status.Sync.Name]
	one := alert.Sync{
		Name: status.Sync.Name, Schedule: at.schedule, Timetable: at.text, Paused: status.Paused, Running: status.Running, LastSuccess: status.LastSuccess,
	}
	if status.Last != nil && status.Last.FinishedAt != nil {
		one.LastEnd = *status.Last.FinishedAt
	}
	return one
}

// take makes what the project declares into what alerts work with, once for each reading of it; mu is held.
func (a *alertSource) take(p *project.Project) error {
	if a.known == p {
		return nil
	}
	alerts, err := alertsOf(p)
	if err != nil {
		return err
	}
	times := map[string]timetable{}
	for _, s := range p.Syncs {
		if s.Schedule == "" || len(alerts) == 0 {
			continue
		}
		parsed, err := schedule.Parse(s.Schedule, s.Timezone)
		if err != nil {
			return fmt.Errorf("sync %s: %w", s.Name, err)
		}
		times[s.Name] = timetable{schedule: parsed, text: s.Schedule + " in " + s.Timezone.String()}
	}
	a.known, a.alerts, a.times = p, alerts, times
	return nil
}

// Runs returns the newest runs of a sync.
func (a *alertSource) Runs(ctx context.Context, sync string, most int) ([]runlog.Run, error) {
	return a.daemon.Runs().Runs(ctx, runlog.Filter{Sync: sync, Limit: most, Brief: true})
}

// alertsOf are the alerts of a project, by name.
func alertsOf(p *project.Project) ([]alert.Alert, error) {
	list := make([]alert.Alert, 0, len(p.Alerts))
	for _, name := range sortedNames(p.Alerts) {
		one := p.Alerts[name]
		n, err := p.Notifier(one)
		if err != nil {
			return nil, fmt.Errorf("alert %s: %w", name, err)
		}
		list = append(list, alert.Alert{Name: name, Type: one.Kind.Name, Rules: one.Rules, Declared: one.Declared, Notifier: n})
	}
	return list, nil
}
