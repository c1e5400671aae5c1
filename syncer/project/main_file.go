package project

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"regexp"
	"slices"
	"time"

	"spillway/destinations"
	"spillway/syncer/secrets"
	"spillway/syncer/settings"
	"spillway/warehouse"
)

// mainFile declares spillway.toml.
type mainFile struct {
	Project      projectTable    `toml:"project" help:"The project itself."`
	State        stateTable      `toml:"state" help:"Where Spillway keeps what must outlast a run."`
	Runlog       runlogTable     `toml:"runlog" help:"What is kept of past runs."`
	Serve        serveTable      `toml:"serve" help:"How spillway serve listens and works."`
	Warehouses   *settings.Table `toml:"warehouses" help:"The SQL systems that models are read from, each under a name of its own."`
	Destinations *settings.Table `toml:"destinations" help:"The services that records are delivered to, each under a name of its own."`
	Alerts       *settings.Table `toml:"alerts" help:"Whom spillway serve tells when a sync needs somebody, each under a name of its own."`
	Defaults     *settings.Table `toml:"defaults" help:"Anything a sync may set, unless the sync sets it."`
}

type projectTable struct {
	Name                  string        `toml:"name" help:"The project's name. By default that of its directory."`
	AllowPlaintextSecrets bool          `toml:"allow_plaintext_secrets" default:"false" help:"Lets secrets stand in this file themselves instead of being referred to."`
	DBT                   string        `toml:"dbt" help:"The directory of the dbt project whose models syncs name as { dbt = \"NAME\" }, such as ../dbt. Of it only target/manifest.json is read."`
	DBTMaxAge             time.Duration `toml:"dbt_max_age" default:"30d" help:"How old that manifest may be; 0s is any age."`
}

type stateTable struct {
	Dir           string         `toml:"dir" default:".spillway" help:"The directory of snapshots and the run log; relative to the project. It is made with mode 0700."`
	Memory        Size           `toml:"memory" default:"64MB" help:"How much memory the snapshot of a sync may take while it runs, from 4MB to 64GB. What does not fit goes to the disk; one bit a row comes on top."`
	EncryptionKey secrets.Secret `toml:"encryption_key" help:"The key under which keys and identifiers are encrypted in the snapshots: 32 bytes in base64, as openssl rand -base64 32 makes them."`
}

// The bounds of [state] memory.
const (
	leastMemory = 4 * megabyte
	mostMemory  = 64 * gigabyte
)

type runlogTable struct {
	Rows      string        `toml:"rows" default:"problems" enum:"problems,all,none" help:"Which rows of a run are kept by key: those with problems, all, or none."`
	Keys      string        `toml:"keys" default:"plain" enum:"plain,hash" help:"Whether keys of rows are kept as they are or hashed."`
	Retention time.Duration `toml:"retention" default:"30d" min:"1h" help:"How long runs are kept."`

	Samples     Sampling      `toml:"samples" help:"Whether requests and answers are kept, which hold row values: true for those with a problem, \"all\", or false (default)."`
	Mask        []string      `toml:"mask" help:"Fields whose values are cut out of samples, by the destination's names, such as email."`
	SamplesTTL  time.Duration `toml:"samples_ttl" default:"7d" min:"1h" help:"How long samples are kept."`
	SamplesSize Size          `toml:"samples_size" default:"4KB" help:"How much of each request and of each answer is kept, from 1KB to 1MB."`

	Warehouse string `toml:"warehouse" help:"A warehouse into whose tables finished runs and their problems are written. Its role must be allowed to write there."`
	Schema    string `toml:"schema" help:"The schema of these tables, which must exist. By default the one where the connection looks for names."`
	Prefix    string `toml:"prefix" default:"spillway_" help:"What the names of these tables begin with, before runs, rows and errors."`
}

// The bounds of [runlog] samples_size.
const (
	leastSample = kilobyte
	mostSample  = megabyte
)

type serveTable struct {
	Listen      string   `toml:"listen" default:"127.0.0.1:8400" help:"The address to listen on: host and port. One beyond this machine needs tokens, and TLS or behind_proxy."`
	URL         string   `toml:"url" help:"The address by which people reach its pages, such as https://spillway.example.com: links in alerts begin with it."`
	MaxRuns     int      `toml:"max_runs" default:"4" min:"1" max:"64" help:"How many runs go on at once, each of another sync."`
	Hosts       []string `toml:"hosts" help:"Names by which browsers and programs may call it, beside localhost and the hosts of listen and url. All others are refused."`
	BehindProxy bool     `toml:"behind_proxy" default:"false" help:"A proxy before it ends TLS, and passes on nothing else."`
	TLSCert     string   `toml:"tls_cert" help:"The file of the certificate, in PEM; relative to the project."`
	TLSKey      string   `toml:"tls_key" help:"The file of the certificate's key, in PEM; relative to the project."`
}

// name is what warehouses, destinations and syncs may be called: it stands in selectors, file names and logs.
var name = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_-]*$`)

const nameRule = "a name has letters, digits, underscores and hyphens, and does not start with a hyphen"

// plaintextSecrets looks ahead at what the secrets of the same file depend on.
func plaintextSecrets(t *settings.Table) bool {
	e, _ := t.Table("project").Get("allow_plaintext_secrets")
	allowed, ok := e.Value.(bool)
	return ok && allowed
}

func (l *loader) loadWarehouses(t *settings.Table) {
	l.project.Warehouses = map[string]Warehouse{}
	kinds := map[string]warehouse.Definition{}
	for _, k := range l.kinds.Warehouses {
		kinds[k.Name] = k
	}
	for _, e := range t.Entries() {
		l.warehouses = append(l.warehouses, e.Name)
		if kind, config, ok := configured(l, e, kinds, warehouse.Definition.Config); ok {
			l.project.Warehouses[e.Name] = Warehouse{Name: e.Name, Kind: kind, Config: config, At: at(e), Declared: declaration(e)}
		}
	}
}

func (l *loader) loadDestinations(t *settings.Table) {
	l.project.Destinations = map[string]Destination{}
	kinds := map[string]destinations.Definition{}
	for _, k := range l.kinds.Destinations {
		kinds[k.Name] = k
	}
	for _, e := range t.Entries() {
		l.destinations = append(l.destinations, e.Name)
		if kind, config, ok := configured(l, e, kinds, destinations.Definition.Config); ok {
			l.project.Destinations[e.Name] = Destination{Name: e.Name, Kind: kind, Config: config, At: at(e), Declared: declaration(e)}
		}
	}
}

// configured reads one warehouse, destination or alert by the kind that its type names; the keys in elsewhere are not the
// kind's. It reports whether the kind is known.
func configured[D any](l *loader, e settings.Entry, kinds map[string]D, fresh func(D) any, elsewhere ...string) (kind D, config any, ok bool) {
	if !name.MatchString(e.Name) {
		l.refuse(e.Problem("%s", nameRule))
	}
	t, isTable := e.Value.(*settings.Table)
	if !isTable {
		l.refuse(e.Problem(`must be a table with a type`))
		return kind, nil, false
	}
	known := sortedKeys(kinds)
	typ, given := t.Get(typeKey)
	if !given {
		l.refuse(t.Problem(typeKey, "is required%s", settings.Hint("", known)))
		return kind, nil, false
	}
	word, isString := typ.Value.(string)
	if !isString {
		l.refuse(typ.Problem("must be a string%s", settings.Hint("", known)))
		return kind, nil, false
	}
	if kind, ok = kinds[word]; !ok {
		l.refuse(typ.Problem("there is no type %q%s", word, settings.Hint(word, known)))
		return kind, nil, false
	}
	config = fresh(kind)
	options := l.options
	options.Ignore = append(elsewhere, typeKey)
	l.refuse(settings.Decode(t, config, options)...)
	return kind, config, true
}

// typeKey names the kind of a warehouse, a destination or an alert in its table.
const typeKey = "type"

func at(e settings.Entry) string { return fmt.Sprintf("%s:%d", e.File(), e.Line()) }

// declaration returns a sum over what is written of a warehouse, a destination or an alert, however it is laid out.
func declaration(e settings.Entry) string {
	sum := sha256.New()
	declare(sum, e.Value)
	return hex.EncodeToString(sum.Sum(nil))
}

func declare(sum io.Writer, value any) {
	switch v := value.(type) {
	case *settings.Table:
		entries := slices.SortedFunc(slices.Values(v.Entries()), func(a, b settings.Entry) int { return cmp.Compare(a.Name, b.Name) })
		for _, e := range entries {
			fmt.Fprintf(sum, "{%q:", e.Name)
			declare(sum, e.Value)
		}
		fmt.Fprint(sum, "}")
	case []any:
		for _, element := range v {
			fmt.Fprint(sum, "[")
			declare(sum, element)
		}
		fmt.Fprint(sum, "]")
	default:
		fmt.Fprintf(sum, "%T %q", v, fmt.Sprint(v))
	}
}
