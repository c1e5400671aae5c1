package main

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/jedib0t/go-pretty/v6/text"

	"spillway/syncer"
	"spillway/syncer/project"
	"spillway/syncer/runlog"
)

// demoSteps is how many steps tell has.
const demoSteps = 8

// tell takes the sync through its life.
func (d *demo) tell(ctx context.Context) error {
	for _, step := range []func(context.Context) error{
		d.showProject, d.firstRun, d.rejections, d.changeSource, d.plan, d.secondRun, d.thirdRun, d.runLog,
	} {
		if err := step(ctx); err != nil {
			return err
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
	return nil
}

// head opens a step, which shows one thing.
func (d *demo) head(title, explanation, command string) {
	d.step++
	d.app.printf("\n%s\n%s\n\n", text.Bold.Sprintf("--- %d/%d  %s", d.step, demoSteps, title), explanation)
	if command != "" {
		d.app.printf("%s\n", text.FgCyan.Sprint("$ "+command))
	}
}

func (d *demo) showProject(context.Context) error {
	d.head("A model says what to read, a sync says where it goes",
		"models/customers.sql reads 2,400 customers from a CSV file, with the embedded DuckDB. This sync maps its columns to\n"+
			"the fields of a contact in a CRM, a stand-in that runs inside this demo.", "cat syncs/contacts.toml")
	content, err := os.ReadFile(filepath.Join(d.dir, "syncs", "contacts.toml"))
	if err != nil {
		return fmt.Errorf("read the demo's sync: %w", err)
	}
	for line := range strings.Lines(string(content)) {
		if !strings.HasPrefix(line, "#:schema") {
			d.app.printf("%s", line)
		}
	}
	return nil
}

func (d *demo) firstRun(ctx context.Context) error {
	d.head("The first run sends everything",
		"Two customers cannot arrive: one has no e-mail address, which spillway sees before it sends anything (invalid); the\n"+
			"address of another is broken, which the CRM says (rejected). They stop nobody else.", "spillway run")
	_, err := d.run(ctx)
	return err
}

// rejections shows what did not arrive and why.
func (d *demo) rejections(ctx context.Context) error {
	d.head("The run log says what did not arrive, and why",
		"It keeps keys and reasons, not your rows. What was rejected is sent again by the next run, with its value of then.",
		"spillway runs rows last")
	return d.withProject(ctx, func(e *syncer.Engine, _ *project.Sync) error {
		run, err := e.Runs().Run(ctx, "last")
		if err != nil {
			return err
		}
		rows, next, err := e.Runs().Rows(ctx, run.ID, runlog.RowFilter{})
		if err != nil {
			return err
		}
		d.app.renderRows(rows, next)
		return nil
	})
}

func (d *demo) changeSource(context.Context) error {
	d.head("The source changes",
		"Five customers change their plan, one her name. One joins, one leaves. The broken address is mended. And updated_at\n"+
			"changes in all 2,400 rows: it is in the model, but no field is mapped to it.", "")
	d.app.printf("data/customers.csv edited: %d customers, and a column that the CRM does not get.\n", demoEdits)
	return d.edit()
}

func (d *demo) plan(ctx context.Context) error {
	d.head("A plan says what a run would send, and sends nothing",
		"Values are masked unless you ask for them. It finds the nine customers, and no trace of updated_at.", "spillway plan --show-values")
	return d.withProject(ctx, func(e *syncer.Engine, s *project.Sync) error {
		plan, err := e.Plan(ctx, s, true)
		d.app.progressDone()
		if err != nil {
			return err
		}
		d.app.renderPlans([]*syncer.Plan{plan})
		return nil
	})
}

func (d *demo) secondRun(ctx context.Context) error {
	d.head("The second run sends exactly these", "Nine operations in two requests: the writes first, then the removal.", "spillway run")
	run, err := d.run(ctx)
	if err == nil && ctx.Err() == nil && (run.Due() != demoEdits || run.Accepted != demoEdits) {
		err = fmt.Errorf("the demo edited %d rows; of the second run's %d operations %d arrived", demoEdits, run.Due(), run.Accepted)
	}
	return err
}

func (d *demo) thirdRun(ctx context.Context) error {
	d.head("The third run has nothing to send", "Nothing changed, so no request is made, however often it runs.", "spillway run")
	run, err := d.run(ctx)
	if err == nil && run.Requests != 0 {
		err = fmt.Errorf("nothing changed, and the third run made %d requests", run.Requests)
	}
	return err
}

func (d *demo) runLog(ctx context.Context) error {
	d.head("What ran is written down", "Every run with its counts, which always add up.", "spillway runs")
	return d.withProject(ctx, func(e *syncer.Engine, _ *project.Sync) error {
		runs, err := e.Runs().Runs(ctx, runlog.Filter{})
		if err != nil {
			return err
		}
		d.app.renderRuns(runs)
		return nil
	})
}

// withProject loads the demo's project and runs work on it.
func (d *demo) withProject(ctx context.Context, work func(*syncer.Engine, *project.Sync) error) error {
	p, problems := project.Load(d.dir, kinds())
	if err := problems.Err(); err != nil {
		return err
	}
	if err := enter(p); err != nil {
		return err
	}
	s, ok := p.Sync("contacts")
	if !ok {
		return errors.New("the demo's project has lost its sync")
	}
	return d.app.withEngine(ctx, p, "demo", func(e *syncer.Engine) error { return work(e, s) })
}

func (d *demo) run(ctx context.Context) (run runlog.Run, err error) {
	err = d.withProject(ctx, func(e *syncer.Engine, s *project.Sync) error {
		run, err = e.Run(ctx, s, runlog.ByCLI)
		d.app.progressDone()
		if err == nil {
			d.app.renderRun(&run, false)
		}
		return err
	})
	if err == nil && run.State == runlog.Failed {
		err = fmt.Errorf("the run failed: %s", run.Error.Message)
	}
	return run, err
}

// demoEdits is how many rows the edits below make due: five plans, a name, an address, a new customer and one who left.
const demoEdits = 9

// The columns of the demo's customers that are edited.
const (
	colEmail   = 1
	colLast    = 3
	colPlan    = 4
	colUpdated = 9
)

// edit changes the source as its owners would.
func (d *demo) edit() error {
	file := filepath.Join(d.dir, "data", "customers.csv")
	in, err := os.Open(file)
	if err != nil {
		return fmt.Errorf("edit the demo's data: %w", err)
	}
	records, err := csv.NewReader(in).ReadAll()
	if err = errors.Join(err, in.Close()); err != nil {
		return fmt.Errorf("edit the demo's data: %w", err)
	}
	for n := range records[1:] {
		row := records[n+1]
		row[colUpdated] = "2026-11-20 08:00:00"
		switch id := n + 1; {
		case id >= 101 && id <= 105:
			row[colPlan] = otherPlan(row[colPlan])
		case id == 200:
			row[colLast] = "Hopper-O'Brien"
		case id == 17:
			row[colEmail] = "grace.hopper@example.com"
		}
	}
	records = append(records[:300], records[301:]...) // customer 300 leaves
	records = append(records, []string{"2401", "new@example.com", "Noor", "al-Haddad", "pro", "NL", "50", "0.10", "2026-11-19 12:00:00", "2026-11-20 08:00:00"})
	out, err := os.Create(file)
	if err != nil {
		return fmt.Errorf("edit the demo's data: %w", err)
	}
	if err := errors.Join(csv.NewWriter(out).WriteAll(records), out.Close()); err != nil {
		return fmt.Errorf("edit the demo's data: %w", err)
	}
	return nil
}

func otherPlan(plan string) string {
	if plan == "enterprise" {
		return "team"
	}
	return "enterprise"
}
