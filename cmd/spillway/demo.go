package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"spillway/destinations"
	"spillway/destinations/sandbox"
	"spillway/syncer/project"
)

func (a *app) demoCommand() *cobra.Command {
	var exit bool
	cmd := &cobra.Command{
		Use: "demo", Short: "See the whole of it on embedded data, in a temporary directory", Args: noArguments,
		Long: `Demo writes the project that init writes into a temporary directory, starts the sandbox CRM on a free port, and
takes a sync through its life: a first run, a row that the CRM rejects and why, edits in the source, a plan, a second
run that sends only those, a third run that sends nothing, and the run log. It then serves the project as spillway serve
does, and leaves its pages and the CRM's up until Ctrl-C, and removes the directory.`,
		Example: "  spillway demo\n  spillway demo --exit",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if a.json {
				return usagef("the demo is for people: it has no --json")
			}
			dir, err := os.MkdirTemp("", "spillway-demo-")
			if err != nil {
				return fmt.Errorf("make a directory for the demo: %w", err)
			}
			a.quiet = a.quiet || !terminal(a.errout) // piped, progress would not come between the lines it belongs to
			d := &demo{app: a, dir: dir, exit: exit}
			return errors.Join(d.show(cmd.Context()), os.RemoveAll(dir))
		},
	}
	cmd.Flags().BoolVar(&exit, "exit", false, "end when the demo is over, instead of leaving the pages up")
	return cmd
}

// demo is one showing.
type demo struct {
	app  *app
	dir  string
	exit bool
	page string
	step int
}

func (d *demo) show(ctx context.Context) (err error) {
	if _, err := scaffold(d.dir); err != nil {
		return err
	}
	server, err := sandbox.NewServer(sandbox.Options{
		Dir: filepath.Join(d.dir, "crm"), Rate: destinations.Rate{Requests: demoRate, Per: time.Second}, Log: d.app.log,
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.Close()) }()
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("serve the sandbox: %w", err)
	}
	serving, stop := context.WithCancel(ctx)
	served := make(chan error, 1)
	go func() { served <- server.Serve(serving, listener) }()
	defer func() {
		stop()
		err = errors.Join(err, <-served)
	}()
	d.page = "http://" + listener.Addr().String()
	if err := d.pointAt(d.page); err != nil {
		return err
	}
	if err := d.tell(ctx); err != nil {
		return err
	}
	return d.leaveUp(ctx)
}

const demoRate = 100 // requests a second that the demo's CRM allows

// pointAt makes the project deliver to the running sandbox.
func (d *demo) pointAt(url string) error {
	file := filepath.Join(d.dir, project.FileName)
	content, err := os.ReadFile(file)
	if err == nil {
		err = os.WriteFile(file, append(content, fmt.Sprintf("url  = %q\nrate = \"%d/s\"\n", url, demoRate)...), 0o644)
	}
	if err != nil {
		return fmt.Errorf("point the demo at its CRM: %w", err)
	}
	return nil
}

// leaveUp serves the project, and keeps the CRM's page, until a signal ends the demo, which is then complete.
func (d *demo) leaveUp(ctx context.Context) error {
	if !d.exit {
		if err := d.serve(ctx); err != nil {
			return err
		}
	}
	d.app.printf("\nThat is all of it. Start a project of your own with: spillway init my-project\n")
	return nil
}

// serve runs the project's daemon on a free port.
func (d *demo) serve(ctx context.Context) error {
	p, problems := project.Load(d.dir, kinds())
	if err := problems.Err(); err != nil {
		return err
	}
	s, err := d.app.newService(p, "127.0.0.1:0", false)
	if err != nil {
		return err
	}
	d.app.printf("\nThe CRM's page stays up at %s until you press Ctrl-C, and so do the pages of what you have seen.\n", d.page)
	return s.serve(ctx)
}
