package main

import (
	"cmp"
	"strings"

	"spillway/destinations"
	"spillway/syncer/project"
	"spillway/syncer/settings"
)

// renderServices shows the project's own destinations and then the kinds there are.
func (a *app) renderServices(p *project.Project, list []service) {
	if len(p.Destinations) > 0 {
		g := newGrid("Destination", "Type", "Declared in")
		for _, s := range list {
			if s.Configured {
				g.row(s.Name, s.Type, p.Destinations[s.Name].At)
			}
		}
		a.show(g)
		a.printf("\n")
	}
	g := newGrid("Type", "Service")
	for _, s := range list {
		if !s.Configured {
			g.row(s.Type, s.Title)
		}
	}
	a.show(g)
}

func (a *app) renderDescription(d description) {
	a.printf("%s: %s (type = %q)\n", d.Name, d.Title, d.Type)
	if d.Account != "" {
		a.printf("It reaches %s.\n", short(safe(d.Account), 100))
	}
	a.printf("\n")
	g := newGrid("Setting", "Type", "Default", "Meaning")
	for _, s := range d.Settings {
		g.row(s.Name, typeOf(s), defaultOf(s), s.Help)
	}
	a.show(g.wrap(2, 24).wrap(4, 80))
	a.printf("\n")
	if len(d.Objects) == 0 {
		a.printf("Its objects depend on the account and its settings. Once it is configured: spillway destinations objects NAME\n")
		return
	}
	a.renderObjects(d.Objects)
}

func typeOf(s settings.Setting) string {
	if len(s.Enum) > 0 {
		return strings.Join(s.Enum, " | ")
	}
	return s.Type
}

func defaultOf(s settings.Setting) string {
	switch {
	case s.Required:
		return "required"
	case s.Default == nil:
		return ""
	}
	return cell(s.Default)
}

func (a *app) renderObjects(objects []object) {
	g := newGrid("Object", "Operations", "Identifiers", "Largest batch")
	for _, o := range objects {
		ops := make([]string, len(o.Operations))
		for i, op := range o.Operations {
			ops[i] = string(op)
		}
		found := make([]string, len(o.Identifiers))
		for i, name := range o.Identifiers {
			found[i] = either(name, "any unique field")
		}
		g.row(either(o.Name, "any"), joined(ops), joined(found), o.MaxBatch)
	}
	a.show(g.number(4).wrap(3, 50))
}

// either returns a name, or what the name "*" stands for.
func either(name, all string) string {
	if name == "*" {
		return "(" + all + ")"
	}
	return safe(name)
}

func (a *app) renderFields(destination string, fields []destinations.Field) {
	if len(fields) == 0 {
		a.note("%s does not list its fields: any name is taken.", destination)
		return
	}
	g := newGrid("Field", "Label", "Type", "", "Values")
	for _, f := range fields {
		remark := ""
		switch {
		case f.Required:
			remark = "required"
		case f.ReadOnly:
			remark = "read-only"
		}
		g.row(safe(f.Name), safe(f.Label), cmp.Or(string(f.Type), "any"), remark, safe(joined(f.Enum)))
	}
	a.show(g.wrap(1, 40).wrap(2, 40).wrap(5, 60))
}
