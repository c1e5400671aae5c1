package main

import (
	"errors"
	"strconv"

	"github.com/spf13/cobra"

	"spillway/syncer"
	"spillway/syncer/project"
	"spillway/syncer/runlog"
)

// listedRuns and listedRows are how many a list shows unless it is asked for more or fewer.
const (
	listedRuns = 20
	listedRows = 100
)

func (a *app) runsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "runs", Short: "Look into the run log: what ran, what did not arrive, and why",
		Long: `Without a further command, runs lists the newest of them. A run is named by its id, by the beginning of it, or by the
word last.`,
		Example: `  spillway runs
  spillway runs list --sync contacts --state partial
  spillway runs errors last
  spillway runs rows last --outcome rejected
  spillway runs export --since 7d --output runs.csv
  spillway runs cancel last
  spillway runs approve 01JD`,
		Args: subcommand,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.listRuns(cmd, runlog.Filter{Limit: listedRuns}) },
	}
	cmd.AddCommand(a.runsList(), a.runsShow(), a.runsRows(), a.runsErrors(), a.runsLogs(), a.runsExport(), a.runsCancel(), a.runsApprove())
	return cmd
}

// withRun finds a run of the project's run log and works with it.
func (a *app) withRun(cmd *cobra.Command, id string, work func(*runlog.Log, *runlog.Run) error) error {
	p, err := a.load()
	if err != nil {
		return err
	}
	return a.withReader(cmd.Context(), p, func(e *syncer.Engine) error {
		if e.Runs() == nil {
			return errors.New("nothing has run yet; start with: spillway run")
		}
		run, err := e.Runs().Run(cmd.Context(), id)
		if err != nil {
			return err
		}
		return work(e.Runs(), &run)
	})
}

func (a *app) listRuns(cmd *cobra.Command, f runlog.Filter) error {
	if f.Limit < 1 {
		return usagef("--limit %d: it is at least 1", f.Limit)
	}
	p, err := a.load()
	if err != nil {
		return err
	}
	runs := []runlog.Run{}
	err = a.withReader(cmd.Context(), p, func(e *syncer.Engine) error {
		if e.Runs() == nil {
			return nil
		}
		runs, err = e.Runs().Runs(cmd.Context(), f)
		return err
	})
	if err != nil {
		return err
	}
	if len(runs) == 0 && f.Sync != "" { // the runs of a sync outlive it, so that its name is wrong only without any
		if _, err := a.sync(p, f.Sync); err != nil {
			return err
		}
	}
	if a.json {
		return a.printJSON(map[string]any{"runs": runs})
	}
	a.renderRuns(runs)
	if len(runs) == f.Limit {
		a.note("There may be more: --before %s", runs[len(runs)-1].ID)
	}
	return nil
}

func (a *app) runsList() *cobra.Command {
	var f runlog.Filter
	cmd := &cobra.Command{
		Use: "list", Short: "List runs, newest first", Args: noArguments,
		Example: "  spillway runs list --sync contacts --state partial\n  spillway runs list --limit 100 --json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			err := oneOf("state", f.State, runlog.Queued, runlog.Running, runlog.Succeeded, runlog.Partial, runlog.Held,
				runlog.Failed, runlog.Cancelled, runlog.Skipped)
			if err != nil {
				return err
			}
			return a.listRuns(cmd, f)
		},
	}
	cmd.Flags().StringVar(&f.Sync, "sync", "", "of this `sync`")
	cmd.Flags().StringVar((*string)(&f.State), "state", "", "in this `state`: succeeded, partial, held, failed, cancelled, skipped, running or queued")
	cmd.Flags().IntVar(&f.Limit, "limit", listedRuns, "at most so many")
	cmd.Flags().StringVar(&f.Before, "before", "", "only runs before the one of this `id`, for the next page")
	_ = cmd.RegisterFlagCompletionFunc("sync", a.completes(syncNames)) // it fails for a flag that there is not
	return cmd
}

func (a *app) runsShow() *cobra.Command {
	return &cobra.Command{
		Use: "show RUN", Short: "Show one run", Args: arguments("RUN"),
		Example: "  spillway runs show last\n  spillway runs show 01JD --json",
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withRun(cmd, args[0], func(_ *runlog.Log, run *runlog.Run) error {
				if a.json {
					return a.printJSON(map[string]any{"runs": []*runlog.Run{run}})
				}
				a.renderRun(run, true)
				return nil
			})
		},
	}
}

func (a *app) runsRows() *cobra.Command {
	var f runlog.RowFilter
	cmd := &cobra.Command{
		Use: "rows RUN", Short: "Show the rows of a run with what became of them", Args: arguments("RUN"),
		Long: `Rows lists what became of each row of a run that did not arrive, and why. Accepted rows are only counted, unless
[runlog] rows = "all". The reasons are the destination's own words: they may quote a value. With --json a row also has its
exchanges, the requests and answers that [runlog] samples keeps.`,
		Example: "  spillway runs rows last\n  spillway runs rows last --outcome rejected\n  spillway runs rows last --key 42",
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkRowFilter(f); err != nil {
				return err
			}
			return a.withRun(cmd, args[0], func(l *runlog.Log, run *runlog.Run) error {
				rows, next, err := l.Rows(cmd.Context(), run.ID, f)
				if err != nil {
					return err
				}
				if a.json {
					if err := l.AddExchanges(cmd.Context(), run.ID, rows); err != nil {
						return err
					}
					return a.printJSON(map[string]any{"rows": rows, "next": next})
				}
				a.renderRows(rows, next)
				return nil
			})
		},
	}
	cmd.Flags().StringVar((*string)(&f.Outcome), "outcome", "", "with this `outcome`: accepted, rejected, deferred, unknown, held, quarantined or invalid")
	cmd.Flags().StringVar(&f.Key, "key", "", "of this `key`")
	cmd.Flags().StringVar(&f.Code, "error", "", "with this error `code`")
	cmd.Flags().IntVar(&f.Limit, "limit", listedRows, "at most so many")
	cmd.Flags().StringVar(&f.Cursor, "cursor", "", "where the previous page ended")
	return cmd
}

func checkRowFilter(f runlog.RowFilter) error {
	if f.Limit < 1 {
		return usagef("--limit %d: it is at least 1", f.Limit)
	}
	if _, err := strconv.ParseUint(f.Cursor, 10, 63); err != nil && f.Cursor != "" {
		return usagef("--cursor %s is not one: it is what the previous page ended with", f.Cursor)
	}
	return oneOf("outcome", f.Outcome, runlog.RowAccepted, runlog.RowRejected, runlog.RowDeferred, runlog.RowUnknown,
		runlog.RowHeld, runlog.RowQuarantined, runlog.RowInvalid)
}

func (a *app) runsErrors() *cobra.Command {
	return &cobra.Command{
		Use: "errors RUN", Short: "Show the problems of a run, grouped by cause", Args: arguments("RUN"),
		Example: "  spillway runs errors last",
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withRun(cmd, args[0], func(_ *runlog.Log, run *runlog.Run) error {
				if a.json {
					return a.printJSON(map[string]any{"errors": run.Errors})
				}
				a.renderErrors(run)
				return nil
			})
		},
	}
}

func (a *app) runsLogs() *cobra.Command {
	return &cobra.Command{
		Use: "logs RUN", Short: "Show the log lines of a run", Args: arguments("RUN"),
		Example: "  spillway runs logs last",
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withRun(cmd, args[0], func(l *runlog.Log, run *runlog.Run) error {
				lines, err := l.Lines(cmd.Context(), run.ID)
				if err != nil {
					return err
				}
				if a.json {
					if lines == nil {
						lines = []runlog.Line{}
					}
					return a.printJSON(map[string]any{"lines": lines})
				}
				a.renderLines(lines)
				return nil
			})
		},
	}
}

func (a *app) runsApprove() *cobra.Command {
	return &cobra.Command{
		Use: "approve RUN", Short: "Apply exactly the plan that a guard held, now, and wait", Args: arguments("RUN"),
		Long: `Approve sends the plan of a held run as it was staged, nothing more and nothing less. It is refused after 24 hours,
and when the snapshot or the sync's configuration moved since.`,
		Example: "  spillway runs approve last\n  spillway runs approve 01JD",
		RunE: func(cmd *cobra.Command, args []string) error {
			p, err := a.load()
			if err != nil {
				return err
			}
			return a.approve(cmd, p, args[0])
		},
	}
}

func (a *app) approve(cmd *cobra.Command, p *project.Project, id string) error {
	var run runlog.Run
	err := a.withWorker(cmd.Context(), p, "runs approve", func(w worker) (err error) {
		run, err = w.Approve(cmd.Context(), id)
		return err
	})
	a.progressDone()
	if err != nil {
		return err
	}
	if err := a.showRun(&run); err != nil {
		return err
	}
	return codeOfRuns([]runlog.Run{run})
}

// showRun shows what became of a run.
func (a *app) showRun(run *runlog.Run) error {
	if a.json {
		return a.printJSON(map[string]any{"runs": []*runlog.Run{run}})
	}
	a.renderRun(run, false)
	return nil
}

func (a *app) runsCancel() *cobra.Command {
	return &cobra.Command{
		Use: "cancel RUN", Short: "End a run that the daemon carries out, and wait until it is over", Args: arguments("RUN"),
		Long: `Cancel ends a run of spillway serve that is queued or running. Requests in flight are waited for, the query at the
warehouse is cancelled, and what was not delivered is sent by the next run. A run of spillway run ends with Ctrl-C.`,
		Example: "  spillway runs cancel last\n  spillway runs cancel 01JD",
		RunE: func(cmd *cobra.Command, args []string) error {
			p, err := a.load()
			if err != nil {
				return err
			}
			var run runlog.Run
			err = a.withWorker(cmd.Context(), p, "runs cancel", func(w worker) (err error) {
				run, err = w.Cancel(cmd.Context(), args[0])
				return err
			})
			if err != nil {
				return err
			}
			return a.showRun(&run)
		},
	}
}
