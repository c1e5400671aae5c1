//go:build !noduckdb && !nosnowflake && !nobigquery

package main

import (
	"fmt"

	"spillway/syncer/runlog"
	"spillway/warehouse/bigquery/bigquerytest"
	"spillway/warehouse/snowflake/snowflaketest"
)

// standInTests are those that need a warehouse which only a server of ours can stand for.
func standInTests() map[string]func(*suite) {
	return map[string]func(*suite){
		"a result of Snowflake that ends early": testCutSnowflake,
		"a stream of BigQuery that ends early":  testCutBigQuery,
		"troubles of Snowflake":                 testSnowflakeTroubles,
		"troubles of BigQuery":                  testBigQueryTroubles,
		"troubles of MySQL":                     testMySQLTroubles,
	}
}

const (
	cutRows  = 5000
	cutModel = "select i as id, 'p' || i || '@x.io' as email, '%s' || i as name from range(%d) t(i)\n"
)

// newCut makes a project that has delivered cutRows rows, by a model that takes a word for the names and a number of rows.
func newCut(s *suite, settings, model string) *site {
	p := newMove(s)
	p.write("syncs/people.toml", `model = "people"
destination = "hook"
object = "people"
key = "id"
identifier = "email"
on_removed = "delete"

[fields]
email = "email"
name = "name"
`)
	p.reads(settings, fmt.Sprintf(model, "a", cutRows))
	if r := p.run(exitDone); r.Accepted != cutRows {
		s.t.Fatalf("%d of %d rows were accepted", r.Accepted, cutRows)
	}
	p.service.came()
	return p
}

// cutShort checks that nothing comes of results that are cut short, and that a whole one then does what was due before.
func (p *site) cutShort(says string, cut, heal func()) {
	p.t.Helper()
	p.write("models/people.sql", fmt.Sprintf(cutModel, "b", cutRows-7))
	cut()
	p.nothingSent(p.spillway("run", "--json"), exitTemporary, runlog.Failed, says, "models/people.sql")
	heal()
	if plan := p.plan(); plan.Same != 0 || plan.Changed != cutRows-7 || plan.Removed != 7 || plan.Carried != 0 {
		p.t.Errorf("after it %d rows are the same, %d to change, %d to remove and %d carried", plan.Same, plan.Changed, plan.Removed, plan.Carried)
	}
	if r := p.run(exitDone); r.Accepted != cutRows {
		p.t.Errorf("the whole result: %+v", r.Counts)
	}
}

func testCutSnowflake(s *suite) {
	server := snowflaketest.Start(s.t, snowflaketest.Options{ChunkRows: 1000})
	p := newCut(s, fmt.Sprintf("type = \"snowflake\"\naccount = %q\nuser = %q\npassword = %q\nhost = %q\nport = %d\nprotocol = \"http\"",
		snowflaketest.Account, snowflaketest.User, snowflaketest.Password, server.Host, server.Port), cutModel)
	// A chunk that lacks rows is asked for again, four times in all.
	p.cutShort("declared 2048", func() { server.Fail(snowflaketest.Chunk(0), 4, server.Short) }, func() {})
	p.write("models/people.sql", fmt.Sprintf(cutModel, "c", cutRows-20))
	server.OmitLastChunk()
	p.service.came()
	p.nothingSent(p.spillway("run", "--json"), exitTemporary, runlog.Failed, "declared 2932", "models/people.sql")
}

func testCutBigQuery(s *suite) {
	server := bigquerytest.Start(s.t, bigquerytest.Behaviour{Processed: 1_234_000_000, Accuracy: "UPPER_BOUND"})
	p := newCut(s, fmt.Sprintf("type = \"bigquery\"\nproject = %q\nendpoint = %q\nstorage_endpoint = %q", bigquerytest.Project, server.URL, server.StorageAddr), cutModel)
	cut := func(after int64) func() {
		return func() { server.Change(func(b *bigquerytest.Behaviour) { b.CutStream = after }) }
	}
	p.cutShort("4993 rows, 2000 came", cut(2000), cut(0))
	p.spillway("plan").exits(exitDone).says("at most 1.2 GB billed by w")
	if b := p.plan().Billed; b == nil || b.Bytes < 1_234_000_000 || b.Bound != "at most" {
		s.t.Errorf("the plan says that %+v is billed", b)
	}
}
