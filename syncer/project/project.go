// Package project loads what a user wrote: spillway.toml, models/*.sql and syncs/*.toml. Everything that is wrong in
// any of them is found at once, each with its file, line and key.
//
// The declarations here are also what the JSON Schema and the documentation are made from.
package project

import (
	"cmp"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"spillway/destinations"
	"spillway/mappings"
	"spillway/syncer/alert"
	"spillway/syncer/secrets"
	"spillway/syncer/settings"
	"spillway/warehouse"
)

// FileName is the file that makes a directory a project.
const FileName = "spillway.toml"

// Problem is one mistake in a project's files.
type Problem = settings.Problem

// Problems are all the mistakes in a project's files.
type Problems = settings.Problems //nolint:errname // as in package settings

// Project is what a user's directory declares. It does not change after Load.
type Project struct {
	Root         string // absolute
	Name         string
	State        StateSettings
	Runlog       Runlog
	Serve        Serve
	Warehouses   map[string]Warehouse
	Destinations map[string]Destination
	Alerts       map[string]Alert
	Models       map[string]Model
	Syncs        []*Sync // by name
}

// StateSettings say where and how a project keeps what must outlast a run.
type StateSettings struct {
	Dir           string // absolute
	Memory        Size   // that the snapshot of one sync may take
	EncryptionKey secrets.Secret
}

// Runlog says what is kept of past runs.
type Runlog struct {
	Rows      string // "problems", "all" or "none"
	Keys      string // "plain" or "hash"
	Retention time.Duration

	Samples     Sampling
	Mask        []string // fields whose values are cut out of samples
	SamplesTTL  time.Duration
	SamplesSize Size // of a request or an answer

	Warehouse string // into which it is written too; empty: none
	Schema    string // of the tables there
	Prefix    string // of their names
}

// Serve says how spillway serve listens and works.
type Serve struct {
	Listen      string   // host and port
	URL         string   // by which people reach the pages; may be empty
	MaxRuns     int      // at once
	Hosts       []string // by which it may be called beside localhost and the host of Listen
	BehindProxy bool     // TLS ends at a proxy before it
	TLSCert     string   // absolute; both files or neither
	TLSKey      string
}

// Overlap says what becomes of a run that is due while another of the same sync goes on.
type Overlap string

// SkipOverlap enters the run as skipped, QueueOverlap lets it wait.
const (
	SkipOverlap  Overlap = "skip"
	QueueOverlap Overlap = "queue"
)

// CatchUp says which of the ticks that passed unnoticed are run.
type CatchUp string

// The policies of catching up.
const (
	CatchUpLatest CatchUp = "latest"
	CatchUpNone   CatchUp = "none"
	CatchUpAll    CatchUp = "all"
)

// Warehouse is a [warehouses.NAME] of spillway.toml.
type Warehouse struct {
	Name   string
	Kind   warehouse.Definition
	Config any    // what Kind.Config returned, filled
	At     string // where it is declared: "spillway.toml:4"

	// Declared is a sum over all that is written of it, references to secrets included.
	Declared string
}

// Destination is a [destinations.NAME] of spillway.toml.
type Destination struct {
	Name   string
	Kind   destinations.Definition
	Config any    // what Kind.Config returned, filled
	At     string // where it is declared: "spillway.toml:8"

	// Declared is a sum over all that is written of it, references to secrets included.
	Declared string
}

// Model is one models/NAME.sql.
type Model struct {
	Name string
	SQL  string // in UTF-8, with "\n" at the end of lines and no semicolon at its own end
	File string // relative to the project: "models/customers.sql"
}

// Sync is one syncs/NAME.toml, after [defaults].
type Sync struct {
	Name string
	File string // relative to the project: "syncs/contacts.toml"

	Model string // for people: the model's or dbt's name, the table, or the sync's own file where the SQL stands in it
	SQL   string // what is read, from whichever of model, sql and table was given
	Table string // where it was table, or a relation of dbt

	Warehouse   string
	Destination string
	Object      string
	Mode        destinations.Op // Upsert, Update or Insert
	Key         []string
	Identifier  string
	OnRemoved   string // "ignore", "clear", "archive" or "delete"
	Schedule    string // as cron.ParseStandard reads it; empty for runs by hand only
	Timezone    *time.Location
	Overlap     Overlap
	CatchUp     CatchUp
	CatchUpMax  int           // ticks that CatchUpAll runs, the latest ones
	Jitter      time.Duration // a start is later than its tick by less than this
	After       []string      // syncs whose success starts this one
	Tags        []string
	Mapping     mappings.Spec
	Guard       Guard
	Retry       Retry
	Delivery    Delivery

	ConfigHash string // see Project.Hash
}

// Guard holds a run before anything is sent.
type Guard struct {
	MaxRemoved Share // of the previous snapshot
	MaxChanged Share // of the previous snapshot
	MaxInvalid Share // of the source
	AllowEmpty bool  // an empty source is believed

	AllowKeyless bool // removals are sent although rows of the source have no key
}

// Retry says how often something is tried.
type Retry struct {
	Attempts int // of one request within a run, from 1 to 20
	GiveUp   GiveUp
}

// GiveUp says when a row is quarantined: after so many runs that rejected it, or after so long, whichever comes first.
type GiveUp struct {
	Runs int
	Age  time.Duration
}

// Delivery caps what the destination itself allows. Zero leaves it as it is.
type Delivery struct {
	Batch       int
	Rate        destinations.Rate
	Concurrency int
	Fields      DeliveredFields
}

// DeliveredFields says which fields of a changed record are sent.
type DeliveredFields string

// AllFields sends every field of the mapping, ChangedFields only those that differ from the record last accepted, the
// identifier and what the destination requires.
const (
	AllFields     DeliveredFields = "all"
	ChangedFields DeliveredFields = "changed"
)

// Kinds are the warehouses, destinations and services for alerts that this program can talk to.
type Kinds struct {
	Warehouses   []warehouse.Definition
	Destinations []destinations.Definition
	Alerts       []alert.Definition
}

// Sync returns the sync called name.
func (p *Project) Sync(name string) (*Sync, bool) {
	i, ok := slices.BinarySearchFunc(p.Syncs, name, func(s *Sync, name string) int { return cmp.Compare(s.Name, name) })
	if !ok {
		return nil, false
	}
	return p.Syncs[i], true
}

// Load reads the project in the directory root. Where there are problems there is no project.
func Load(root string, kinds Kinds) (*Project, Problems) {
	l := &loader{kinds: kinds, project: &Project{}, zones: map[string]*time.Location{}, texts: texts{}, after: map[string]settings.Entry{}}
	absolute, err := filepath.Abs(root)
	if err != nil {
		return nil, Problems{{File: FileName, Message: fmt.Sprintf("the project's directory has no name: %s", err)}}
	}
	l.project.Root = absolute
	l.load()
	if len(l.problems) > 0 {
		return nil, l.problems.Sorted()
	}
	return l.project, nil
}

// loader gathers a project and all that is wrong with it.
type loader struct {
	kinds    Kinds
	files    *files
	project  *Project
	options  settings.Options
	defaults *settings.Table // [defaults]; may be nil
	alerts   *settings.Table // [alerts]; may be nil
	dbt      dbt
	zones    map[string]*time.Location // as they are large, each is loaded once
	texts    texts
	after    map[string]settings.Entry // by the sync that has it
	problems Problems

	// What was declared, whether it is right or not: a reference to it is no second problem.
	warehouses, destinations, models []string
}

func (l *loader) refuse(problems ...Problem) { l.problems = append(l.problems, problems...) }

func (l *loader) load() {
	var err error
	l.files, err = openFiles(l.project.Root)
	if err != nil {
		l.refuse(Problem{File: FileName, Message: err.Error()})
		return
	}
	defer l.files.close()
	l.loadModels()
	if l.loadMain() {
		l.loadSyncs()
	}
}

// loadModels reads every models/*.sql.
func (l *loader) loadModels() {
	models := map[string]Model{}
	names, problems := l.files.list(modelsDir, ".sql")
	l.refuse(problems...)
	for _, name := range names {
		file := modelsDir + "/" + name + ".sql"
		l.models = append(l.models, name)
		sql, problem := l.files.sql(file)
		if problem != nil {
			l.refuse(*problem)
			continue
		}
		models[name] = Model{Name: name, SQL: sql, File: file}
	}
	l.project.Models = models
}

// loadSyncs reads every syncs/*.toml.
func (l *loader) loadSyncs() {
	names, problems := l.files.list(syncsDir, ".toml")
	l.refuse(problems...)
	l.refuse(sameName(names)...)
	for _, name := range names {
		l.loadSync(name)
	}
	l.checkAfter(names)
	l.checkAlertSyncs(names)
	l.checkDefaults()
	slices.SortFunc(l.project.Syncs, func(a, b *Sync) int { return cmp.Compare(a.Name, b.Name) })
	if len(l.problems) > 0 {
		return
	}
	for _, s := range l.project.Syncs {
		s.ConfigHash = l.project.Hash(s)
	}
}

// loadMain reads spillway.toml. It reports whether the syncs can be judged by it.
func (l *loader) loadMain() bool {
	data, problem := l.files.read(FileName, largestTOML)
	if problem != nil {
		l.refuse(*problem)
		return false
	}
	table, problems := settings.Parse(FileName, data)
	l.refuse(problems...)
	if table == nil {
		return false
	}
	l.options = settings.Options{Root: l.project.Root, PlaintextSecrets: plaintextSecrets(table)}
	var m mainFile
	l.refuse(settings.Decode(table, &m, l.options)...)
	l.project.Name = cmp.Or(m.Project.Name, filepath.Base(l.project.Root))
	l.loadDBT(table, m.Project)
	l.loadState(table, m.State)
	l.loadRunlog(table, m.Runlog)
	l.loadServe(table, m.Serve)
	l.defaults = m.Defaults
	l.loadWarehouses(m.Warehouses)
	l.checkExport(table)
	l.loadDestinations(m.Destinations)
	l.loadAlerts(m.Alerts)
	return true
}

func (l *loader) loadDBT(t *settings.Table, p projectTable) {
	if e, ok := t.Table("project").Get("dbt"); ok && e.Value == "" {
		l.refuse(e.Problem("must not be empty"))
	}
	if p.DBT != "" && !filepath.IsAbs(p.DBT) {
		p.DBT = filepath.Join(l.project.Root, p.DBT)
	}
	l.dbt.dir, l.dbt.maxAge = p.DBT, p.DBTMaxAge
}

func (l *loader) loadRunlog(t *settings.Table, r runlogTable) {
	if e, ok := t.Table("runlog").Get("samples_size"); ok && (r.SamplesSize < leastSample || r.SamplesSize > mostSample) {
		l.refuse(e.Problem("must be between %s and %s", leastSample, mostSample))
	}
	if e, ok := t.Table("runlog").Get("mask"); ok && slices.ContainsFunc(r.Mask, func(name string) bool { return strings.TrimSpace(name) == "" }) {
		l.refuse(e.Problem("must not hold an empty name"))
	}
	l.project.Runlog = Runlog(r)
}

func (l *loader) loadState(t *settings.Table, s stateTable) {
	if e, ok := t.Table("state").Get("dir"); ok && e.Value == "" {
		l.refuse(e.Problem("must not be empty"))
	}
	if e, ok := t.Table("state").Get("memory"); ok && (s.Memory < leastMemory || s.Memory > mostMemory) {
		l.refuse(e.Problem("must be between %s and %s", leastMemory, mostMemory))
	}
	l.project.State = StateSettings(s)
	if !filepath.IsAbs(s.Dir) {
		l.project.State.Dir = filepath.Join(l.project.Root, s.Dir)
	}
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
