package snowflake

import (
	"context"
	"errors"
	"strings"

	"spillway/warehouse"
	"spillway/warehouse/sqldb"
)

// statementBytes is about half of what Snowflake takes for the text of a statement and its bound values.
// Source: https://docs.snowflake.com/en/user-guide/query-size-limits
const statementBytes = 512 << 10

// openWriter logs in by itself, with the session parameters of models: none of them keeps a session from writing. Its
// TIMEZONE = UTC is what values without a zone are taken in.
func openWriter(_ context.Context, c Config, env warehouse.Env) (warehouse.Writer, error) {
	s, err := newSnowflake(c, env)
	if err != nil {
		return nil, err
	}
	s.db.SetMaxIdleConns(1)
	return &sqldb.Writer{DB: s.db, Explain: unwritten, Dialect: sqldb.Dialect{
		Quote:     folded,
		Types:     map[warehouse.Type]string{warehouse.String: "varchar", warehouse.Int: "bigint", warehouse.Time: "timestamp_tz"},
		Parameter: func(int) string { return "?" },
		MostBytes: statementBytes,
	}}, nil
}

// folded writes names as Snowflake reads them without quotes: in upper case.
func folded(name ...string) string { return strings.ToUpper(sqldb.Quote(name...)) }

// unwritten is an error of a writer, which takes other rights than a model.
func unwritten(ctx context.Context, err error) error {
	err = failure(ctx, err)
	e, ok := errors.AsType[*warehouse.Error](err)
	if !ok {
		return err
	}
	out := *e
	switch out.Code {
	case "000904":
		out.Hint = "the table was made by somebody else, or by another version: rename it, or set another prefix under [runlog]"
	case "002003", "002043", "090105", "090106":
		out.Hint = "check schema under [runlog], such as \"db.audit\", and grant the role USAGE on the database and on the schema: they are not made"
	case "003001":
		out.Hint = "grant the role CREATE TABLE on the schema, or let somebody else make the table and grant SELECT, INSERT and DELETE on it"
	}
	return &out
}
