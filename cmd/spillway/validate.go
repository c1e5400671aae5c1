package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"spillway/cmd/spillway/words"
	"spillway/syncer"
	"spillway/syncer/project"
	"spillway/syncer/settings"
)

func (a *app) validateCommand() *cobra.Command {
	var chosen selection
	online := false
	cmd := &cobra.Command{
		Use: "validate", Short: "Check every file of the project, offline or against the live systems", Args: noArguments,
		Long: `Validate reads spillway.toml, models/*.sql and syncs/*.toml and reports everything that is wrong with them at once,
each with its file and line: unknown keys, wrong types, references to nothing, expressions, schedules and time zones,
literal secrets. It opens no connection and reads no secret.

With --online it then asks the warehouses for the columns of the models and the destinations for their objects and
fields, and holds each sync to them: fields that the account does not have, values that a field does not take, required
fields that are not mapped, operations that cannot be done, columns that are missing. No row is read and no record sent.`,
		Example: `  spillway validate
  spillway validate --json
  spillway validate --online -s destination:hubspot`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !online && chosen.given() {
				return usagef("-s and --exclude choose the syncs that --online checks; the files are always checked as a whole")
			}
			p, err := a.load()
			problems, ok := errors.AsType[project.Problems](err)
			switch {
			case err != nil && !ok:
				return err
			case err != nil:
				if online {
					a.note("Nothing was asked online: the files come first.")
				}
				return a.showProblems(p, problems)
			case online:
				return a.validateOnline(cmd.Context(), p, &chosen)
			}
			for _, m := range syncer.CheckOffline(p) {
				problems = append(problems, project.Located(m))
			}
			return a.showProblems(p, problems.Sorted())
		},
	}
	cmd.Flags().BoolVar(&online, "online", false, "ask the warehouses and the destinations too")
	chosen.flags(a, cmd)
	return cmd
}

func (a *app) validateOnline(ctx context.Context, p *project.Project, chosen *selection) error {
	syncs, err := chosen.of(a, p)
	if err != nil {
		return err
	}
	var found syncer.Inspection
	err = a.withReader(ctx, p, func(e *syncer.Engine) error {
		found = e.Inspect(ctx, syncs)
		return context.Cause(ctx)
	})
	if err != nil {
		return err
	}
	return a.showInspection(syncs, found)
}

// unchecked is a system that could not be asked, as the JSON of validate --online shows it.
type unchecked struct {
	Kind  string   `json:"kind"` // warehouse or destination
	Name  string   `json:"name"`
	Syncs []string `json:"syncs"`
	Code  string   `json:"code"`
	Error string   `json:"error"`
}

// showInspection prints what was found. What is wrong with the project comes before systems that could not be asked,
// and refused credentials before what may pass by itself.
func (a *app) showInspection(syncs []*project.Sync, found syncer.Inspection) error {
	code := exitDone
	silent := []unchecked{}
	for _, s := range found.Silent {
		if c := codeOf(s.Err); code != exitFailed {
			code = c
		}
		silent = append(silent, unchecked{s.Kind, s.Name, s.Syncs, errorCode(s.Err), s.Err.Error()})
	}
	if len(found.Problems) > 0 {
		code = exitConfig
	}
	if err := a.listProblems(found.Problems, map[string]any{"valid": code == exitDone, "unchecked": silent}); err != nil {
		return err
	}
	for _, s := range found.Silent {
		a.complain(fmt.Errorf("%s %s could not be asked about %s: %w", s.Kind, s.Name, joined(s.Syncs), s.Err))
	}
	if code != exitDone {
		return outcome(code)
	}
	if !a.json {
		a.printf("Nothing is wrong with %s, here and at the systems they name.\n", words.Plural(int64(len(syncs)), "sync", "syncs"))
	}
	return nil
}

func (a *app) showProblems(p *project.Project, problems project.Problems) error {
	if err := a.listProblems(problems, map[string]any{"valid": len(problems) == 0}); err != nil {
		return err
	}
	switch {
	case len(problems) > 0:
		return outcome(exitConfig)
	case !a.json:
		a.printf("The project %s is valid: %s, %s, %s, %s.\n", p.Name,
			words.Plural(int64(len(p.Syncs)), "sync", "syncs"), words.Plural(int64(len(p.Models)), "model", "models"),
			words.Plural(int64(len(p.Warehouses)), "warehouse", "warehouses"), words.Plural(int64(len(p.Destinations)), "destination", "destinations"))
	}
	return nil
}

// listProblems prints problems, with --json as a part of document.
func (a *app) listProblems(problems project.Problems, document map[string]any) error {
	if a.json {
		if problems == nil {
			problems = project.Problems{}
		}
		document["problems"] = problems
		if err := a.printJSON(document); err != nil {
			return err
		}
	} else {
		for _, one := range problems {
			a.printf("%s\n", safeLines(one.String()))
		}
	}
	if len(problems) > 0 {
		a.note("%s found.", words.Plural(int64(len(problems)), "problem", "problems"))
	}
	return nil
}

func (a *app) schemaCommand() *cobra.Command {
	return &cobra.Command{
		Use: "schema [project|sync]", Short: "Print the JSON Schema (draft-04) of the project's files",
		Long: `The schema is made from the same declarations as the decoder, so that editors complete and check what spillway
reads. Without an argument it accepts either kind of file.`,
		Example: "  spillway schema sync > .schema/sync.json\n  spillway schema project > .schema/project.json",
		Args:    arguments("[project|sync]"), ValidArgs: []string{"project", "sync"},
		RunE: func(_ *cobra.Command, args []string) error {
			schema := kinds().Schema()
			switch {
			case len(args) == 0:
			case args[0] == "project":
				schema = kinds().ProjectSchema()
			case args[0] == "sync":
				schema = kinds().SyncSchema()
			default:
				return usagef("there is no schema of %q%s", args[0], settings.Hint(args[0], []string{"project", "sync"}))
			}
			text, err := json.MarshalIndent(schema, "", "  ")
			if err != nil {
				return err
			}
			a.printf("%s\n", text)
			return nil
		},
	}
}
