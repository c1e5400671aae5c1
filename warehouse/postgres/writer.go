package postgres

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"spillway/warehouse"
	"spillway/warehouse/sqldb"
)

// maxVarchar is the length in bytes of the longest text of Redshift.
const maxVarchar = 65535

func openWriter(_ context.Context, c Config, env warehouse.Env) (warehouse.Writer, error) {
	return newWriter(c, nil, env, sqldb.Dialect{
		Types: map[warehouse.Type]string{warehouse.String: "text", warehouse.Int: "bigint", warehouse.Time: "timestamp with time zone"},
	})
}

func openRedshiftWriter(_ context.Context, c RedshiftConfig, env warehouse.Env) (warehouse.Writer, error) {
	config := Config(c)
	config.Parameters = nil // as when it is read
	return newWriter(config, c.Parameters, env, sqldb.Dialect{
		Types:    map[warehouse.Type]string{warehouse.String: "varchar(65535)", warehouse.Int: "bigint", warehouse.Time: "timestamp with time zone"},
		Key:      "varchar(64)",
		MostText: maxVarchar,
	})
}

// newWriter makes the settings once more with each transaction that did not go with the connection.
func newWriter(c Config, settings map[string]string, env warehouse.Env, d sqldb.Dialect) (warehouse.Writer, error) {
	p, err := newPostgres(c, env)
	if err != nil {
		return nil, err
	}
	p.db.SetMaxIdleConns(1)
	d.Quote = sqldb.Quote
	d.Parameter = func(n int) string { return "$" + strconv.Itoa(n) }
	d.Settings = []string{"set statement_timeout to " + strconv.FormatInt(c.StatementTimeout.Milliseconds(), 10)}
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		if !setting.MatchString(name) {
			return nil, fmt.Errorf("parameters: %q is not the name of a setting", name)
		}
		d.Settings = append(d.Settings, "set "+name+" to "+sqldb.Literal(settings[name]))
	}
	return &sqldb.Writer{DB: p.db.DB, Dialect: d, Explain: unwritten}, nil
}

// unwritten is an error of a writer, which takes other rights than a model.
func unwritten(ctx context.Context, err error) error {
	err = failure(ctx, "", err)
	e, ok := errors.AsType[*warehouse.Error](err)
	if !ok {
		return err
	}
	out := *e
	switch out.Code {
	case "42501":
		out.Hint = "grant the role CREATE on the schema, or let somebody else make the table and grant SELECT, INSERT and DELETE on it"
	case "42P01", "3F000":
		out.Hint = "check schema under [runlog]: it is not made"
	case "42703":
		out.Hint = "the table was made by somebody else, or by another version: rename it, or set another prefix under [runlog]"
	case "25006":
		out.Hint = "the role or the server only reads: name a warehouse under [runlog] that can be written"
	}
	return &out
}
