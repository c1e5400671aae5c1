package main

import (
	"errors"

	"github.com/spf13/cobra"

	"spillway/syncer/runlog"
)

func (a *app) runCommand() *cobra.Command {
	var chosen selection
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Run syncs now, wait, and report",
		Long: `Run reads the models, sends what changed, and waits for the answers. Syncs run one after the other. The exit
code is 0 when everything sent was accepted, 3 when some rows were rejected or deferred, 4 when a guard held a run, 5
when trying again later may help, and 1 when a run failed. While spillway serve runs the project, it is what carries the
runs out.`,
		Example: `  spillway run
  spillway run -s contacts
  spillway run -s destination:hubspot --exclude tag:slow --json`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			p, err := a.load()
			if err != nil {
				return err
			}
			syncs, err := chosen.of(a, p)
			if err != nil {
				return err
			}
			runs := []runlog.Run{}
			err = a.withWorker(cmd.Context(), p, "run", func(w worker) error {
				for _, s := range syncs {
					run, err := w.Run(cmd.Context(), s)
					if err != nil {
						return err
					}
					runs = append(runs, run)
					a.progressDone()
					if !a.json {
						a.renderRun(&run, false)
					}
					if cmd.Context().Err() != nil {
						break
					}
				}
				return nil //nolint:nilerr // a run that was interrupted says so itself
			})
			if a.json && (err == nil || len(runs) > 0) {
				err = errors.Join(err, a.printJSON(map[string]any{"runs": runs}))
			}
			if err != nil {
				return err
			}
			return codeOfRuns(runs)
		},
	}
	chosen.flags(a, cmd)
	return cmd
}
