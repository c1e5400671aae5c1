package project

import (
	"path"
	"slices"
	"strings"
	"time"

	"spillway/syncer/alert"
	"spillway/syncer/settings"
)

// Alert is an [alerts.NAME] of spillway.toml.
type Alert struct {
	Name   string
	Kind   alert.Definition
	Config any // what Kind.Config returned, filled
	Rules  alert.Rules
	At     string // where it is declared: "spillway.toml:20"

	// Declared is a sum over all that is written of it, references to secrets included.
	Declared string
}

// Notifier returns what gives the notices of an alert of p. It connects to nothing.
func (p *Project) Notifier(a Alert) (alert.Notifier, error) {
	return a.Kind.Notifier(a.Config, alert.Env{Root: p.Root})
}

// alertTable declares what alerts of every type have.
type alertTable struct {
	On       []alert.Trigger `toml:"on" default:"failed,rejected,held,overdue,reload" enum:"failed,rejected,held,overdue,slow,rows,reload" help:"What it tells of."`
	Syncs    []string        `toml:"syncs" help:"Which syncs it tells of: names, in which * stands for any text. By default all."`
	Failures int             `toml:"failures" default:"1" min:"1" max:"50" help:"failed: so many runs in a row."`
	Rejected Share           `toml:"rejected" default:"5%" help:"rejected: more than this of the operations that a run was to send."`
	Overdue  int             `toml:"overdue" default:"3" min:"2" max:"1000" help:"overdue: no success while so many ticks of the schedule passed."`
	Slow     time.Duration   `toml:"slow" default:"1h" min:"1s" help:"slow: a run takes longer than this."`
	Rows     Share           `toml:"rows" default:"50%" help:"rows: the model gives so many more or fewer rows than the median of earlier runs."`
	RowsRuns int             `toml:"rows_runs" default:"10" min:"1" max:"50" help:"rows: how many earlier runs that is the median of; only those count that came through."`
}

// thresholds are the settings that concern one trigger alone.
var thresholds = map[string]alert.Trigger{
	"failures": alert.Failed, "rejected": alert.Rejected, "overdue": alert.Overdue, "slow": alert.Slow, "rows": alert.Rows, "rows_runs": alert.Rows,
}

func (t *alertTable) rules() alert.Rules {
	return alert.Rules{
		On: t.On, Syncs: t.Syncs, Failures: t.Failures, Rejected: t.Rejected, Overdue: t.Overdue, Slow: t.Slow, Rows: t.Rows, RowsRuns: t.RowsRuns,
	}
}

// settingNames are the keys of the settings that v declares.
func settingNames(v any) []string {
	var names []string
	for _, s := range settings.Describe(v) {
		names = append(names, s.Name)
	}
	return names
}

func (l *loader) loadAlerts(t *settings.Table) {
	l.project.Alerts = map[string]Alert{}
	kinds := map[string]alert.Definition{}
	for _, k := range l.kinds.Alerts {
		kinds[k.Name] = k
	}
	for _, e := range t.Entries() {
		before := len(l.problems)
		kind, config, ok := configured(l, e, kinds, alert.Definition.Config, settingNames(alertTable{})...)
		if !ok {
			continue
		}
		table, _ := e.Value.(*settings.Table) // configured has seen that it is one
		var common alertTable
		options := l.options
		options.Ignore = append(settingNames(config), typeKey)
		l.refuse(settings.Decode(table, &common, options)...)
		l.checkThresholds(table, common.On)
		a := Alert{Name: e.Name, Kind: kind, Config: config, Rules: common.rules(), At: at(e), Declared: declaration(e)}
		if len(l.problems) == before {
			if _, err := (&Project{Root: l.project.Root}).Notifier(a); err != nil {
				l.refuse(e.Problem("%s", err))
			}
		}
		l.project.Alerts[e.Name] = a
	}
	l.alerts = t
}

// checkThresholds refuses settings of a trigger that the alert does not tell of: whoever wrote them believes that it does.
func (l *loader) checkThresholds(t *settings.Table, on []alert.Trigger) {
	if e, ok := t.Get("on"); ok && len(on) == 0 {
		l.refuse(e.Problem("must not be empty"))
		return
	}
	for _, e := range t.Entries() {
		if trigger, ok := thresholds[e.Name]; ok && !slices.Contains(on, trigger) {
			l.refuse(e.Problem("has no effect: on does not have %q", trigger))
		}
	}
}

// checkAlertSyncs refuses patterns that are none, and names of no sync.
func (l *loader) checkAlertSyncs(syncs []string) {
	for _, e := range l.alerts.Entries() {
		table, ok := e.Value.(*settings.Table)
		if !ok {
			continue
		}
		at, _ := table.Get("syncs")
		for _, pattern := range l.project.Alerts[e.Name].Rules.Syncs {
			_, err := path.Match(pattern, "")
			switch {
			case err != nil:
				l.refuse(at.Problem("%q is no pattern: a name, in which * stands for any text", pattern))
			case !strings.ContainsAny(pattern, `*?[\`) && !slices.Contains(syncs, pattern):
				l.refuse(at.Problem("there is no sync %q%s", pattern, settings.Hint(pattern, syncs)))
			}
		}
	}
}
