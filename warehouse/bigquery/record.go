package bigquery

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"spillway/warehouse"
)

// readSchema reads the schema of a session, which is one message of Arrow.
func readSchema(message []byte) (schema *arrow.Schema, err error) {
	defer recovered(&err)
	reader, err := ipc.NewReaderFromMessageReader(&messages{message})
	if err != nil {
		return nil, unreadable(err)
	}
	defer reader.Release()
	return reader.Schema(), nil
}

// messages are some messages of Arrow, each in memory of its own, which is not copied. Arrow's own reader takes memory
// for as many bytes as a message says that it has.
type messages [][]byte

func (m *messages) Message() (*ipc.Message, error) {
	if len(*m) == 0 {
		return nil, io.EOF
	}
	message := (*m)[0]
	*m = (*m)[1:]
	const head = 8 // a mark, and the length of what comes before the body
	if len(message) < head || binary.LittleEndian.Uint32(message) != math.MaxUint32 {
		return nil, errMessage
	}
	size := int64(binary.LittleEndian.Uint32(message[4:]))
	if size > int64(len(message)-head) {
		return nil, errMessage
	}
	meta, body := message[head:head+size], message[head+size:]
	return ipc.NewMessage(memory.NewBufferBytes(meta), memory.NewBufferBytes(body)), nil
}

// Retain and Release do nothing: the memory is Go's own.
func (m *messages) Retain() {}

// Release does nothing.
func (m *messages) Release() {}

// unreadable hides what err wraps: an io.EOF would mean the end of the result.
func unreadable(err error) error { return fmt.Errorf("%w: %v", errMessage, err) } //nolint:errorlint // as the comment says

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
	reader, err := ipc.NewReaderFromMessageReader(&messages{schema, message})
	if err != nil {
		return nil, unreadable(err)
	}
	defer reader.Release()
	if !reader.Next() {
		return nil, unreadable(reader.Err())
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
