package bigquery

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/ipc"

	"spillway/warehouse"
)

// readSchema reads the schema of a session, which is one message of Arrow.
func readSchema(message []byte) (schema *arrow.Schema, err error) {
	defer recovered(&err)
	reader, err := ipc.NewReader(bytes.NewReader(message))
	if err != nil {
		return nil, fmt.Errorf("read the schema of the result: %w", err)
	}
	defer reader.Release()
	return reader.Schema(), nil
}

// recovered makes an error of the panics with which Arrow meets what it cannot read.
func recovered(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("%w: %v", errMessage, p)
	}
}

var errMessage = errors.New("a message of the Storage Read API cannot be read")

// record is one message of rows.
type record struct {
	rows    int
	columns []vector
}

// bind checks that a session delivers the columns that the dry run described.
func (s shape) bind(schema *arrow.Schema) error {
	if schema.NumFields() != len(s.columns) {
		return fmt.Errorf("%w: %d columns instead of %d", errType, schema.NumFields(), len(s.columns))
	}
	for i, c := range s.columns {
		if f := schema.Field(i); f.Name != c.Name {
			return fmt.Errorf("%w: column %d is called %q instead of %q", errType, i+1, f.Name, c.Name)
		}
	}
	return nil
}

// decode reads one message, which follows the message of the schema. The record points into memory that is its own.
func (s shape) decode(schema, message []byte) (out *record, err error) {
	defer recovered(&err)
	reader, err := ipc.NewReader(io.MultiReader(bytes.NewReader(schema), bytes.NewReader(message)))
	if err != nil {
		return nil, fmt.Errorf("%w: %v", errMessage, err) //nolint:errorlint // it may wrap io.EOF, which here would mean the end
	}
	defer reader.Release()
	if !reader.Next() {
		return nil, fmt.Errorf("%w: %v", errMessage, reader.Err())
	}
	batch := reader.RecordBatch()
	batch.Retain()
	out = &record{rows: int(batch.NumRows())}
	for i, k := range s.kinds {
		v, err := k.load(batch.Column(i))
		if err != nil {
			return nil, s.damaged(i, err)
		}
		out.columns = append(out.columns, v)
	}
	return out, nil
}

func (r *record) len() int { return r.rows }

func (r *record) value(column, row int) (warehouse.Value, error) { return r.columns[column].value(row) }

func (r *record) appendPacked(dst []byte, column, row int) ([]byte, error) {
	return r.columns[column].appendPacked(dst, row)
}
