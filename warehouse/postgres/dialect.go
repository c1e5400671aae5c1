package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"spillway/warehouse"
)

// dialect is what PostgreSQL and the systems that speak its protocol do each in their own way.
type dialect interface {
	// opening begins the read-only transaction and makes its settings.
	opening(timeout time.Duration, tag warehouse.Tag) string

	// limits reports whether a cursor limits a query; where it does not, reading stops and the statement is cancelled.
	limits() bool

	// types finds the codec and the full name of each field's type.
	types(ctx context.Context, s *session, fields []pgconn.FieldDescription) (shape, error)

	// complete reports whether the server's last word on a result proves that so many rows were all (invariant 5).
	complete(tag pgconn.CommandTag, read int64) bool
}

// native is PostgreSQL itself.
type native struct{}

func (native) opening(timeout time.Duration, tag warehouse.Tag) string { return opening(timeout, tag) }

func (native) limits() bool { return true }

func (native) types(ctx context.Context, s *session, fields []pgconn.FieldDescription) (shape, error) {
	return s.types(ctx, fields)
}

func (native) complete(tag pgconn.CommandTag, read int64) bool { return tag.RowsAffected() == read }
