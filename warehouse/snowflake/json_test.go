//go:build !noduckdb

package snowflake

import (
	"testing"

	"spillway/warehouse/snowflake/snowflaketest"
)

func TestConformanceOfResultsInJSON(t *testing.T) {
	conforms(t, snowflaketest.Start(t, snowflaketest.Options{JSON: true}))
}
