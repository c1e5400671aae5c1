package main

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"spillway/cmd/spillway/words"
	"spillway/syncer/alert"
	"spillway/syncer/project"
	"spillway/syncer/settings"
)

func (a *app) alertsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "alerts", Short: "Look at the alerts of the project, and try them",
		Long: `Alerts are whom spillway serve tells when a sync needs somebody: [alerts.NAME] in spillway.toml. It gives one notice when
something goes wrong and one when it is well again.`,
		Example: "  spillway alerts list\n  spillway alerts test ops",
		Args:    subcommand,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.alertsList(), a.alertsTest())
	return cmd
}

func alertNames(p *project.Project) []string { return sortedNames(p.Alerts) }

// testTime is how long a service may take to answer a test.
const testTime = 45 * time.Second

func (a *app) alertsTest() *cobra.Command {
	return &cobra.Command{
		Use: "test NAME", Short: "Give a test notice to the service of an alert, and say what it answered", Args: arguments("NAME"),
		Long: `Test gives one notice that says that it is a test, and says what the service answered. With PagerDuty it opens an
incident of severity info and resolves it. It exits 1 where the service refused it, and 5 where it cannot be reached.`,
		Example: "  spillway alerts test ops\n  spillway alerts test ops --json", ValidArgsFunction: a.completes(alertNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			p, err := a.load()
			if err != nil {
				return err
			}
			one, ok := p.Alerts[args[0]]
			if !ok {
				return usagef("the project has no alert %q%s", args[0], settings.Hint(args[0], alertNames(p)))
			}
			n, err := p.Notifier(one)
			if err != nil {
				return configError{err}
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), testTime)
			defer cancel()
			return a.tryAlert(ctx, p, one, n)
		},
	}
}

// trial is what became of a test notice.
type trial struct {
	Alert  string `json:"alert"`
	Type   string `json:"type"`
	OK     bool   `json:"ok"`
	Answer string `json:"answer"`
	Error  string `json:"error"`
	TookMS int64  `json:"took_ms"`
}

func (a *app) tryAlert(ctx context.Context, p *project.Project, one project.Alert, n alert.Notifier) error {
	started := time.Now()
	answer, err := n.Notify(ctx, alert.Test(p.Name, one.Name, p.Serve.URL, started))
	t := trial{Alert: one.Name, Type: one.Kind.Name, OK: err == nil, Answer: answer, TookMS: time.Since(started).Milliseconds()}
	code := exitDone
	if err != nil {
		t.Error, code = err.Error(), codeOfTrial(err)
	}
	if a.json {
		if err := a.printJSON(t); err != nil {
			return err
		}
	} else if err == nil {
		a.printf("The test notice of %s (%s) was taken after %s. The service answered: %s\n", t.Alert, t.Type, words.Took(t.TookMS), safe(answer))
	}
	if err != nil {
		if !a.json {
			a.printf("The test notice of %s (%s) was not taken: %s\n", t.Alert, t.Type, safeLines(t.Error))
		}
		return outcome(code)
	}
	return nil
}

func codeOfTrial(err error) int {
	if errors.Is(err, alert.ErrUnreachable) || errors.Is(err, context.DeadlineExceeded) {
		return exitTemporary
	}
	return codeOf(err)
}

func (a *app) alertsList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the alerts, what they tell of now and what waits to be told", Args: noArguments,
		Example: "  spillway alerts list --json",
		RunE: func(*cobra.Command, []string) error {
			p, err := a.load()
			if err != nil {
				return err
			}
			all, err := alertsOf(p)
			if err != nil {
				return configError{err}
			}
			statuses, err := alert.Kept(p.State.Dir, all)
			if err != nil {
				return err
			}
			if a.json {
				return a.printJSON(map[string]any{"alerts": statuses})
			}
			a.renderAlerts(p, statuses)
			return nil
		},
	}
}

func (a *app) renderAlerts(p *project.Project, statuses []alert.Status) {
	if len(statuses) == 0 {
		a.note("The project has no alerts: declare one as [alerts.NAME] in %s.", project.FileName)
		return
	}
	g := newGrid("Alert", "Type", "Tells of", "Syncs", "Now", "Waiting")
	for i := range statuses {
		s := &statuses[i]
		rules := p.Alerts[s.Name].Rules
		triggers := make([]string, len(rules.On))
		for n, t := range rules.On {
			triggers[n] = string(t)
		}
		syncs := joined(rules.Syncs)
		if syncs == "" {
			syncs = "all"
		}
		now := "well"
		if n := len(s.Firing); n > 0 {
			now = words.Plural(int64(n), "thing wrong", "things wrong")
		}
		g.row(s.Name, s.Type, joined(triggers), syncs, now, words.Plural(int64(s.Waiting), "notice", "notices"))
	}
	a.show(g)
	for i := range statuses {
		for _, c := range statuses[i].Firing {
			about := string(c.Trigger)
			if c.Sync != "" {
				about = c.Sync + " " + about
			}
			a.printf("%s: %s since %s\n", statuses[i].Name, about, c.Since.UTC().Format("2006-01-02 15:04 UTC"))
		}
		if e := statuses[i].Error; e != "" {
			a.printf("%s: not delivered: %s\n", statuses[i].Name, safe(e))
		}
	}
}
