//go:build !noduckdb

package duckdb

import (
	"context"

	"spillway/warehouse"
)

var _ warehouse.Inspector = (*duckdb)(nil)

// Privileges has nothing to say: DuckDB knows no roles, and its file is opened for reading only.
func (*duckdb) Privileges(context.Context) (warehouse.Privileges, error) {
	return warehouse.Privileges{}, nil
}
