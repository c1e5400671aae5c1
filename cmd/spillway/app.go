package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"

	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/spf13/cobra"

	"spillway/cmd/spillway/notify"
	"spillway/cmd/spillway/telemetry"
	destinationsall "spillway/destinations/all"
	"spillway/diffstore"
	"spillway/diffstore/snapshot"
	"spillway/syncer"
	"spillway/syncer/project"
	warehouseall "spillway/warehouse/all"
)

// app is one invocation: where it reads and writes, and the global flags.
type app struct {
	in, errout *os.File
	out        *output

	projectDir string
	json       bool
	logLevel   string
	logFormat  string
	noColor    bool
	quiet      bool

	log     *slog.Logger
	traces  *telemetry.Traces // nil: no collector is named, or nothing ran
	live    *liveProgress     // on a terminal, once something was shown
	printed bool              // the one document of --json
	usage   string            // how to learn the use of the command that was given
}

// The forms of what is logged.
const (
	formatText = "text"
	formatJSON = "json"
)

func newApp(in, out, errout *os.File) *app {
	return &app{in: in, out: &output{file: out}, errout: errout, log: slog.New(slog.DiscardHandler)}
}

// execute carries out a command line.
func (a *app) execute(ctx context.Context, args []string) error {
	root := a.root()
	root.SetArgs(args)
	root.SetIn(a.in)
	root.SetOut(a.out)
	root.SetErr(a.errout)
	started := false
	root.PersistentPreRunE = func(*cobra.Command, []string) error {
		if err := a.prepare(); err != nil {
			return err
		}
		started = true
		return nil
	}
	cmd, err := root.ExecuteContextC(syncer.WithParent(ctx, os.Getenv(traceparentVariable)))
	a.traces.Close(traceTime)
	a.usage = cmd.CommandPath() + " --help"
	if err != nil && !started {
		return usageError{err}
	}
	if err == nil {
		err = a.out.failure()
	}
	return err
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "spillway",
		Short: "Send the rows that changed in your warehouse to the services where people work with them",
		Long: `Spillway runs SQL models against a warehouse, compares the result with what each destination last accepted,
and sends only the rows that changed, through declared field mappings, into CRM, e-mail and support APIs.`,
		Example: `  spillway demo                 see it work on embedded data
  spillway init crm             start a project of your own
  spillway plan -s contacts     what a run would send
  spillway run -s contacts      run it now`,
		Version:       release,
		SilenceErrors: true, SilenceUsage: true,
		Args: subcommand,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetVersionTemplate("spillway {{.Version}}\n")
	root.SetFlagErrorFunc(flagError)
	root.CompletionOptions.DisableDefaultCmd = true
	a.globalFlags(root)
	for _, g := range []struct {
		id, title string
		commands  []*cobra.Command
	}{
		{"start", "To begin:", []*cobra.Command{a.initCommand(), a.demoCommand(), a.sandboxCommand()}},
		{"work", "To check and to deliver:", []*cobra.Command{a.validateCommand(), a.doctorCommand(), a.planCommand(), a.runCommand(), a.serveCommand()}},
		{"look", "To look at what there is:", []*cobra.Command{a.runsCommand(), a.whyCommand(), a.stateCommand(), a.modelsCommand(), a.destinationsCommand(), a.alertsCommand()}},
		{"mend", "To mend:", []*cobra.Command{a.retryCommand(), a.resetCommand(), a.forgetCommand()}},
		{"other", "Besides:", []*cobra.Command{a.tokenCommand(), a.auditCommand(), a.schemaCommand(), a.completionCommand(), a.versionCommand()}},
	} {
		root.AddGroup(&cobra.Group{ID: g.id, Title: g.title})
		for _, c := range g.commands {
			c.GroupID = g.id
			root.AddCommand(c)
		}
	}
	root.SetHelpCommand(helpCommand())
	root.SetHelpCommandGroupID("other")
	return root
}

func (a *app) globalFlags(root *cobra.Command) {
	f := root.PersistentFlags()
	f.StringVar(&a.projectDir, "project", "", "the project's `directory` (default: the nearest parent that holds spillway.toml)")
	f.BoolVar(&a.json, "json", false, "print one JSON document")
	f.StringVar(&a.logLevel, "log-level", "warn", "debug, info, warn or error")
	f.StringVar(&a.logFormat, "log-format", formatText, "text or json")
	f.BoolVar(&a.noColor, "no-color", false, "no colours (also by the variable NO_COLOR)")
	f.BoolVarP(&a.quiet, "quiet", "q", false, "no progress on stderr")
}

// prepare applies the global flags.
func (a *app) prepare() error {
	var level slog.Level
	if err := level.UnmarshalText([]byte(a.logLevel)); err != nil {
		return fmt.Errorf("--log-level %s: it is debug, info, warn or error", a.logLevel)
	}
	options := &slog.HandlerOptions{Level: level}
	switch a.logFormat {
	case formatText:
		a.log = slog.New(slog.NewTextHandler(logWriter{a}, options))
	case formatJSON:
		a.log = slog.New(slog.NewJSONHandler(logWriter{a}, options))
	default:
		return fmt.Errorf("--log-format %s: it is text or json", a.logFormat)
	}
	if a.noColor || os.Getenv("NO_COLOR") != "" || !terminal(a.out.file) {
		text.DisableColors()
	} else {
		text.EnableColors()
	}
	return nil
}

// report shows why a command failed: on stderr in the form of the log, and with --json as a document on stdout, unless
// one was printed already.
func (a *app) report(err error) {
	code := errorCode(err)
	if a.json && !a.printed {
		document := map[string]any{"error": map[string]string{"code": code, "message": err.Error()}}
		if problems, ok := errors.AsType[project.Problems](err); ok {
			document["problems"] = problems
		}
		_ = a.printJSON(document) // stderr tells it too
	}
	if a.logFormat == formatJSON {
		a.log.Error("command failed", "code", code, "error", err.Error())
		return
	}
	a.complain(err)
	if _, ok := errors.AsType[usageError](err); ok {
		fmt.Fprintf(a.errout, "See: %s\n", a.usage)
	}
}

// complain writes an error for people to stderr.
func (a *app) complain(err error) {
	message := safeLines(err.Error())
	if problems, ok := errors.AsType[project.Problems](err); ok && len(problems) > 1 {
		message = fmt.Sprintf("the project has %d problems:\n%s", len(problems), message)
	}
	fmt.Fprintf(a.errout, "spillway: %s\n", indentMore(message))
}

func errorCode(err error) string {
	switch codeOf(err) {
	case exitUsage:
		return "usage"
	case exitConfig:
		return syncer.CodeConfig
	}
	if errors.Is(err, syncer.ErrLocked) {
		return syncer.CodeBusy
	}
	if refusal, ok := errors.AsType[*remoteError](err); ok {
		return refusal.Code
	}
	return syncer.FailureCode(err)
}

func kinds() project.Kinds {
	return project.Kinds{Warehouses: warehouseall.Definitions(), Destinations: destinationsall.Definitions(), Alerts: notify.Definitions()}
}

// load finds and reads the project.
func (a *app) load() (*project.Project, error) {
	return a.loadWith(func(root string) (*project.Project, project.Problems) { return project.Load(root, kinds()) })
}

// loadWith is load with a way to read the files.
func (a *app) loadWith(read func(root string) (*project.Project, project.Problems)) (*project.Project, error) {
	root := a.projectDir
	if root == "" {
		here, err := os.Getwd()
		if err != nil {
			return nil, fmt.Errorf("find the working directory: %w", err)
		}
		if root, err = project.Find(here); err != nil {
			return nil, err
		}
	}
	p, problems := read(root)
	if err := problems.Err(); err != nil {
		return nil, err
	}
	return p, enter(p)
}

// enter makes the project's directory the working directory, where relative file names in SQL start: DuckDB looks there
// before it looks anywhere else.
func enter(p *project.Project) error {
	if err := os.Chdir(p.Root); err != nil {
		return fmt.Errorf("enter the project's directory: %w", err)
	}
	return nil
}

func (a *app) engineOptions(command string) syncer.Options {
	return syncer.Options{
		Log: a.log, Observer: a.observer(), Command: "spillway " + command,
		OpenStore: openStore,
	}
}

func openStore(s syncer.StoreSettings) (diffstore.Store, error) {
	options := []snapshot.Option{snapshot.WithMemory(s.Memory)}
	if s.EncryptionKey != nil {
		options = append(options, snapshot.WithEncryption(s.EncryptionKey))
	}
	return snapshot.Open(s.Dir, s.Log, options...)
}

// withEngine runs work with an engine that holds the state directory.
func (a *app) withEngine(ctx context.Context, p *project.Project, command string, work func(*syncer.Engine) error) (err error) {
	options := a.engineOptions(command)
	options.Tracer = a.tracer()
	e, err := syncer.Open(ctx, p, options)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, e.Close()) }()
	return work(e)
}

// withReader runs work with an engine that only reads.
func (a *app) withReader(ctx context.Context, p *project.Project, work func(*syncer.Engine) error) (err error) {
	e, err := syncer.OpenReadOnly(ctx, p, a.engineOptions("reader"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, e.Close()) }()
	return work(e)
}

// selection are the flags that choose syncs.
type selection struct{ selectors, exclude []string }

func (s *selection) flags(a *app, cmd *cobra.Command) {
	cmd.Flags().StringArrayVarP(&s.selectors, "select", "s", nil,
		"which `syncs`: a name, tag:NAME, destination:NAME, warehouse:NAME or model:NAME; may be repeated (default: all)")
	cmd.Flags().StringArrayVar(&s.exclude, "exclude", nil, "which `syncs` not, in the same words")
	for _, flag := range []string{"select", "exclude"} {
		_ = cmd.RegisterFlagCompletionFunc(flag, a.completes(selectorNames)) // it fails for a flag that there is not
	}
}

func (s *selection) given() bool { return len(s.selectors)+len(s.exclude) > 0 }

// of returns the syncs that were chosen. Where there is none, a note says why.
func (s *selection) of(a *app, p *project.Project) ([]*project.Sync, error) {
	syncs, err := p.Select(s.selectors, s.exclude)
	switch {
	case err != nil:
		return nil, usageError{err}
	case len(p.Syncs) == 0:
		a.note("The project has no syncs yet: write one under syncs/.")
	case len(syncs) == 0:
		a.note("No sync is selected.")
	}
	return syncs, nil
}

// sync returns the one sync of this name.
func (a *app) sync(p *project.Project, name string) (*project.Sync, error) {
	if s, ok := p.Sync(name); ok {
		return s, nil
	}
	_, err := p.Select([]string{name}, nil)
	if err == nil {
		err = fmt.Errorf("%q is no sync's name", name)
	}
	return nil, usageError{err}
}

// confirm asks on a terminal, and goes ahead without one.
func (a *app) confirm(ctx context.Context, yes bool, question string) error {
	if yes || !terminal(a.in) {
		return nil
	}
	fmt.Fprintf(a.errout, "%s [y/N] ", question)
	answers := make(chan string, 1)
	go func() {
		answer, _ := bufio.NewReader(a.in).ReadString('\n') // whatever ends the input, what was typed before is the answer
		answers <- answer
	}()
	select {
	case <-ctx.Done():
		fmt.Fprintln(a.errout)
		return context.Cause(ctx)
	case answer := <-answers:
		switch strings.ToLower(strings.TrimSpace(answer)) {
		case "y", "yes":
			return nil
		}
		return errors.New("nothing was done")
	}
}
