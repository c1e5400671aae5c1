package daemon

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"spillway/destinations"
	"spillway/syncer/project"
	"spillway/syncer/runlog"
	"spillway/warehouse"
)

func TestRunsEndWithTheProjectThatTheyBeganWith(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.takes["contacts"] = 30 * time.Minute
		w.start()
		old := w.trigger("contacts")
		w.sleep(time.Minute)

		dir := w.project.State.Dir
		w.project = w.newProject(dir, every("contacts", "@hourly", func(s *project.Sync) { s.ConfigHash = "2" }), every("deals", "@hourly"))
		if err := w.daemon.Reload(t.Context(), "ada"); err != nil {
			t.Fatal(err)
		}
		if r := w.daemon.Reloaded(); r.By != "ada" || len(r.Problems) > 0 || w.daemon.Project() != w.project {
			t.Errorf("it was read %+v", r)
		}
		if over := w.wait(old); over.ConfigHash != "1" || over.State != runlog.Succeeded {
			t.Errorf("the run in progress is %s with configuration %s", over.State, over.ConfigHash)
		}
		w.sleep(time.Hour)
		runs, err := w.daemon.Runs().Runs(t.Context(), runlog.Filter{Sync: "contacts", Limit: 1})
		if err != nil || runs[0].ConfigHash != "2" {
			t.Errorf("the next one has configuration %s, %v", runs[0].ConfigHash, err)
		}
		if story := w.story("deals"); len(story) != 1 {
			t.Errorf("the sync that is new ran %v", story)
		}
		if w.opened != 1 || w.closed != 0 {
			t.Errorf("the destination was opened %d times and closed %d times: two limiters for one account", w.opened, w.closed)
		}
	}, every("contacts", ""))
}

func TestADestinationThatChangedIsClosedWithItsLastRun(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.takes["contacts"] = 30 * time.Minute
		w.start()
		run := w.trigger("contacts")
		w.sleep(time.Minute)
		w.project = w.newProject(w.project.State.Dir, w.project.Syncs...)
		crm := w.project.Destinations["crm"]
		crm.Declared = "otherwise"
		w.project.Destinations["crm"] = crm
		if err := w.daemon.Reload(t.Context(), "ada"); err != nil {
			t.Fatal(err)
		}
		if w.closed != 0 {
			t.Error("the destination was closed under a run")
		}
		w.wait(run)
		w.sleep(time.Second)
		if w.closed != 1 {
			t.Errorf("the destination was closed %d times", w.closed)
		}
		w.wait(w.trigger("contacts"))
		if w.opened != 2 {
			t.Errorf("destinations were opened %d times", w.opened)
		}
	}, every("contacts", ""))
}

func TestAProjectWithProblemsLeavesTheOldOne(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.start()
		good := w.project
		wrong := project.Problems{{File: "syncs/contacts.toml", Line: 3, Key: "mode", Message: "is wrong"}}
		var found project.Problems
		w.daemon.options.Load = func() (*project.Project, project.Problems) { return nil, found }
		found = wrong
		err := w.daemon.Reload(t.Context(), "ada")
		if _, ok := errors.AsType[project.Problems](err); !ok {
			t.Errorf("it says %v", err)
		}
		if diff := cmp.Diff(wrong, w.daemon.Reloaded().Problems); diff != "" || w.daemon.Project() != good {
			t.Errorf("it runs another project, or keeps no problems: %s", diff)
		}
		elsewhere := w.newProject(stateDir(w.t), w.project.Syncs...)
		w.daemon.options.Load = func() (*project.Project, project.Problems) { return elsewhere, nil }
		if err := w.daemon.Reload(t.Context(), "ada"); err == nil || w.daemon.Project() != good {
			t.Errorf("the state directory moved while it is held: %v", err)
		}
		w.sleep(time.Hour)
		if story := w.story("contacts"); len(story) != 1 {
			t.Errorf("the old project ran %v", story)
		}
	}, every("contacts", "@hourly"))
}

func TestASyncThatIsGoneRunsNoMore(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.takes["contacts"] = 30 * time.Minute
		w.start()
		running, waits := w.trigger("contacts"), w.trigger("contacts")
		w.sleep(time.Minute)
		w.project = w.newProject(w.project.State.Dir, every("deals", ""))
		if err := w.daemon.Reload(t.Context(), "ada"); err != nil {
			t.Fatal(err)
		}
		if over := w.wait(waits); over.State != runlog.Cancelled {
			t.Errorf("the run that waited is %s", over.State)
		}
		if over := w.wait(running); over.State != runlog.Succeeded {
			t.Errorf("the run in progress is %s", over.State)
		}
		if _, err := w.daemon.Sync(t.Context(), "contacts"); !errors.Is(err, ErrUnknownSync) {
			t.Errorf("it stands: %v", err)
		}
	}, every("contacts", "", queued))
}

func TestASyncThatComesBackDoesNotRunTwiceAtOnce(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.takes["contacts"] = 90 * time.Minute
		w.start()
		run := w.trigger("contacts")
		w.sleep(time.Minute)
		for _, syncs := range [][]*project.Sync{{every("deals", "")}, {every("contacts", "@hourly")}} {
			w.project = w.newProject(w.project.State.Dir, syncs...)
			if err := w.daemon.Reload(t.Context(), "ada"); err != nil {
				t.Fatal(err)
			}
		}
		w.wait(run)
		w.sleep(time.Minute)
		if diff := cmp.Diff([]string{"00:00 succeeded api", "01:00 skipped schedule"}, w.story("contacts")); diff != "" {
			t.Error(diff)
		}
	}, every("contacts", ""))
}

// TestFilesAreWatched goes by the real clock and real files.
func TestFilesAreWatched(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(filepath.Join(root, name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(project.FileName, "[warehouses.w]\ntype = \"w\"\n[destinations.d]\ntype = \"d\"\n")
	write("models/people.sql", "select 1")
	sync := "model = \"people\"\ndestination = \"d\"\nobject = \"o\"\nkey = \"id\"\nidentifier = \"email\"\n%s\n[fields]\nemail = \"email\"\n"
	write("syncs/contacts.toml", fmt.Sprintf(sync, ""))
	w := newWorld(t)
	kinds := project.Kinds{
		Warehouses: []warehouse.Definition{warehouse.Define(warehouse.Definition{Name: "w"},
			func(context.Context, struct{}, warehouse.Env) (warehouse.Warehouse, error) { return models{w}, nil })},
		Destinations: []destinations.Definition{destinations.Define(destinations.Definition{Name: "d"},
			func(context.Context, struct{}, destinations.Env) (destinations.Destination, error) {
				return crm{w}, nil
			})},
	}
	p, problems := project.Load(root, kinds)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	reloads := make(chan Reloaded, 10)
	options := w.options
	options.Load = func() (*project.Project, project.Problems) { return project.Load(root, kinds) }
	options.Watch = true
	options.Notify = func(e Event) {
		if e.Reloaded != nil {
			reloads <- *e.Reloaded
		}
	}
	d, err := Open(t.Context(), p, options)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- d.Run(ctx) }()
	defer func() {
		cancel()
		if err := errors.Join(<-ended, d.Close()); err != nil {
			t.Error(err)
		}
	}()
	next := func(text string, wrong bool) {
		t.Helper()
		write("syncs/contacts.toml", text)
		for { // a file that is looked at while it is written may be wrong for a moment
			select {
			case r := <-reloads:
				if len(r.Problems) > 0 == wrong {
					return
				}
			case <-t.Context().Done():
				t.Fatal("the change was not noticed")
			case <-time.After(time.Minute):
				t.Fatal("the change was not noticed for a minute")
			}
		}
	}
	next(fmt.Sprintf(sync, `schedule = "@hourly"`), false)
	if s, err := d.Sync(t.Context(), "contacts"); err != nil || s.NextRun.IsZero() {
		t.Errorf("it stands %+v, %v", s, err)
	}
	next(fmt.Sprintf(sync, `schedule = "often"`), true)
	if s, err := d.Sync(t.Context(), "contacts"); err != nil || s.NextRun.IsZero() {
		t.Errorf("a mistake took its schedule: %+v, %v", s, err)
	}
	next(fmt.Sprintf(sync, ""), false)
}
