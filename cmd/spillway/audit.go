package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"spillway/cmd/spillway/web/audit"
	"spillway/cmd/spillway/words"
	"spillway/syncer/settings"
)

func (a *app) auditCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "audit", Short: "Look into the audit log: who did what, and whether the log is as it was written",
		Long: `The audit log in the state directory holds who started and stopped the daemon, asked for runs, approved, cancelled and
retried them, paused syncs, logged in, made tokens, and reset or forgot something. These commands only read, and may run
beside anything else.`,
		Example: "  spillway audit list --action run.approve --since 30d\n  spillway audit verify",
		Args:    subcommand,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.auditList(), a.auditVerify())
	return cmd
}

// auditLog is the audit log of the project.
func (a *app) auditLog() (*audit.Log, error) {
	p, err := a.load()
	if err != nil {
		return nil, err
	}
	return audit.New(p.State.Dir, time.Now), nil
}

// listedEntries is how many entries a list shows unless it is asked for more or fewer.
const listedEntries = 50

// entryFilter chooses entries of the audit log. What is empty chooses all.
type entryFilter struct {
	action        audit.Action
	by, sync, run string
	refused       bool
	from          time.Time
}

func (f *entryFilter) takes(e *audit.Entry) bool {
	return (f.action == "" || e.Action == f.action) && (f.by == "" || e.By == f.by) && (f.sync == "" || e.Sync == f.sync) &&
		(f.run == "" || strings.HasPrefix(e.Run, strings.ToUpper(f.run))) && (!f.refused || e.Refused != "") && !e.At.Before(f.from)
}

func (a *app) auditList() *cobra.Command {
	var f entryFilter
	var since string
	var limit int
	cmd := &cobra.Command{
		Use: "list", Short: "List who did what, newest first", Args: noArguments,
		Long:    `List shows the entries of the audit log. Where its chain is broken, it shows what can be read, and says so.`,
		Example: "  spillway audit list --sync contacts --since 7d\n  spillway audit list --refused --json",
		RunE: func(*cobra.Command, []string) error {
			if err := oneOf("action", f.action, audit.Actions()...); err != nil {
				return err
			}
			if limit < 1 {
				return usagef("--limit %d: it is at least 1", limit)
			}
			if since != "" {
				age, err := settings.ParseDuration(since)
				if err != nil {
					return usageError{fmt.Errorf("--since %s: %w", since, err)}
				}
				f.from = time.Now().Add(-age)
			}
			return a.listEntries(&f, limit)
		},
	}
	cmd.Flags().StringVar((*string)(&f.action), "action", "", "only this `action`, such as run.approve")
	cmd.Flags().StringVar(&f.by, "by", "", "only what was done by this `name`: a token's, a user's, cli or local")
	cmd.Flags().StringVar(&f.sync, "sync", "", "only what concerns this `sync`")
	cmd.Flags().StringVar(&f.run, "run", "", "only what concerns the run with this `id`, or the beginning of it")
	cmd.Flags().BoolVar(&f.refused, "refused", false, "only what was refused")
	cmd.Flags().StringVar(&since, "since", "", "only the last so long, such as 7d or 12h; a length of `time`")
	cmd.Flags().IntVar(&limit, "limit", listedEntries, "at most so many")
	_ = cmd.RegisterFlagCompletionFunc("sync", a.completes(syncNames)) // it fails for a flag that there is not
	return cmd
}

// listEntries shows the newest entries that a filter takes.
func (a *app) listEntries(f *entryFilter, limit int) error {
	log, err := a.auditLog()
	if err != nil {
		return err
	}
	list, more := []audit.Entry{}, false
	_, err = log.Read(func(e audit.Entry) {
		if !f.takes(&e) {
			return
		}
		if list = append(list, e); len(list) >= 2*limit { // of a long log no more is kept
			list, more = slices.Delete(list, 0, len(list)-limit), true
		}
	})
	if err != nil && !errors.Is(err, audit.ErrBroken) {
		return err
	}
	if len(list) > limit {
		list, more = list[len(list)-limit:], true
	}
	slices.Reverse(list)
	if a.json {
		if err := a.printJSON(map[string]any{"entries": list}); err != nil {
			return err
		}
	} else {
		a.renderEntries(list)
		if more {
			a.note("There are more: --limit %d", 2*limit)
		}
	}
	if err != nil {
		a.complain(err)
	}
	return nil
}

func (a *app) renderEntries(list []audit.Entry) {
	if len(list) == 0 {
		a.note("The audit log has no such entries.")
		return
	}
	g := newGrid("Entry", "At (UTC)", "Action", "By", "From", "Sync", "Run", "Detail", "Refused")
	for i := range list {
		e := &list[i]
		g.row(e.Seq, e.At.UTC().Format(time.DateTime), safe(string(e.Action)), safe(e.By), safe(e.From), safe(e.Sync), safe(e.Run), safe(e.Detail), safe(e.Refused))
	}
	a.show(g.number(1).wrap(4, 20).wrap(6, 24).wrap(8, 36))
}

func (a *app) auditVerify() *cobra.Command {
	var hash string
	cmd := &cobra.Command{
		Use: "verify", Short: "Prove that the audit log is as it was written, or name the first line that is not", Args: noArguments,
		Long: `Verify reads the whole audit log and compares each entry with its hash and with the entry before it. Where an entry was
changed, removed, added or moved, it names the first line that gives it away, and the exit code is 1. It shows the newest
hash: keep it in another place, and have it looked for with --hash, to find out that the end of the log was cut off.`,
		Example: "  spillway audit verify\n  spillway audit verify --hash 9f86d081884c7d65… --json",
		RunE: func(*cobra.Command, []string) error {
			log, err := a.auditLog()
			if err != nil {
				return err
			}
			var newest audit.Entry
			found := hash == ""
			n, err := log.Read(func(e audit.Entry) { newest, found = e, found || e.Hash == hash })
			if err == nil && !found {
				err = fmt.Errorf("%w: no entry has the hash %s: the end of the log was cut off, or all of it replaced", audit.ErrBroken, hash)
			}
			return a.showChain(n, newest.Hash, err)
		},
	}
	cmd.Flags().StringVar(&hash, "hash", "", "an entry with this `hash` must be there")
	return cmd
}

// showChain shows what became of the verification of a log with n entries, or one that is broken at line n.
func (a *app) showChain(n int64, newest string, err error) error {
	if err != nil && !errors.Is(err, audit.ErrBroken) {
		return err
	}
	if !a.json {
		if err == nil {
			a.printf("The audit log is as it was written: %s.\n", words.Plural(n, "entry", "entries"))
			if newest != "" {
				a.printf("Newest hash: %s\n", newest)
			}
		}
		return err
	}
	document := map[string]any{"intact": err == nil, "entries": n, "hash": newest}
	if err != nil {
		document = map[string]any{"intact": false, "error": map[string]string{"code": "audit.broken", "message": err.Error()}}
		if broken, ok := errors.AsType[*audit.BrokenError](err); ok {
			document["line"] = broken.Line
		}
	}
	return errors.Join(err, a.printJSON(document))
}
