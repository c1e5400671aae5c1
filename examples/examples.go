// Package examples holds projects that run as they stand. Quickstart is what spillway init writes.
package examples

import "embed"

// Quickstart is a project on embedded DuckDB over CSV files and the sandbox CRM, below the directory quickstart. What
// runs of it left there is not part of it, and neither are the schemas, which init makes anew.
//
//go:embed quickstart/.gitignore quickstart/README.md quickstart/spillway.toml
//go:embed quickstart/data quickstart/models quickstart/syncs
var Quickstart embed.FS

//go:generate go run ./generate
