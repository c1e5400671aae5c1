// Package all lists the kinds of warehouse that this build knows.
package all

import (
	"slices"

	"spillway/warehouse"
	"spillway/warehouse/mysql"
	"spillway/warehouse/postgres"
)

// Definitions returns all kinds of warehouse, in the order in which they are shown.
func Definitions() []warehouse.Definition {
	served := []warehouse.Definition{postgres.Definition(), postgres.Redshift(), mysql.Definition()}
	return slices.Concat(embedded(), served, viaSnowflake(), viaBigQuery())
}
