package main

import (
	"encoding/json"
	"errors"

	"github.com/spf13/cobra"

	"spillway/syncer"
	"spillway/syncer/project"
	"spillway/syncer/settings"
)

func (a *app) validateCommand() *cobra.Command {
	return &cobra.Command{
		Use: "validate", Short: "Check every file of the project, offline", Args: noArguments,
		Long: `Validate reads spillway.toml, models/*.sql and syncs/*.toml and reports everything that is wrong with them at once,
each with its file and line: unknown keys, wrong types, references to nothing, expressions, schedules and time zones,
literal secrets. It opens no connection and reads no secret.`,
		Example: "  spillway validate\n  spillway validate --json",
		RunE: func(*cobra.Command, []string) error {
			p, err := a.load()
			problems, ok := errors.AsType[project.Problems](err)
			if err != nil && !ok {
				return err
			}
			if err == nil {
				for _, m := range syncer.CheckOffline(p) {
					problems = append(problems, project.Located(m))
				}
				problems = problems.Sorted()
			}
			return a.showProblems(p, problems)
		},
	}
}

func (a *app) showProblems(p *project.Project, problems project.Problems) error {
	if a.json {
		list := problems
		if list == nil {
			list = project.Problems{}
		}
		if err := a.printJSON(map[string]any{"valid": len(problems) == 0, "problems": list}); err != nil {
			return err
		}
	} else {
		for _, one := range problems {
			a.printf("%s\n", one)
		}
	}
	switch {
	case len(problems) > 0:
		a.note("%s found.", plural(int64(len(problems)), "problem", "problems"))
		return outcome(exitConfig)
	case !a.json:
		a.printf("The project %s is valid: %s, %s, %s, %s.\n", p.Name,
			plural(int64(len(p.Syncs)), "sync", "syncs"), plural(int64(len(p.Models)), "model", "models"),
			plural(int64(len(p.Warehouses)), "warehouse", "warehouses"), plural(int64(len(p.Destinations)), "destination", "destinations"))
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
