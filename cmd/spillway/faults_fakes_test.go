//go:build !noduckdb && !nosnowflake && !nobigquery

package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	"spillway/syncer/runlog"
	"spillway/warehouse/bigquery/bigquerytest"
	"spillway/warehouse/snowflake/snowflaketest"
	"spillway/warehouse/warehousetest/mariadbtest"
)

// trouble is what befalls a warehouse in a run, and what people must learn of it.
type trouble struct {
	name   string
	befall func()
	exits  int
	says   []string // the system's own words and code, and what to do
	heal   func()   // nil: it passes by itself
}

// meets has a run meet each trouble after the model changed: one that fails sends nothing and leaves the snapshot as it
// was, so that the run after it does what was due.
func (p *site) meets(troubles []trouble, model func(version int) string) {
	p.t.Helper()
	for version, trouble := range troubles {
		p.t.Run(trouble.name, func(t *testing.T) {
			at := *p
			at.t = t
			at.write("models/people.sql", model(version))
			trouble.befall()
			run := at.spillway("run", "--json")
			if trouble.exits == exitDone {
				run.exits(exitDone)
			} else {
				at.nothingSent(run, trouble.exits, runlog.Failed, trouble.says...)
				if trouble.heal != nil {
					trouble.heal()
				}
				at.write("models/people.sql", model(version))
				run = at.spillway("run", "--json").exits(exitDone)
			}
			if r := run.run(); r.Changed != cutRows || r.Accepted != cutRows {
				t.Errorf("the run after it: %+v", r.Counts)
			}
			at.service.came()
		})
	}
}

func cutModelOf(version int) string {
	return fmt.Sprintf(cutModel, fmt.Sprintf("version %d of ", version), cutRows)
}

func testSnowflakeTroubles(s *suite) {
	server := snowflaketest.Start(s.t, snowflaketest.Options{ChunkRows: 1000, Grants: map[string][]snowflaketest.Grant{
		snowflaketest.Role: {{Privilege: "INSERT", On: "TABLE", Name: "ANALYTICS.MARTS.CUSTOMERS"}},
	}})
	p := newCut(s, fmt.Sprintf("type = \"snowflake\"\naccount = %q\nuser = %q\npassword = %q\nhost = %q\nport = %d\nprotocol = \"http\"",
		snowflaketest.Account, snowflaketest.User, snowflaketest.Password, server.Host, server.Port), cutModel)
	p.spillway("doctor").exits(exitDone).says("warning:", "has INSERT on table ANALYTICS.MARTS.CUSTOMERS", "grant usage on warehouse")
	refuse := func(code int, state, message string) func() {
		return func() {
			server.Fail(snowflaketest.Every(snowflaketest.QueryKind), 1, snowflaketest.Refuse(code, state, message))
		}
	}
	p.meets([]trouble{
		{"a chunk fails twice", func() { server.Fail(snowflaketest.Chunk(1), 2, snowflaketest.Status(http.StatusServiceUnavailable)) }, exitDone, nil, nil},
		{"a chunk is lost for good", func() { server.Fail(snowflaketest.Chunk(1), 4, snowflaketest.Lose) }, exitTemporary, []string{"models/people.sql"}, nil},
		{
			"the warehouse is suspended by its monitor", refuse(90073, "22000", "Warehouse 'WH' cannot be resumed because resource monitor 'RM' has exceeded its quota."),
			exitTemporary,
			[]string{"090073", "resource monitor 'RM' has exceeded its quota"},
			nil,
		},
		{
			"no warehouse is set", refuse(606, "57P03", "No active warehouse selected in the current session."),
			exitFailed,
			[]string{"000606", "No active warehouse selected", "set warehouse"},
			nil,
		},
		{
			"the statement takes too long", refuse(630, "57014", "Statement reached its statement or warehouse timeout of 30 second(s) and was canceled."),
			exitFailed,
			[]string{"000630", "timeout of 30 second(s)", "statement_timeout"},
			nil,
		},
		{
			"the credentials are no longer taken", func() {
				server.Fail(snowflaketest.Every(snowflaketest.LoginKind), 1, snowflaketest.Refuse(390100, "08004", "Incorrect username or password was specified."))
			},
			exitFailed,
			[]string{"390100", "Incorrect username or password"},
			nil,
		},
		{"the session ends", server.EndSessions, exitDone, nil, nil},
	}, cutModelOf)
}

func testBigQueryTroubles(s *suite) {
	server := bigquerytest.Start(s.t, bigquerytest.Behaviour{})
	p := newCut(s, fmt.Sprintf("type = \"bigquery\"\nproject = %q\nendpoint = %q\nstorage_endpoint = %q", bigquerytest.Project, server.URL, server.StorageAddr), cutModel)
	p.spillway("doctor").exits(exitDone).says("roles/bigquery.jobUser", "roles/bigquery.dataViewer")
	refuse := func(o bigquerytest.Operation, e bigquerytest.Error) func() {
		return func() {
			server.Change(func(b *bigquerytest.Behaviour) {
				b.Refusals = append(b.Refusals, bigquerytest.Refusal{Operation: o, Error: e})
			})
		}
	}
	p.meets([]trouble{
		{
			"the limit of requests", refuse(bigquerytest.Insert, bigquerytest.Error{Status: 403, Reason: "rateLimitExceeded", Message: "Exceeded rate limits"}),
			exitDone, nil, nil,
		},
		{
			"the quota", refuse(bigquerytest.Insert, bigquerytest.Error{Status: 403, Reason: "quotaExceeded", Message: "Quota exceeded: Your project exceeded quota"}),
			exitTemporary,
			[]string{"quotaExceeded", "Your project exceeded quota"},
			nil,
		},
		{
			"no right to the table", refuse(bigquerytest.DryRun, bigquerytest.Error{Status: 403, Reason: "accessDenied", Message: "Access Denied: Table crm.people"}),
			exitFailed,
			[]string{"accessDenied", "Access Denied: Table crm.people", "Data Viewer"},
			nil,
		},
		{
			"the credentials are no longer taken", refuse(bigquerytest.DryRun, bigquerytest.Error{Status: 401, Reason: "authError", Message: "Invalid Credentials"}),
			exitFailed,
			[]string{"authError", "Invalid Credentials", "check credentials"},
			nil,
		},
		{
			"rows that cannot be read", refuse(bigquerytest.Session, bigquerytest.Error{Status: int(codes.FailedPrecondition), Message: "the table is gone"}),
			exitFailed,
			[]string{"FailedPrecondition", "the table is gone"},
			nil,
		},
		{
			"a broken stream goes on", func() { server.Change(func(b *bigquerytest.Behaviour) { b.Breaks, b.BreakAt = 2, 1500 }) },
			exitDone, nil, nil,
		},
	}, cutModelOf)
}

const mysqlModel = "select seq as id, concat('p', seq, '@x.io') as email, concat('%s', seq) as name from seq_1_to_%d\n"

func testMySQLTroubles(s *suite) {
	ctx, cancel := context.WithTimeout(s.t.Context(), 5*time.Minute)
	defer cancel()
	server, err := mariadbtest.Start(ctx)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(server.Stop)
	dsn, err := server.NewDatabase(ctx, "shop")
	if err != nil {
		s.t.Fatal(err)
	}
	db, err := mariadbtest.Connect(server.DSN())
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	db.SetMaxOpenConns(1) // which outlives a change of the password
	change := func(statement string) {
		if _, err := db.ExecContext(ctx, statement); err != nil {
			s.t.Error(err)
		}
	}
	p := newCut(s, fmt.Sprintf("type = \"mysql\"\ndsn = %q\nstatement_timeout = \"3s\"", dsn), mysqlModel)
	p.spillway("doctor").exits(exitDone).says("warning:", "grant select, show view on `shop`.*")
	model := func(version int) string {
		return fmt.Sprintf(mysqlModel, fmt.Sprintf("version %d of ", version), cutRows)
	}
	slow := func() {
		p.write("models/people.sql", strings.Replace(model(9), "seq as id", "seq + sleep(if(seq = 4000, 60, 0)) as id", 1))
	}
	p.meets([]trouble{
		{
			"the statement takes too long", slow, exitFailed, []string{"max_statement_time", "statement_timeout", "models/people.sql"}, nil,
		},
		{
			"the connection is killed", func() {
				slow()
				go killSleeper(ctx, s.t, db)
			},
			exitTemporary,
			[]string{"models/people.sql"},
			nil,
		},
		{
			"the password is another one", func() { change("alter user 'spillway'@'127.0.0.1' identified by 'another'") },
			exitFailed,
			[]string{"1045", "Access denied"},
			func() { change("alter user 'spillway'@'127.0.0.1' identified by ''") },
		},
	}, model)
}

// killSleeper ends the connection of a statement as soon as it sleeps.
func killSleeper(ctx context.Context, t *testing.T, db *sql.DB) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		var id int64
		err := db.QueryRowContext(ctx, "select id from information_schema.processlist where state = 'User sleep'").Scan(&id)
		if err == nil {
			_, err = db.ExecContext(ctx, fmt.Sprintf("kill %d", id))
		}
		if err == nil {
			return
		}
		if !errors.Is(err, sql.ErrNoRows) {
			t.Error(err)
			return
		}
		select {
		case <-ctx.Done():
			t.Error("no statement slept")
			return
		case <-tick.C:
		}
	}
}
