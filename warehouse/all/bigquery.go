//go:build !nobigquery

package all

import (
	"spillway/warehouse"
	"spillway/warehouse/bigquery"
)

// viaBigQuery returns BigQuery.
func viaBigQuery() []warehouse.Definition {
	return []warehouse.Definition{bigquery.Definition()}
}
