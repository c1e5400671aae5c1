package main

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/spf13/cobra"

	"spillway/cmd/spillway/inquiry"
	"spillway/syncer"
	"spillway/syncer/runlog"
)

// inquiredRows is how many rows why shows.
const inquiredRows = 50

// account is what why found of one row of a sync.
type account struct {
	Sync    string           `json:"sync"`
	Key     string           `json:"key"`
	Verdict string           `json:"verdict"`
	Whose   string           `json:"whose"` // side; empty where there is no problem
	Do      string           `json:"do"`
	Known   *syncer.KnownRow `json:"known"` // by the snapshot
	Runs    []sighting       `json:"runs"`  // what they made of it, newest first
}

// sighting is what one run made of a row.
type sighting struct {
	Run string `json:"run"`
	runlog.Row
}

func (a *app) whyCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "why [SYNC] KEY", Short: "Tell why a row did or did not arrive, and what to do",
		Long: `Why tells what became of one row: whether the destination has it, what the last run that had a problem with it says, on
whose side that is, and what to do. Without a sync it looks through all of them. KEY is the model's key, or the identifier
of a row that has a problem now; a composite key is written as a JSON array, such as ["a","b"]. It only reads, and may run
beside anything else.`,
		Example: "  spillway why contacts 42\n  spillway why ada@example.com\n  spillway why 42 --json",
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
			syncs := syncNames(p)
			if len(args) == 2 {
				s, err := a.sync(p, args[0])
				if err != nil {
					return err
				}
				syncs = []string{s.Name}
			}
			var rows []inquiry.Row
			err = a.withReader(cmd.Context(), p, func(e *syncer.Engine) error {
				if e.Runs() == nil {
					return errors.New("nothing has run yet; start with: spillway run")
				}
				rows, err = inquirer(e).Find(cmd.Context(), syncs, args[len(args)-1], inquiredRows)
				return err
			})
			if err != nil {
				return err
			}
			return a.showInquiries(rows)
		},
	}
	cmd.ValidArgsFunction = a.completes(syncNames)
	return cmd
}

// inquirer asks the snapshots and the run log of a project that is only read.
func inquirer(e *syncer.Engine) inquiry.Source {
	return inquiry.Source{
		Runs: e.Runs(), Known: e.Row,
		Last: func(ctx context.Context, sync string) (*runlog.Run, error) {
			last, _, err := e.Runs().Newest(ctx, sync)
			return last, err
		},
	}
}

func (a *app) showInquiries(rows []inquiry.Row) error {
	if a.json {
		answers := make([]account, len(rows))
		for i, r := range rows {
			side := r.Side()
			answers[i] = account{r.Sync, r.Key, r.Verdict(), side.Whose, side.Do, r.Known, make([]sighting, len(r.Sightings))}
			for n, seen := range r.Sightings {
				answers[i].Runs[n] = sighting(seen)
			}
		}
		if err := a.printJSON(map[string]any{"rows": answers}); err != nil {
			return err
		}
	} else {
		for i, r := range rows {
			if i > 0 {
				a.printf("\n")
			}
			a.renderInquiry(r)
		}
	}
	if len(rows) == 0 {
		return errors.New("no sync knows a row with this key, and no row with this identifier has a problem; a composite key is written as a JSON array, such as [\"a\",\"b\"]")
	}
	return nil
}

func (a *app) renderInquiry(r inquiry.Row) {
	a.printf("%s   key %s\n", text.Bold.Sprint(r.Sync), safe(r.Key))
	a.printf("  %s\n", hanging(safeLines(r.Verdict())))
	line := func(label, text string) { a.printf("  %-14s%s\n", label, hanging(safeLines(text))) }
	if side := r.Side(); side.Do != "" {
		line("Whose side", side.Whose)
		line("What to do", side.Do)
	}
	if r.Retryable() {
		line("In line again", "spillway retry "+r.Sync+" --key "+shellWord(r.Key))
	}
	if r.Known != nil && r.Known.Accepted && len(r.Known.Identifiers) > 0 {
		line("Delivered", "as "+r.Known.Identifiers[len(r.Known.Identifiers)-1])
	}
	for _, seen := range r.Sightings {
		line("Run", seen.Run+" at "+seen.LastSeen.Format(time.DateTime)+" UTC: "+strings.TrimSpace(string(seen.Outcome)+" "+seen.Code+" "+seen.Reason))
	}
}
