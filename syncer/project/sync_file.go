package project

import (
	"strings"
	"time"

	"spillway/destinations"
	"spillway/syncer/settings"
)

// syncFile declares syncs/*.toml, and [defaults].
type syncFile struct {
	Model modelRef `toml:"model" help:"The model whose rows are delivered: the name of a file models/NAME.sql, or of a dbt model as { dbt = \"NAME\" }. Or sql, or table."`
	SQL   string   `toml:"sql" help:"The SQL itself, in place of a model."`
	Table string   `toml:"table" help:"A table or view, in place of a model, such as analytics.customers."`

	Warehouse   string           `toml:"warehouse" help:"The warehouse to read from. May be left out where the project has one."`
	Destination string           `toml:"destination" required:"true" help:"The destination to deliver to."`
	Object      string           `toml:"object" required:"true" help:"What the destination calls the records, such as contacts."`
	Mode        destinations.Op  `toml:"mode" default:"upsert" enum:"upsert,update,insert" help:"Whether records are made, changed, or both."`
	Key         settings.Strings `toml:"key" required:"true" help:"The model's primary key: a column, or several."`
	Identifier  string           `toml:"identifier" help:"The destination field that finds a record."`
	OnRemoved   string           `toml:"on_removed" default:"ignore" enum:"ignore,clear,archive,delete" help:"What is done with a record whose row has left the model."`

	Schedule string   `toml:"schedule" help:"When it runs: five-field cron, @hourly and the like, or @every 10m. Without one it runs by hand."`
	Timezone string   `toml:"timezone" default:"UTC" help:"The time zone of the schedule, such as Europe/London."`
	Tags     []string `toml:"tags" help:"Words to select syncs by, as in -s tag:crm."`

	Overlap    Overlap       `toml:"overlap" default:"skip" enum:"skip,queue" help:"What becomes of a run that is due while another of the same sync goes on: it is skipped, or one waits for all of them."`
	CatchUp    CatchUp       `toml:"catch_up" default:"latest" enum:"latest,none,all" help:"What becomes of ticks that passed while spillway serve was not running: the latest is run, none, or all."`
	CatchUpMax int           `toml:"catch_up_max" default:"24" min:"1" max:"1000" help:"How many of them catch_up = \"all\" runs, the latest ones."`
	Jitter     time.Duration `toml:"jitter" default:"0s" min:"0s" max:"24h" help:"Spreads runs that are due at one time: each sync starts later by a time of its own, shorter than this and always the same."`
	After      []string      `toml:"after" help:"Syncs after which this one runs, once all of them have succeeded. A schedule in [defaults] is then not its own."`

	Fields   fieldsTable   `toml:"fields" help:"The destination fields, each with where its value comes from."`
	Guard    guardTable    `toml:"guard" help:"Holds a run before anything is sent."`
	Retry    retryTable    `toml:"retry" help:"How often something is tried."`
	Delivery deliveryTable `toml:"delivery" help:"Caps below the destination's own."`
}

type guardTable struct {
	MaxRemoved Share `toml:"max_removed" default:"10%" help:"The most removals that may be sent, of the previous snapshot; a number is absolute. Ten rows are always allowed."`
	MaxChanged Share `toml:"max_changed" default:"100%" help:"The most changes that may be sent, of the previous snapshot; a number is absolute."`
	MaxInvalid Share `toml:"max_invalid" default:"1%" help:"The most rows that may be invalid, of the source; a number is absolute."`
	AllowEmpty bool  `toml:"allow_empty" default:"false" help:"Believes a model that has no rows at all."`

	AllowKeyless bool `toml:"allow_keyless" default:"false" help:"Sends removals although rows of the model have no key, any of which may be the row of a record that is removed."`
}

type retryTable struct {
	Attempts int         `toml:"attempts" default:"5" min:"1" max:"20" help:"How often one request is tried within a run."`
	GiveUp   giveUpTable `toml:"give_up" help:"When a row that keeps being rejected is quarantined: whichever comes first."`
}

type giveUpTable struct {
	Runs int           `toml:"runs" default:"10" min:"1" max:"10000" help:"After so many runs that rejected it."`
	Age  time.Duration `toml:"age" default:"14d" min:"1m" help:"After so long."`
}

type deliveryTable struct {
	Batch       int               `toml:"batch" min:"1" max:"100000" help:"Records in one request, at most."`
	Rate        destinations.Rate `toml:"rate" help:"Requests in a length of time, at most, as in 8/s or 100/10s."`
	Concurrency int               `toml:"concurrency" min:"1" max:"64" help:"Requests in flight at once, at most."`
	Fields      DeliveredFields   `toml:"fields" default:"all" enum:"all,changed" help:"Which fields of a changed record are sent: all, or those that differ from the record last accepted."`
}

// mergesDeep says which tables of a sync are laid over those of [defaults] key by key, instead of hiding them. A field
// is not one of them: what a sync says of a field is all there is to it.
func mergesDeep(e settings.Entry) bool {
	switch e.Key() {
	case "guard", "retry", "retry.give_up", "delivery", "fields":
		return true
	}
	group, ok := e.Value.(*settings.Table)
	return ok && strings.HasPrefix(e.Key(), "fields.") && group.Implicit()
}
