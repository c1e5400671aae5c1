//go:build nosnowflake

package all

import "spillway/warehouse"

// viaSnowflake returns nothing: a build with the tag nosnowflake is smaller by the driver and Arrow.
func viaSnowflake() []warehouse.Definition { return nil }
