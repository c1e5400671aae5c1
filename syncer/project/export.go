package project

import (
	"context"
	"regexp"
	"slices"
	"strings"

	"spillway/syncer/settings"
	"spillway/warehouse"
)

var (
	schemaName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_$-]*(\.[A-Za-z_][A-Za-z0-9_$-]*)*$`)
	prefixName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,39}$`)
)

// checkExport checks where the run log is to be written to.
func (l *loader) checkExport(t *settings.Table) {
	r := l.project.Runlog
	table := t.Table("runlog")
	e, given := table.Get("warehouse")
	for _, of := range []struct {
		key, value, rule string
		valid            *regexp.Regexp
	}{
		{"schema", r.Schema, "must be a plain name such as audit, or db.audit: letters, digits and underscores, without quotes", schemaName},
		{"prefix", r.Prefix, "must be letters, digits and underscores, at most 40, and begin with no digit", prefixName},
	} {
		set, ok := table.Get(of.key)
		switch {
		case ok && !of.valid.MatchString(of.value):
			l.refuse(set.Problem("%s", of.rule))
		case ok && !given:
			l.refuse(set.Problem("needs warehouse beside it"))
		}
	}
	if !given {
		return
	}
	w, known := l.project.Warehouses[r.Warehouse]
	switch {
	case known && !w.Kind.Writes():
		l.refuse(e.Problem("nothing can be written into a warehouse of type %s: name one of type %s", w.Kind.Name, strings.Join(writable(l.kinds.Warehouses), ", ")))
	case known:
		l.checkWriter(e, w)
	case !slices.Contains(l.warehouses, r.Warehouse):
		l.refuse(e.Problem("there is no warehouse %q%s", r.Warehouse, settings.Hint(r.Warehouse, l.warehouses)))
	}
}

// checkWriter opens a writer, which connects to nothing yet, to learn what about the settings keeps it from writing.
func (l *loader) checkWriter(e settings.Entry, w Warehouse) {
	if len(l.problems) > 0 {
		return // the settings may be incomplete
	}
	writer, err := w.Kind.OpenWriter(context.Background(), w.Config, warehouse.Env{Project: l.project.Root})
	if err == nil {
		err = writer.Close()
	}
	if err != nil {
		l.refuse(e.Problem("nothing can be written into warehouse %s: %s", w.Name, err.Error()))
	}
}

func writable(kinds []warehouse.Definition) []string {
	var names []string
	for _, k := range kinds {
		if k.Writes() {
			names = append(names, k.Name)
		}
	}
	return names
}
