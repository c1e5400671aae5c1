package daemon

import (
	"context"
	"runtime/debug"
	"slices"

	"spillway/syncer"
	"spillway/syncer/project"
)

// Reloaded returns the outcome of the latest attempt to read the project.
func (d *Daemon) Reloaded() Reloaded {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.reloaded
}

// Reload reads the project anew. Where it has problems, the one that runs goes on, and they are returned. Runs in
// progress end with the project that they began with.
func (d *Daemon) Reload(ctx context.Context, by string) error {
	d.reloading.Lock()
	defer d.reloading.Unlock()
	p, problems := d.options.Load()
	if len(problems) == 0 {
		for _, found := range syncer.CheckOffline(p) {
			problems = append(problems, project.Located(found))
		}
	}
	defer debug.FreeOSMemory()
	d.mu.Lock()
	defer d.unlock()
	if len(problems) == 0 {
		problems = d.take(ctx, p)
	}
	d.reloaded = Reloaded{At: d.now(), By: by, Problems: problems}
	reloaded := d.reloaded
	d.tell(Event{Reloaded: &reloaded})
	if len(problems) > 0 {
		d.log.Error("project not taken", "problems", len(problems), "by", by, "first", problems[0].String())
		return problems
	}
	d.log.Info("project read anew", "syncs", len(p.Syncs), "by", by)
	return nil
}

// take puts a project in the place of the one that runs, or says why it cannot.
func (d *Daemon) take(ctx context.Context, p *project.Project) project.Problems {
	refuse := func(err error) project.Problems {
		return project.Problems{{File: project.FileName, Message: err.Error()}}
	}
	engine, err := d.version.engine.With(p)
	if err != nil {
		return refuse(err)
	}
	before := d.version
	d.version = &version{project: p, engine: engine}
	if err := d.stand(ctx, p); err != nil {
		d.version = before
		if closing := engine.Close(); closing != nil {
			d.log.Error("project not closed", "error", closing.Error())
		}
		return refuse(err)
	}
	before.retired = true
	d.closeRetired(before)
	for i, j := range slices.Backward(d.line) {
		if _, ok := d.syncs[j.run.Sync]; !ok {
			if _, err := d.withdraw(ctx, i, "the project has no such sync any more"); err != nil {
				return refuse(err)
			}
		}
	}
	d.dispatch()   // there may be more room
	d.exportSoon() // to another place, perhaps
	d.rouse()
	return nil
}
