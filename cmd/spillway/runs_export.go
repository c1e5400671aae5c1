package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"spillway/cmd/spillway/words"
	"spillway/syncer"
	"spillway/syncer/project"
	"spillway/syncer/runlog"
	"spillway/syncer/runlog/export"
	"spillway/syncer/settings"
)

// exporting are the flags of runs export.
type exporting struct {
	export.Options
	since  string
	output string
}

// stdout as --output names it.
const stdout = "-"

func (a *app) runsExport() *cobra.Command {
	var x exporting
	cmd := &cobra.Command{
		Use: "export", Short: "Write the run log to a file, for a spreadsheet or another program", Args: noArguments,
		Long: `Export writes the runs that are over, oldest first, or what became of their rows: with --what problems the rows that
were not accepted, with rows all that the log keeps, with errors the problems of each run grouped by cause. JSON lines
have the keys of runs list --json and runs rows --json. In CSV a text that a spreadsheet would take for a formula is
preceded by an apostrophe. A file takes the place of an older one only when it is complete; its mode is 0600, for it holds
keys of people, and never the values of a row. The reasons are the destination's own words: they may quote a value.`,
		Example: `  spillway runs export --output runs.csv
  spillway runs export --what problems --since 7d --format parquet --output problems.parquet
  spillway runs export --what rows --sync contacts --since 2026-11-01 | gzip > rows.jsonl.gz`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := a.checkExport(cmd, &x); err != nil {
				return err
			}
			p, err := a.load()
			if err != nil {
				return err
			}
			return a.withReader(cmd.Context(), p, func(e *syncer.Engine) error { return a.export(cmd.Context(), p, e.Runs(), x) })
		},
	}
	flags := cmd.Flags()
	flags.StringVar((*string)(&x.What), "what", string(export.Runs), "which `table`: runs, rows, problems or errors")
	flags.StringVar((*string)(&x.Format), "format", "", "jsonl, csv or parquet (default: by the name of --output, else jsonl)")
	flags.StringVar(&x.Sync, "sync", "", "of this `sync`")
	flags.StringVar(&x.since, "since", "", "of runs begun since then: a `time` such as 7d, 36h, 2026-11-01 or 2026-11-01T12:00:00Z")
	flags.StringVarP(&x.output, "output", "o", stdout, "the `file` to write; - is stdout")
	for flag, values := range map[string][]string{"what": tablesOfLog, "format": formatsOfExport} {
		_ = cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp)) // it fails for a flag that there is not
	}
	_ = cmd.RegisterFlagCompletionFunc("sync", a.completes(syncNames))
	return cmd
}

var (
	tablesOfLog     = []string{string(export.Runs), string(export.Rows), string(export.Problems), string(export.Errors)}
	formatsOfExport = []string{string(export.JSONL), string(export.CSV), string(export.Parquet)}
)

// checkExport refuses flags that do not go together, and completes the others.
func (a *app) checkExport(cmd *cobra.Command, x *exporting) (err error) {
	if x.What == "" {
		return usagef("--what is empty%s", settings.Hint("", tablesOfLog))
	}
	if err := oneOf("what", x.What, export.Runs, export.Rows, export.Problems, export.Errors); err != nil {
		return err
	}
	if err := oneOf("format", x.Format, export.JSONL, export.CSV, export.Parquet); err != nil {
		return err
	}
	switch named := export.Format(strings.TrimPrefix(filepath.Ext(x.output), ".")); named {
	case export.CSV, export.Parquet:
		x.Format = cmp.Or(x.Format, named)
	default:
		x.Format = cmp.Or(x.Format, export.JSONL)
	}
	if cmd.Flags().Changed("since") {
		if x.Since, err = parseSince(x.since, time.Now()); err != nil {
			return err
		}
	}
	switch {
	case x.output == "":
		return usagef("--output is empty: give the name of a file, or - for stdout")
	case x.output != stdout:
		if x.output, err = filepath.Abs(x.output); err != nil { // the working directory will be the project's
			return fmt.Errorf("find the working directory: %w", err)
		}
	case a.json:
		return usagef("--json prints one document about an export to a file: give --output, or --format jsonl alone")
	case x.Format == export.Parquet && terminal(a.out.file):
		return usagef("Parquet is nothing to look at on a terminal: give --output, or another --format")
	}
	return nil
}

// parseSince reads a length of time before now, a day in UTC, or a time.
func parseSince(text string, now time.Time) (time.Time, error) {
	if ago, err := settings.ParseDuration(text); err == nil {
		return now.Add(-ago), nil
	}
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if at, err := time.Parse(layout, text); err == nil {
			return at, nil
		}
	}
	return time.Time{}, usagef("--since %s is no time: write 7d or 36h for so long ago, 2026-11-01 for a day in UTC, or 2026-11-01T12:00:00Z", text)
}

func (a *app) export(ctx context.Context, p *project.Project, l *runlog.Log, x exporting) error {
	if err := a.knownToLog(ctx, p, l, x.Sync); err != nil {
		return err
	}
	var n int64
	write := func(w io.Writer) (err error) {
		n, err = export.Write(ctx, l, w, x.Options)
		return err
	}
	if x.output == stdout {
		err := write(streamed{a.out})
		if errors.Is(err, syscall.EPIPE) { // the reader has seen what it wanted
			return nil
		}
		return err
	}
	if err := writeFile(x.output, write); err != nil {
		return err
	}
	if a.json {
		return a.printJSON(map[string]any{"what": x.What, "format": x.Format, "output": x.output, "records": n})
	}
	a.note("%s written to %s.", words.Plural(n, "record", "records"), safe(x.output))
	return nil
}

// knownToLog refuses the name of a sync of which there is nothing, and that the project does not have.
func (a *app) knownToLog(ctx context.Context, p *project.Project, l *runlog.Log, sync string) error {
	if sync == "" {
		return nil
	}
	if l != nil {
		runs, err := l.Runs(ctx, runlog.Filter{Sync: sync, Limit: 1, Brief: true})
		if err != nil || len(runs) > 0 {
			return err
		}
	}
	_, err := a.sync(p, sync)
	return err
}

// streamed is stdout for what ends with its first failure: nobody reads the rest.
type streamed struct{ *output }

func (s streamed) Write(p []byte) (int, error) {
	_, _ = s.output.Write(p) // it keeps its failure
	return len(p), s.err
}
