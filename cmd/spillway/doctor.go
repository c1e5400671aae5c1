package main

import (
	"context"
	"slices"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/spf13/cobra"

	"spillway/cmd/spillway/words"
	"spillway/destinations"
	"spillway/syncer"
	"spillway/syncer/project"
	"spillway/syncer/settings"
)

// checkTimeout is how long one connection may take to prove itself.
const checkTimeout = 30 * time.Second

// checkup is what doctor found of one connection.
type checkup struct {
	Name   string `json:"name"`
	Kind   string `json:"kind"` // runlog, warehouse, destination, sync or snapshot
	Type   string `json:"type"`
	OK     bool   `json:"ok"`
	Error  string `json:"error"`
	TookMS int64  `json:"took_ms"`

	Account string `json:"account,omitempty"` // that was reached, of a destination that tells

	Privileges *rights `json:"privileges,omitempty"` // of a warehouse that is well and has roles
	Waiting    int64   `json:"waiting,omitempty"`    // runs that are not in the warehouse yet, of the run log

	err error
}

func (a *app) doctorCommand() *cobra.Command {
	return &cobra.Command{
		Use: "doctor [NAME...]", Short: "Connect to each warehouse and destination, and say what is wrong and how to mend it",
		Long: `Doctor opens each warehouse and destination, or those named, and then checks each sync against what it found: its
columns, its object and its fields. It also looks whether the next run could read the snapshots; spillway state verify
reads all of them. Of a warehouse that has roles it finds out what the credentials may do beyond reading, also by a write
that it takes back, warns of that, and prints the statements that make a lesser role. In the warehouse that [runlog] names
it makes the tables of the run log, where they are not there yet. No record is sent.`,
		Example: "  spillway doctor\n  spillway doctor hubspot",
		RunE: func(cmd *cobra.Command, names []string) error {
			p, err := a.load()
			if err != nil {
				return err
			}
			if err := knownNames(p, names); err != nil {
				return err
			}
			var found []checkup
			err = a.withReader(cmd.Context(), p, func(e *syncer.Engine) error {
				found = examine(cmd.Context(), e, p, names)
				return nil
			})
			if err != nil {
				return err
			}
			return a.showCheckups(found)
		},
	}
}

func knownNames(p *project.Project, names []string) error {
	known := checkable(p)
	for _, name := range names {
		if !slices.Contains(known, name) {
			return usagef("the project has no warehouse, destination or sync %q%s", name, settings.Hint(name, known))
		}
	}
	return nil
}

func checkable(p *project.Project) []string {
	return slices.Concat(sortedNames(p.Warehouses), sortedNames(p.Destinations), syncNames(p))
}

func examine(ctx context.Context, e *syncer.Engine, p *project.Project, names []string) []checkup {
	wanted := func(name string) bool { return len(names) == 0 || slices.Contains(names, name) }
	var found []checkup
	broken := map[string]bool{}
	add := func(name, kind, typ string, check func(context.Context) error) {
		c := checkup{Name: name, Kind: kind, Type: typ}
		ctx, cancel := context.WithTimeout(ctx, checkTimeout)
		defer cancel()
		started := time.Now()
		c.err = check(ctx)
		c.TookMS = time.Since(started).Milliseconds()
		if c.OK = c.err == nil; !c.OK {
			c.Error = c.err.Error()
			broken[kind+" "+name] = true
		}
		found = append(found, c)
	}
	if name := p.Runlog.Warehouse; name != "" && wanted(name) { // before the warehouse, whose file it may make
		add(name, "runlog", p.Warehouses[name].Kind.Name, e.CheckExport)
		found[len(found)-1].Waiting, _ = e.Unexported(ctx) // a run log that cannot be read fails elsewhere
	}
	for _, name := range sortedNames(p.Warehouses) {
		if wanted(name) {
			add(name, "warehouse", p.Warehouses[name].Kind.Name, func(ctx context.Context) error {
				w, err := e.Warehouse(ctx, name)
				if err != nil {
					return err
				}
				return w.Check(ctx)
			})
			if c := &found[len(found)-1]; c.OK && (name != p.Runlog.Warehouse || readFrom(p, name)) {
				c.Privileges = rightsOf(ctx, e, name)
			}
		}
	}
	for _, name := range sortedNames(p.Destinations) {
		if wanted(name) {
			var account string
			add(name, "destination", p.Destinations[name].Kind.Name, func(ctx context.Context) error {
				d, err := e.Destination(ctx, name)
				if err != nil {
					return err
				}
				err = d.Check(ctx)
				account = destinations.AccountOf(d)
				return err
			})
			found[len(found)-1].Account = account
		}
	}
	for _, s := range p.Syncs {
		if broken["warehouse "+s.Warehouse] || broken["destination "+s.Destination] {
			continue
		}
		if wanted(s.Name) || wanted(s.Warehouse) || wanted(s.Destination) {
			add(s.Name, "sync", string(s.Mode), func(ctx context.Context) error { return e.CheckSync(ctx, s) })
		}
	}
	// Those that there are, so that nothing is said of a project that never ran.
	snapshots, err := e.Snapshots().Syncs(ctx)
	if err != nil {
		add("state", "snapshots", p.State.Dir, func(context.Context) error { return err })
	}
	for _, name := range snapshots {
		if wanted(name) {
			add(name, "snapshot", "state", func(ctx context.Context) error { return e.Snapshots().Check(ctx, name) })
		}
	}
	return found
}

func (a *app) showCheckups(found []checkup) error {
	code := exitDone
	for i := range found {
		if found[i].OK {
			continue
		}
		if c := codeOf(found[i].err); code == exitDone || c == exitFailed {
			code = c
		}
	}
	if a.json {
		if found == nil {
			found = []checkup{}
		}
		if err := a.printJSON(map[string]any{"ok": code == exitDone, "checks": found}); err != nil {
			return err
		}
	} else {
		for _, c := range found {
			mark := text.FgGreen.Sprint("ok    ")
			if !c.OK {
				mark = text.FgRed.Sprint("FAILED")
			}
			a.printf("%s  %-11s %s (%s), %s%s\n", mark, c.Kind, c.Name, c.Type, reached(c.Account), words.Took(c.TookMS))
			if !c.OK {
				a.indented(c.Error + remedy(c.err, c.Name))
			}
			a.showRights(c.Privileges)
			if c.Waiting > 0 {
				a.indented(words.Plural(c.Waiting, "run waits", "runs wait") + " to be written there")
			}
		}
		if len(found) == 0 {
			a.printf("There is nothing to check: the project has no warehouse and no destination.\n")
		}
	}
	if code != exitDone {
		return outcome(code)
	}
	return nil
}

// reached names an account before what follows it.
func reached(account string) string {
	if account == "" {
		return ""
	}
	return short(safe(account), 60) + ", "
}

// readFrom reports whether any model is read from a warehouse. One that only takes the run log needs to be written.
func readFrom(p *project.Project, name string) bool {
	return slices.ContainsFunc(p.Syncs, func(s *project.Sync) bool { return s.Warehouse == name })
}

func sortedNames[V any](m map[string]V) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
