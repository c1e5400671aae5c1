//go:build !nosnowflake

package all

import (
	"spillway/warehouse"
	"spillway/warehouse/snowflake"
)

// viaSnowflake returns Snowflake.
func viaSnowflake() []warehouse.Definition {
	return []warehouse.Definition{snowflake.Definition()}
}
