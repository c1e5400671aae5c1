//go:build noduckdb

package bench

import (
	"errors"
	"testing"
)

var errWithoutDuckDB = errors.New("this build is without DuckDB")

func makeDuckDB(task, *figures) error { return errWithoutDuckDB }

func scanDuckDB(task, *figures) error { return errWithoutDuckDB }

func measureDuckDB(b *testing.B, _ *settings, _ *report) { b.Log(errWithoutDuckDB) }
