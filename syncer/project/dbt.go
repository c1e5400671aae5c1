package project

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"spillway/syncer/settings"
	"spillway/warehouse"
)

const (
	manifestFile = "target/manifest.json" // relative to the dbt project

	largestManifest = 1 << 30
)

// modelRef is model = "NAME", or model = { dbt = "NAME" }.
type modelRef struct {
	Name string // of a file models/NAME.sql
	DBT  string // of a dbt model, alone or as "package.name", and with a version as "name.v2"
}

// dbtModel is the table form of a model.
type dbtModel struct {
	DBT string `toml:"dbt" required:"true" help:"The name of a dbt model; of one package as package.name, of one version as name.v2."`
}

// UnmarshalText reads the name of a file.
func (m *modelRef) UnmarshalText(text []byte) error {
	m.Name = string(text)
	return nil
}

// DecodeTable reads the name of a dbt model.
func (m *modelRef) DecodeTable(t *settings.Table, o settings.Options) settings.Problems {
	var form dbtModel
	problems := settings.Decode(t, &form, o)
	m.DBT = form.DBT
	return problems
}

// Shape declares both forms to the schema and the documentation.
func (*modelRef) Shape() settings.Shape {
	return settings.Shape{
		Type:   "string or table with dbt",
		Schema: map[string]any{"anyOf": []any{map[string]any{"type": "string"}, settings.Object(dbtModel{})}},
	}
}

// manifest is what dbt says of its own project, as far as relations are concerned.
type manifest struct {
	Metadata struct {
		GeneratedAt time.Time `json:"generated_at"`
		Project     string    `json:"project_name"`
		Adapter     string    `json:"adapter_type"`
	} `json:"metadata"`
	Nodes map[string]dbtNode `json:"nodes"`
}

// dbtNode is one model, seed or snapshot.
type dbtNode struct {
	Name     string `json:"name"`
	Package  string `json:"package_name"`
	Resource string `json:"resource_type"`
	Relation string `json:"relation_name"` // quoted for the system of the adapter; empty where there is none
	Version  any    `json:"version"`       // a number, a string or null
	Latest   any    `json:"latest_version"`
}

// dbt reads the manifest of the dbt project once, and none of its other files.
type dbt struct {
	dir      string // absolute; empty where none is declared
	maxAge   time.Duration
	read     bool
	manifest *manifest
	problem  string // why there is none
}

// load returns the manifest, or what is wrong with it.
func (d *dbt) load(now time.Time) (*manifest, string) {
	if !d.read {
		d.read = true
		m, err := readManifest(d.dir)
		switch {
		case err != nil:
			d.problem = fmt.Sprintf("%s cannot be read: %s; run dbt parse, and see dbt under [project]", d.file(), err)
		case d.maxAge > 0 && now.Sub(m.Metadata.GeneratedAt) > d.maxAge:
			d.problem = fmt.Sprintf("%s is of %s, %s old: run dbt parse, or raise dbt_max_age under [project]", d.file(),
				m.Metadata.GeneratedAt.UTC().Format(time.DateOnly), days(now.Sub(m.Metadata.GeneratedAt)))
		default:
			d.manifest = m
		}
	}
	return d.manifest, d.problem
}

func (d *dbt) file() string { return filepath.Join(d.dir, manifestFile) }

func days(age time.Duration) string { return fmt.Sprintf("%d days", int(age/(24*time.Hour))) }

// readManifest reads one file below dir, which no symbolic link may lead out of.
func readManifest(dir string) (*manifest, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, reason(err)
	}
	defer func() { _ = root.Close() }()
	info, err := root.Stat(manifestFile)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, errors.New("there is no such file")
	case err != nil:
		return nil, reason(err)
	case !info.Mode().IsRegular():
		return nil, errors.New("it is not a regular file")
	case info.Size() > largestManifest:
		return nil, errors.New("it is larger than 1 GiB")
	}
	data, err := root.ReadFile(manifestFile)
	if err != nil {
		return nil, reason(err)
	}
	var m manifest
	if err := json.Unmarshal(data, &m); err != nil {
		return nil, errors.New("it is not the JSON of a dbt manifest")
	}
	if m.Metadata.GeneratedAt.IsZero() || m.Nodes == nil {
		return nil, errors.New("it does not say when it was made, or holds no nodes")
	}
	return &m, nil
}

// relation finds the relation of a model. message says why there is none.
func (m *manifest) relation(name string) (relation, message string) {
	var found []dbtNode
	var known []string
	for _, n := range m.Nodes {
		if !slices.Contains([]string{"model", "seed", "snapshot"}, n.Resource) {
			continue
		}
		known = append(known, n.Name)
		if n.answers(name) {
			found = append(found, n)
		}
	}
	if own := slices.DeleteFunc(slices.Clone(found), func(n dbtNode) bool { return n.Package != m.Metadata.Project }); len(own) > 0 {
		found = own // those of installed packages come second
	}
	slices.Sort(known)
	switch {
	case len(found) == 0:
		return "", fmt.Sprintf("there is no dbt model %q in the manifest of %s%s", name, m.Metadata.GeneratedAt.UTC().Format(time.DateTime),
			settings.Hint(name, slices.Compact(known)))
	case len(found) > 1:
		slices.SortFunc(found, func(a, b dbtNode) int { return cmp.Compare(a.Package, b.Package) })
		return "", fmt.Sprintf("several dbt models are called %q: write %s.%s, or the name of another package", name, found[0].Package, name)
	case found[0].Relation == "":
		return "", fmt.Sprintf("the dbt model %q is ephemeral: it has no relation in the warehouse", name)
	}
	return found[0].Relation, ""
}

// answers reports whether n is what name names: of a model with versions the latest, unless name ends in one.
func (n dbtNode) answers(name string) bool {
	name = strings.TrimPrefix(name, n.Package+".")
	version := ""
	if n.Version != nil {
		version = fmt.Sprint(n.Version)
	}
	if name == n.Name {
		return version == "" || version == fmt.Sprint(n.Latest)
	}
	return version != "" && name == n.Name+".v"+version
}

// buildDBT sets what is read to the relation of a dbt model.
func (d *draft) buildDBT(e settings.Entry, name string) {
	if name == "" {
		return // which was refused already, or is to be
	}
	if d.dbt.dir == "" {
		d.refuse(e.Problem("needs the directory of the dbt project: set dbt under [project], such as dbt = \"../dbt\""))
		return
	}
	m, problem := d.dbt.load(time.Now())
	if m == nil {
		d.refuse(e.Problem("%s", problem))
		return
	}
	relation, message := m.relation(name)
	if message != "" {
		d.refuse(e.Problem("%s", message))
		return
	}
	w, ok := d.project.Warehouses[d.sync.Warehouse]
	if ok && d.otherSystem(w.Kind.Name, m.Metadata.Adapter) {
		d.refuse(e.Problem("the dbt project builds in %s, and warehouse %s is of type %s", m.Metadata.Adapter, w.Name, w.Kind.Name))
		return
	}
	d.sync.Model, d.sync.Table, d.sync.SQL = name, relation, "select * from "+relation
}

// otherSystem reports whether a dbt adapter surely writes into another kind of system than kind.
func (d *draft) otherSystem(kind, adapter string) bool {
	if adapter == "mariadb" {
		adapter = "mysql"
	}
	return adapter != kind && slices.ContainsFunc(d.kinds.Warehouses, func(k warehouse.Definition) bool { return k.Name == adapter })
}
