//go:build !noduckdb

package all

import (
	"spillway/warehouse"
	"spillway/warehouse/duckdb"
)

// embedded returns the kinds of warehouse that run inside this process.
func embedded() []warehouse.Definition {
	return []warehouse.Definition{duckdb.Definition()}
}
