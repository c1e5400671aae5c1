//go:build !noduckdb

package bigquerytest

import (
	"errors"
	"io"
	"testing"

	bq "google.golang.org/api/bigquery/v2"
)

// Message returns the result of sql as the Storage Read API sends it, in one message after that of its schema, and its
// columns as the REST API describes them.
func Message(t testing.TB, sql string) (schema, message []byte, fields *bq.TableSchema) {
	t.Helper()
	s := Start(t, Behaviour{})
	described, err := s.engine.fields(t.Context(), sql)
	if err != nil {
		t.Fatal(err)
	}
	j := &job{server: s, fields: described, sql: sql, life: t.Context()}
	if schema, err = serializedSchema(arrowSchema(described)); err != nil {
		t.Fatal(err)
	}
	c, err := j.open(0)
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	build := newBuilder(described)
	defer build.release()
	for {
		row, err := c.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil {
			err = build.add(row)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if message, err = build.message(); err != nil {
		t.Fatal(err)
	}
	return schema, message, j.schema()
}
