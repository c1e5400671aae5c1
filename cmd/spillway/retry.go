package main

import (
	"errors"

	"github.com/spf13/cobra"

	"spillway/cmd/spillway/words"
	"spillway/syncer/project"
)

// withSync loads the project, finds its sync called name, asks, and runs work with what may write to the state directory.
func (a *app) withSync(cmd *cobra.Command, name string, ask func(*project.Sync) error, work func(worker, *project.Sync) error) error {
	p, err := a.load()
	if err != nil {
		return err
	}
	s, err := a.sync(p, name)
	if err != nil {
		return err
	}
	if err := ask(s); err != nil {
		return err
	}
	return a.withWorker(cmd.Context(), p, cmd.Name(), func(w worker) error { return work(w, s) })
}

func (a *app) retryCommand() *cobra.Command {
	var keys []string
	var code string
	cmd := &cobra.Command{
		Use: "retry SYNC", Short: "Put rejected and quarantined rows back in line", Args: arguments("SYNC"),
		Long: `Retry forgets that rows were rejected, so that the next run sends them with their current values, those in
quarantine included. Without --key and --error it takes all rejected rows of the sync. While spillway serve runs the
project, it starts that run at once.`,
		Example: "  spillway retry contacts\n  spillway retry contacts --key 42 --key 43\n  spillway retry contacts --error invalid_email",
		RunE: func(cmd *cobra.Command, args []string) error {
			p, err := a.load()
			if err != nil {
				return err
			}
			s, err := a.sync(p, args[0])
			if err != nil {
				return err
			}
			var n int
			var run string
			err = a.withWorker(cmd.Context(), p, "retry", func(w worker) (err error) {
				n, run, err = w.Retry(cmd.Context(), s, keys, code)
				return err
			})
			if err != nil {
				return err
			}
			if a.json {
				return a.printJSON(map[string]any{"sync": s.Name, "released": n})
			}
			a.renderRetry(s, n, run)
			return nil
		},
	}
	cmd.ValidArgsFunction = a.completes(syncNames)
	cmd.Flags().StringArrayVar(&keys, "key", nil, "only this `key`; may be repeated")
	cmd.Flags().StringVar(&code, "error", "", "only rows that were last rejected with this `code`")
	return cmd
}

// renderRetry says how many rows are back in line, and when they are sent: run is empty where nothing was started.
func (a *app) renderRetry(s *project.Sync, n int, run string) {
	who, it, next := "1 row of "+s.Name+" is", "it", "spillway run -s "+s.Name
	switch {
	case n == 0:
		a.printf("No rejected row of %s matches.\n", s.Name)
		return
	case n > 1:
		who, it = words.Count(int64(n))+" rows of "+s.Name+" are", "them"
	}
	if run == "" {
		a.printf("%s back in line; the next run sends %s: %s\n", who, it, next)
		return
	}
	a.printf("%s back in line; the daemon sends %s now: spillway runs show %s\n", who, it, run)
}

func (a *app) resetCommand() *cobra.Command {
	var resend, adopt, yes bool
	cmd := &cobra.Command{
		Use: "reset SYNC", Short: "Forget the snapshot of a sync: send all again, or take the source as delivered", Args: arguments("SYNC"),
		Long: `Reset makes spillway forget what the destination accepted. With --resend, the next run sends every row again.
With --adopt, the rows that the model gives now are taken as delivered, and nothing is sent until they change. Rows that
are gone from the source are forgotten either way: spillway will not remove their records any more. While spillway serve
runs the project, it is what does this, unless a run of the sync goes on.`,
		Example: "  spillway reset contacts --resend\n  spillway reset contacts --adopt --yes",
		RunE: func(cmd *cobra.Command, args []string) error {
			if resend == adopt {
				return usagef("say which: --resend sends every row again, --adopt takes what the model gives now as delivered")
			}
			ask := func(s *project.Sync) error {
				if adopt {
					return a.confirm(cmd.Context(), yes, "Take all rows of "+s.Name+" as delivered?")
				}
				return a.confirm(cmd.Context(), yes, "Forget what "+s.Name+" delivered, so that the next run sends all of it again?")
			}
			return a.withSync(cmd, args[0], ask, func(w worker, s *project.Sync) error {
				adopted, invalid, err := w.Reset(cmd.Context(), s, adopt)
				a.progressDone()
				if err != nil {
					return err
				}
				return a.showReset(s, adopt, adopted, invalid)
			})
		},
	}
	cmd.ValidArgsFunction = a.completes(syncNames)
	cmd.Flags().BoolVar(&resend, "resend", false, "the next run sends every row again")
	cmd.Flags().BoolVar(&adopt, "adopt", false, "take what the model gives now as delivered")
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return cmd
}

func (a *app) showReset(s *project.Sync, adopt bool, adopted, invalid int64) error {
	switch {
	case !adopt && a.json:
		return a.printJSON(map[string]any{"sync": s.Name, "reset": "resend"})
	case !adopt:
		a.printf("The snapshot of %s is forgotten; the next run sends every row: spillway plan -s %s\n", s.Name, s.Name)
		return nil
	case a.json:
		return a.printJSON(map[string]any{"sync": s.Name, "reset": "adopt", "adopted": adopted, "invalid": invalid})
	}
	a.printf("%s of %s taken as delivered; %s.\n", words.Plural(adopted, "row", "rows"), s.Name, notTaken(invalid))
	return nil
}

func notTaken(invalid int64) string {
	if invalid == 0 {
		return "none is invalid"
	}
	return words.Plural(invalid, "is invalid and was left out", "are invalid and were left out")
}

func (a *app) forgetCommand() *cobra.Command {
	var key string
	var yes bool
	cmd := &cobra.Command{
		Use: "forget SYNC", Short: "Erase one person from the snapshot, the plans and the run log", Args: arguments("SYNC"),
		Long: `Forget erases every trace of one key of a sync from the state directory. It does not touch the destination, and if
the key is still in the source, the next run delivers it as new: remove it there first. While spillway serve runs the
project, it is what does this, unless a run of the sync goes on.`,
		Example: "  spillway forget contacts --key 42",
		RunE: func(cmd *cobra.Command, args []string) error {
			if key == "" {
				return usagef("which key? spillway forget %s --key KEY", args[0])
			}
			ask := func(s *project.Sync) error {
				return a.confirm(cmd.Context(), yes, "Erase this key of "+s.Name+" from the state directory?")
			}
			return a.withSync(cmd, args[0], ask, func(w worker, s *project.Sync) error {
				found, err := w.Forget(cmd.Context(), s, key)
				if err != nil {
					return err
				}
				if a.json {
					err = a.printJSON(map[string]any{"sync": s.Name, "found": found})
				} else if found {
					a.printf("Every trace of the key is erased from %s.\n", s.Name)
				}
				if err == nil && !found {
					err = errors.New("nothing is known of this key; a composite key is written as a JSON array, such as [\"a\",\"b\"]")
				}
				return err
			})
		},
	}
	cmd.ValidArgsFunction = a.completes(syncNames)
	cmd.Flags().StringVar(&key, "key", "", "the model's primary `key`, as the run log shows it")
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return cmd
}
