package project

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"spillway/mappings"
	"spillway/syncer/settings"
)

// sameName refuses files whose names differ in case only: they are one file on some machines, and one name to people.
func sameName(names []string) Problems {
	var problems Problems
	first := map[string]string{}
	for _, n := range names {
		folded := strings.ToLower(n)
		other, taken := first[folded]
		if !taken {
			first[folded] = n
			continue
		}
		problems = append(problems, Problem{
			File:    syncFileName(n),
			Message: fmt.Sprintf("two syncs have this name: %s is the other", syncFileName(other)),
		})
	}
	return problems
}

func syncFileName(sync string) string { return syncsDir + "/" + sync + ".toml" }

// sources are the keys of which a sync has exactly one.
func sources() []string { return []string{"model", "sql", "table"} }

func (l *loader) loadSync(syncName string) {
	file := syncFileName(syncName)
	if !name.MatchString(syncName) {
		l.refuse(Problem{File: file, Message: "the file's name is the sync's name; " + nameRule})
		return
	}
	data, problem := l.files.read(file, largestTOML)
	if problem != nil {
		l.refuse(*problem)
		return
	}
	own, problems := settings.Parse(file, data)
	l.refuse(problems...)
	if own == nil {
		return
	}
	t := own.Over(l.defaultsFor(own), mergesDeep)
	var s syncFile
	l.refuse(settings.Decode(t, &s, l.options)...)
	d := &draft{loader: l, table: t, declared: s, sync: &Sync{Name: syncName, File: file}}
	d.build()
	l.texts.share(d.sync)
	l.project.Syncs = append(l.project.Syncs, d.sync)
}

// defaultsFor returns [defaults] without what the sync's own source of rows, or its own after, stands in for.
func (l *loader) defaultsFor(own *settings.Table) *settings.Table {
	if l.defaults == nil {
		return nil
	}
	defaults := l.defaults
	if _, follows := own.Get("after"); follows {
		defaults = defaults.Without("schedule")
	}
	for _, source := range sources() {
		if _, ok := own.Get(source); ok {
			return defaults.Without(sources()...)
		}
	}
	return defaults
}

// checkDefaults finds what is wrong in [defaults] even where no sync uses it.
func (l *loader) checkDefaults() {
	if l.defaults == nil {
		return
	}
	options := l.options
	options.Partial = true
	var s syncFile
	l.refuse(settings.Decode(l.defaults, &s, options)...)
	d := &draft{loader: l, table: l.defaults, declared: s, sync: &Sync{}, partial: true}
	d.build()
}

// draft is a sync in the making.
type draft struct {
	*loader
	table    *settings.Table
	declared syncFile
	sync     *Sync
	partial  bool // what is required may be missing: the draft is [defaults] alone
}

func (d *draft) build() {
	f, s := d.declared, d.sync
	s.Object, s.Mode, s.Key, s.Identifier, s.OnRemoved, s.Tags = f.Object, f.Mode, f.Key, f.Identifier, f.OnRemoved, f.Tags
	s.Overlap, s.CatchUp, s.CatchUpMax, s.Jitter, s.After = f.Overlap, f.CatchUp, f.CatchUpMax, f.Jitter, f.After
	s.Guard = Guard(f.Guard)
	s.Retry = Retry{Attempts: f.Retry.Attempts, GiveUp: GiveUp(f.Retry.GiveUp)}
	s.Delivery = Delivery(f.Delivery)
	d.buildReferences()
	d.buildSource()
	d.buildSchedule()
	d.buildAfter()
	d.checkTags()
	d.buildMapping()
}

// given returns the entry called key where it holds a string of at least one character.
func (d *draft) given(key string) (settings.Entry, string, bool) {
	e, ok := d.table.Get(key)
	if !ok {
		return e, "", false
	}
	text, isString := e.Value.(string)
	return e, text, isString && text != ""
}

func (d *draft) buildReferences() {
	if e, to, ok := d.given("destination"); ok {
		d.sync.Destination = to
		d.known(e, to, "destination", d.destinations)
	}
	e, from, ok := d.given("warehouse")
	switch {
	case ok:
		d.sync.Warehouse = from
		d.known(e, from, "warehouse", d.warehouses)
	case d.partial || e.Value != nil:
	case len(d.warehouses) == 1:
		d.sync.Warehouse = d.warehouses[0]
	case len(d.warehouses) == 0:
		d.refuse(d.table.Problem("warehouse", "is required; %s declares none yet", FileName))
	default:
		d.refuse(d.table.Problem("warehouse", "is required where the project has several: %s", strings.Join(d.warehouses, ", ")))
	}
	if e.Value == "" {
		d.refuse(e.Problem("must not be empty"))
	}
}

func (d *draft) known(e settings.Entry, to, what string, names []string) {
	if !slices.Contains(names, to) {
		d.refuse(e.Problem("there is no [%ss.%s] in %s%s", what, to, FileName, settings.Hint(to, names)))
	}
}

// buildSource sets what is read: of model, sql and table exactly one.
func (d *draft) buildSource() {
	var given []settings.Entry
	for _, source := range sources() {
		if e, ok := d.table.Get(source); ok {
			given = append(given, e)
		}
	}
	switch {
	case len(given) == 0 && d.partial:
		return
	case len(given) == 0:
		d.refuse(d.table.Problem("model", "is required; or sql, or table"))
		return
	case len(given) > 1:
		d.refuse(given[1].Problem("cannot stand beside %s: a sync has one of model, sql and table", given[0].Name))
		return
	}
	e, text, ok := d.given(given[0].Name)
	if _, isTable := e.Value.(*settings.Table); isTable && e.Name == "model" {
		d.buildDBT(e, d.declared.Model.DBT)
		return
	}
	switch {
	case !ok && e.Value == "":
		d.refuse(e.Problem("must not be empty"))
	case !ok: // its type was refused already
	case e.Name == "model":
		d.buildModel(e, text)
	case e.Name == "sql":
		d.buildSQL(e, text)
	default:
		d.buildTable(e, text)
	}
}

func (d *draft) buildModel(e settings.Entry, model string) {
	if !slices.Contains(d.models, model) {
		d.refuse(e.Problem("there is no %s/%s.sql%s", modelsDir, model, settings.Hint(model, d.models)))
		return
	}
	d.sync.Model, d.sync.SQL = model, d.project.Models[model].SQL
}

func (d *draft) buildSQL(e settings.Entry, text string) {
	sql, _, message := cleanSQL(text)
	if message != "" {
		d.refuse(e.Problem("%s", message))
	}
	d.sync.Model, d.sync.SQL = d.sync.File, sql
}

func (d *draft) buildTable(e settings.Entry, table string) {
	parts := strings.Split(table, ".")
	if slices.ContainsFunc(parts, func(part string) bool { return strings.TrimSpace(part) != part || part == "" }) {
		d.refuse(e.Problem("must be the name of a table, such as analytics.customers"))
		return
	}
	d.sync.Model, d.sync.Table = table, table
	if w, ok := d.project.Warehouses[d.sync.Warehouse]; ok && w.Kind.Quote != nil {
		d.sync.SQL = "select * from " + w.Kind.Quote(parts...)
	}
}

func (d *draft) checkTags() {
	e, _ := d.table.Get("tags")
	for i, tag := range d.sync.Tags {
		switch {
		case !name.MatchString(tag):
			d.refuse(e.Problem("%q is no tag: %s", tag, nameRule))
		case slices.Contains(d.sync.Tags[:i], tag):
			d.refuse(e.Problem("names %s twice", tag))
		}
	}
}

func (d *draft) buildSchedule() {
	if e, schedule, ok := d.given("schedule"); ok {
		d.sync.Schedule = schedule
		if why := checkSchedule(schedule); why != "" {
			d.refuse(e.Problem("%s", why))
		}
	} else if e.Value == "" {
		d.refuse(e.Problem("must not be empty; leave it out for a sync that runs by hand"))
	}
	zone := d.declared.Timezone
	place, err := d.zone(zone)
	if err != nil || zone == "" || zone == "Local" {
		if e, ok := d.table.Get("timezone"); ok {
			d.refuse(e.Problem("%q is no time zone; write one such as UTC or Europe/London%s", zone, zoneHint(zone)))
		}
		place = time.UTC
	}
	d.sync.Timezone = place
}

// buildMapping hands the fields to package mappings, which judges them.
func (d *draft) buildMapping() {
	s, f := d.sync, d.declared.Fields
	s.Mapping = mappings.Spec{
		Sync: s.Name, Destination: s.Destination, Object: s.Object,
		Key: s.Key, Identifier: s.Identifier, Mode: s.Mode, OnRemoved: s.OnRemoved, Fields: f.fields,
		At: s.File, Lines: d.lines(),
	}
	spec := s.Mapping
	if len(spec.Fields) == 0 {
		spec.Identifier = "" // that there are no fields is said once
	}
	for _, p := range mappings.Check(spec) {
		switch {
		case p.Field == "" && !d.partial:
			d.refuseMapping(p)
		case p.Field != "" && !f.unsound[p.Field]:
			d.refuse(Located(p))
		}
	}
}

// refuseMapping places a problem of one of the sync's own keys at it, unless something was said of that key already.
func (d *draft) refuseMapping(p mappings.Problem) {
	said := func(other Problem) bool {
		return other.File == d.sync.File && (other.Key == p.Key || strings.HasPrefix(other.Key, p.Key+"["))
	}
	e, given := d.table.Get(p.Key)
	switch {
	case slices.ContainsFunc(d.problems, said):
	case given:
		d.refuse(e.Problem("%s", p.Message))
	default:
		d.refuse(d.table.Problem(p.Key, "%s", p.Message))
	}
}

// lines tells where the keys of the sync stand.
func (d *draft) lines() []mappings.KeyPlace {
	entries := d.table.Entries()
	lines := make([]mappings.KeyPlace, len(entries))
	for i, e := range entries {
		lines[i] = mappings.KeyPlace{Key: e.Name, At: mappings.At(e.File(), e.Line())}
	}
	return lines
}
