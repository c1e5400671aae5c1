// Package all lists the kinds of warehouse that this build knows.
package all

import (
	"spillway/warehouse"
	"spillway/warehouse/mysql"
	"spillway/warehouse/postgres"
)

// Definitions returns all kinds of warehouse, in the order in which they are shown.
func Definitions() []warehouse.Definition {
	return append(embedded(), postgres.Definition(), postgres.Redshift(), mysql.Definition())
}
