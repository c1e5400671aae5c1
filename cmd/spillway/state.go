package main

import (
	"errors"

	"github.com/spf13/cobra"

	"spillway/syncer"
	"spillway/syncer/project"
)

func (a *app) stateCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "state", Short: "Look into the snapshots: whether they are whole, and what is known of one row",
		Long: `The snapshots hold, for each row that was delivered, what the destination last accepted. These commands only read, and
may run beside anything else.`,
		Example: "  spillway state verify\n  spillway state show contacts 42",
		Args:    subcommand,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.stateVerify(), a.stateShow())
	return cmd
}

// verified is what state verify found of one snapshot.
type verified struct {
	Sync  string `json:"sync"`
	OK    bool   `json:"ok"`
	Keys  int64  `json:"keys"`
	Error string `json:"error"`

	err error
}

func (a *app) stateVerify() *cobra.Command {
	var chosen selection
	cmd := &cobra.Command{
		Use: "verify", Short: "Read every byte of the snapshots, and say which file and which part of it is damaged",
		Long: `Verify reads every generation and journal of the snapshots, those kept for safety too, and compares them with their
checksums and with each other. What is damaged is named by its file and its place there, and the exit code is 1. Without
-s it takes whatever is in the state directory, snapshots of syncs that the project has no more included.`,
		Example: "  spillway state verify\n  spillway state verify -s contacts --json",
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			p, err := a.load()
			if err != nil {
				return err
			}
			syncs, err := chosen.of(a, p)
			if err != nil {
				return err
			}
			found := []verified{}
			err = a.withReader(cmd.Context(), p, func(e *syncer.Engine) error {
				names := make([]string, len(syncs))
				for i, s := range syncs {
					names[i] = s.Name
				}
				if len(chosen.selectors)+len(chosen.exclude) == 0 {
					if names, err = e.Snapshots().Syncs(cmd.Context()); err != nil {
						return err
					}
				}
				for _, name := range names {
					v := verified{Sync: name, err: e.Snapshots().Verify(cmd.Context(), name)}
					if v.err == nil {
						v.Keys, v.err = e.Size(cmd.Context(), name)
					}
					if cmd.Context().Err() != nil {
						return cmd.Context().Err()
					}
					if v.OK = v.err == nil; !v.OK {
						v.Error = v.err.Error()
					}
					found = append(found, v)
				}
				return nil
			})
			if err != nil {
				return err
			}
			return a.showVerified(p, found)
		},
	}
	chosen.flags(a, cmd)
	return cmd
}

func (a *app) stateShow() *cobra.Command {
	cmd := &cobra.Command{
		Use: "show [SYNC] KEY", Short: "Tell what is known of one row",
		Long: `Show tells what the snapshot holds of one row: whether a record of it was accepted, under which identifiers, whether
anything about it is in doubt, and what was rejected. Without a sync it looks through all of them. A composite key is
written as a JSON array, such as ["a","b"].`,
		Example: "  spillway state show contacts 42\n  spillway state show 42 --json",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				return nil
			}
			return arguments("SYNC", "KEY")(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			p, err := a.load()
			if err != nil {
				return err
			}
			syncs, key := p.Syncs, args[len(args)-1]
			if len(args) == 2 {
				s, err := a.sync(p, args[0])
				if err != nil {
					return err
				}
				syncs = []*project.Sync{s}
			}
			rows := []syncer.KnownRow{}
			err = a.withReader(cmd.Context(), p, func(e *syncer.Engine) error {
				for _, s := range syncs {
					row, err := e.Row(cmd.Context(), s.Name, key)
					if err != nil {
						return err
					}
					if row != nil {
						rows = append(rows, *row)
					}
				}
				return nil
			})
			if err != nil {
				return err
			}
			if err := a.showKnown(rows); err != nil || len(rows) > 0 {
				return err
			}
			return errors.New("nothing is known of this key; a composite key is written as a JSON array, such as [\"a\",\"b\"]")
		},
	}
	cmd.ValidArgsFunction = a.completes(syncNames)
	return cmd
}
