//go:build noduckdb

package all

import "spillway/warehouse"

// embedded returns nothing: a build with the tag noduckdb is pure Go.
func embedded() []warehouse.Definition { return nil }
