package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"spillway/cmd/spillway/web/access"
	"spillway/cmd/spillway/web/audit"
	"spillway/syncer/project"
	"spillway/syncer/settings"
)

func (a *app) tokenCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "token", Short: "Make, list and revoke the tokens with which others may use the daemon",
		Long: `A token lets a program or a person use spillway serve: as Authorization: Bearer TOKEN, or to log in with a browser. It
has scopes: read looks at syncs, runs and rows; run starts, cancels and retries runs, pauses and resumes syncs; approve
lets a held plan go out. Run and approve include read. A running daemon heeds new and revoked tokens at once.`,
		Example: "  spillway token create --name airflow --scope run --expires 90d\n  spillway token list\n  spillway token revoke airflow",
		Args:    subcommand,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.tokenCreate(), a.tokenList(), a.tokenRevoke())
	return cmd
}

func (a *app) tokenCreate() *cobra.Command {
	var name, scope, expires string
	cmd := &cobra.Command{
		Use: "create", Short: "Make a token and show it, this once", Args: noArguments,
		Long: `Create prints a new token to stdout. It is not kept: only its SHA-256 is, in the state directory. Whoever loses it makes
another one.`,
		Example: "  spillway token create --name ops --scope read,run,approve\n  spillway token create --name grafana --scope read --expires 90d",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if name == "" || scope == "" {
				return usagef("a token has a name and a scope: spillway token create --name NAME --scope read,run")
			}
			scopes, err := access.ParseScopes(scope)
			if err != nil {
				return usageError{fmt.Errorf("--scope: %w", err)}
			}
			now := time.Now()
			end, err := expiry(now, expires)
			if err != nil {
				return err
			}
			p, err := a.loadState()
			if err != nil {
				return err
			}
			token, err := access.Open(p.State.Dir).Create(cmd.Context(), name, scopes, now, end)
			if err != nil {
				return err
			}
			if err := record(cmd.Context(), p, audit.Entry{Action: audit.Create, Detail: name}); err != nil {
				return err
			}
			if a.json {
				return a.printJSON(map[string]any{"name": name, "scopes": scopes, "token": token, "expires": orNone(end)})
			}
			a.printf("%s\n", token)
			a.note("It is shown this once. Send it as Authorization: Bearer TOKEN, or log in with it.")
			return nil
		},
	}
	cmd.Flags().StringVar(&name, "name", "", "what the token is called in lists and in the audit `log`")
	cmd.Flags().StringVar(&scope, "scope", "", "what it is for: read, run or approve, or several `scopes` with commas between them")
	cmd.Flags().StringVar(&expires, "expires", "", "after which `time` it ends, such as 90d (default: never)")
	return cmd
}

func expiry(now time.Time, after string) (time.Time, error) {
	if after == "" {
		return time.Time{}, nil
	}
	d, err := settings.ParseDuration(after)
	if err == nil && d == 0 {
		err = errors.New("it would have ended already")
	}
	if err != nil {
		return time.Time{}, usageError{fmt.Errorf("--expires %s: %w", after, err)}
	}
	return now.Add(d).UTC().Truncate(time.Second), nil
}

func orNone(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// loadState loads the project and makes its state directory where there is none.
func (a *app) loadState() (*project.Project, error) {
	p, err := a.load()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(p.State.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the state directory: %w", err)
	}
	return p, nil
}

// record enters what the user of this process did into the audit log.
func record(ctx context.Context, p *project.Project, e audit.Entry) error {
	e.By = processOwner()
	return audit.New(p.State.Dir, time.Now).Append(context.WithoutCancel(ctx), e)
}

func (a *app) tokenList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the tokens, without themselves", Args: noArguments,
		Example: "  spillway token list --json",
		RunE: func(*cobra.Command, []string) error {
			p, err := a.load()
			if err != nil {
				return err
			}
			tokens, err := access.Open(p.State.Dir).List()
			if err != nil {
				return err
			}
			if a.json {
				return a.printTokens(tokens)
			}
			a.renderTokens(tokens, time.Now())
			return nil
		},
	}
}

func (a *app) printTokens(tokens []access.Token) error {
	list := []map[string]any{}
	for i := range tokens {
		t := &tokens[i]
		list = append(list, map[string]any{
			"name": t.Name, "scopes": t.Scopes, "created": t.Created, "expires": t.Expires, "last_used": t.LastUsed,
		})
	}
	return a.printJSON(map[string]any{"tokens": list})
}

func (a *app) renderTokens(tokens []access.Token, now time.Time) {
	if len(tokens) == 0 {
		a.note("There are no tokens. Make one with: spillway token create --name NAME --scope read")
		return
	}
	date := func(t *time.Time, none string) string {
		if t == nil {
			return none
		}
		return t.UTC().Format(time.DateTime)
	}
	g := newGrid("Name", "Scopes", "Created (UTC)", "Expires (UTC)", "Last used (UTC)")
	for i := range tokens {
		t := &tokens[i]
		names := make([]string, len(t.Scopes))
		for n, scope := range t.Scopes {
			names[n] = scope.String()
		}
		expires := date(t.Expires, "never")
		if !t.Valid(now) {
			expires += " (expired)"
		}
		g.row(safe(t.Name), joined(names), date(&t.Created, ""), expires, date(t.LastUsed, "not yet"))
	}
	a.show(g)
}

func (a *app) tokenRevoke() *cobra.Command {
	return &cobra.Command{
		Use: "revoke NAME", Short: "End a token, and the sessions that were begun with it", Args: arguments("NAME"),
		Example: "  spillway token revoke airflow",
		RunE: func(cmd *cobra.Command, args []string) error {
			p, err := a.loadState()
			if err != nil {
				return err
			}
			if err := access.Open(p.State.Dir).Revoke(cmd.Context(), args[0]); err != nil {
				return err
			}
			if err := record(cmd.Context(), p, audit.Entry{Action: audit.Revoke, Detail: args[0]}); err != nil {
				return err
			}
			if a.json {
				return a.printJSON(map[string]any{"revoked": args[0]})
			}
			a.printf("The token %s is revoked.\n", safe(args[0]))
			return nil
		},
	}
}
