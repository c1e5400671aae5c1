package mysql

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"

	"spillway/warehouse"
	"spillway/warehouse/sqldb"
)

func openWriter(_ context.Context, c Config, env warehouse.Env) (warehouse.Writer, error) {
	if err := c.validate(); err != nil {
		return nil, err
	}
	log := env.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	db := sql.OpenDB(&connector{config: c, log: log})
	db.SetMaxIdleConns(1)
	db.SetConnMaxIdleTime(maxIdleTime)
	return &sqldb.Writer{DB: db, Explain: unwritten, Dialect: sqldb.Dialect{
		Quote:     quote,
		Types:     map[warehouse.Type]string{warehouse.String: "mediumtext", warehouse.Int: "bigint", warehouse.Time: "datetime(6)"},
		Key:       "varchar(64)",
		Suffix:    " engine = InnoDB default charset = utf8mb4",
		Parameter: func(int) string { return "?" },
		Settings:  []string{"set names utf8mb4, time_zone = '+00:00'"},
	}}, nil
}

// unwritten is an error of a writer, which takes other rights than a model.
func unwritten(ctx context.Context, err error) error {
	err = failure(ctx, err)
	e, ok := errors.AsType[*warehouse.Error](err)
	if !ok {
		return err
	}
	out := *e
	switch out.Code {
	case "1044", "1142":
		out.Hint = "grant the account CREATE on the database, or let somebody else make the table and grant SELECT, INSERT and DELETE on it"
	case "1049", "1046":
		out.Hint = "check schema under [runlog], or the connection's database: it is not made"
	case "1054":
		out.Hint = "the table was made by somebody else, or by another version: rename it, or set another prefix under [runlog]"
	case "1290", "1792":
		out.Hint = "the server only reads: name a warehouse under [runlog] that can be written"
	}
	return &out
}
