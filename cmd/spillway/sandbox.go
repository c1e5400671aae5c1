package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"

	"github.com/spf13/cobra"

	"spillway/destinations"
	"spillway/destinations/sandbox"
	"spillway/syncer/project"
)

func (a *app) sandboxCommand() *cobra.Command {
	var listen, dir, rate string
	cmd := &cobra.Command{
		Use: "sandbox", Short: "Run a stand-in CRM with a page that shows what arrived", Args: noArguments,
		Long: `Sandbox serves a CRM that keeps contacts, companies, deals and tickets on disk, with an API that enforces
identifiers, types and a rate limit, and a page that shows its records, the newest change first. Point a destination of
type "sandbox" at its address. In a project it shows what the project's own sandbox destination received.`,
		Example: "  spillway sandbox\n  spillway sandbox --listen 127.0.0.1:8800 --dir /tmp/crm",
		RunE: func(cmd *cobra.Command, _ []string) error {
			var limit destinations.Rate
			if err := limit.UnmarshalText([]byte(rate)); err != nil {
				return usageError{fmt.Errorf("--rate: %w", err)}
			}
			if err := loopback(listen); err != nil {
				return err
			}
			if dir == "" {
				dir = a.sandboxDir()
			}
			return a.serveSandbox(cmd.Context(), listen, sandbox.Options{Dir: dir, Rate: limit, Log: a.log})
		},
	}
	cmd.Flags().StringVar(&listen, "listen", "127.0.0.1:8810", "the loopback `address` to serve on; port 0 takes a free one")
	cmd.Flags().StringVar(&dir, "dir", "", "the `directory` in which the records are kept (default: the project's sandbox, else ./sandbox)")
	cmd.Flags().StringVar(&rate, "rate", "50/s", "how many requests are allowed, such as 50/s or 100/10s")
	return cmd
}

// loopback refuses an address that others could reach: the sandbox has no accounts.
func loopback(listen string) error {
	host, _, err := net.SplitHostPort(listen)
	if err != nil {
		return usageError{fmt.Errorf("--listen %s: %w", listen, err)}
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return usagef("--listen %s: the sandbox has no accounts and serves on this machine alone; use 127.0.0.1", listen)
	}
	return nil
}

// sandboxDir is where the project's sandbox destination keeps its records, if there is one.
func (a *app) sandboxDir() string {
	root := a.projectDir
	if root == "" {
		var err error
		if root, err = project.Find("."); err != nil {
			return "sandbox"
		}
	}
	p, problems := project.Load(root, kinds())
	if len(problems) > 0 {
		return "sandbox"
	}
	for _, name := range sortedNames(p.Destinations) {
		if p.Destinations[name].Kind.Name == "sandbox" {
			return filepath.Join(p.State.Dir, "destinations", name)
		}
	}
	return "sandbox"
}

func (a *app) serveSandbox(ctx context.Context, listen string, o sandbox.Options) (err error) {
	server, err := sandbox.NewServer(o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.Close()) }()
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", listen)
	if err != nil {
		return fmt.Errorf("serve the sandbox: %w", err)
	}
	if err := a.announce("http://"+listener.Addr().String(), o.Dir); err != nil {
		return errors.Join(err, listener.Close())
	}
	return server.Serve(ctx, listener)
}

// announce says where the sandbox is, once it can be reached.
func (a *app) announce(url, dir string) error {
	if a.json {
		return a.printJSON(map[string]any{"url": url, "dir": dir})
	}
	a.printf("The sandbox CRM is at %s and keeps its records in %s. Ctrl-C ends it.\n", url, dir)
	return nil
}
