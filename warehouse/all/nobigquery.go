//go:build nobigquery

package all

import "spillway/warehouse"

// viaBigQuery returns nothing: a build with the tag nobigquery is smaller by the clients, gRPC and Arrow.
func viaBigQuery() []warehouse.Definition { return nil }
