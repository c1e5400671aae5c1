package export

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/schema"

	"spillway/warehouse"
)

// A row group is written when it has so many records, or so many bytes of text: it is held in memory until then.
const (
	groupRecords = 20_000
	groupBytes   = 4 << 20
)

// columnar writes Parquet: text as UTF-8, integers of 64 bits, and times in microseconds of UTC.
type columnar[T any] struct {
	columns []column[T]
	file    *file.Writer
	chunks  []chunk
	records int
	bytes   int
}

// chunk is what a row group has of one column.
type chunk struct {
	texts   []parquet.ByteArray
	numbers []int64
	defined []int16 // by record: 1 where there is a value
}

func newParquet[T any](w io.Writer, columns []column[T]) (*columnar[T], error) {
	fields := make(schema.FieldList, len(columns))
	for i, c := range columns {
		var err error
		if fields[i], err = node(c.name, c.class); err != nil {
			return nil, err
		}
	}
	root, err := schema.NewGroupNode("spillway", parquet.Repetitions.Required, fields, -1)
	if err != nil {
		return nil, fmt.Errorf("describe the columns for Parquet: %w", err)
	}
	properties := parquet.NewWriterProperties(parquet.WithCompression(compress.Codecs.Zstd), parquet.WithCreatedBy("spillway"))
	return &columnar[T]{
		columns: columns, chunks: make([]chunk, len(columns)), file: file.NewParquetWriter(w, root, file.WithWriterProps(properties)),
	}, nil
}

func node(name string, class warehouse.Type) (schema.Node, error) {
	logical, physical := schema.LogicalType(schema.StringLogicalType{}), parquet.Types.ByteArray
	switch class {
	case warehouse.Int:
		logical, physical = schema.NewIntLogicalType(64, true), parquet.Types.Int64
	case warehouse.Time:
		logical, physical = schema.NewTimestampLogicalType(true, schema.TimeUnitMicros), parquet.Types.Int64
	default: // text
	}
	return schema.NewPrimitiveNodeLogical(name, parquet.Repetitions.Optional, logical, physical, -1, -1)
}

func (p *columnar[T]) write(record *T) error {
	for i, c := range p.columns {
		to := &p.chunks[i]
		defined := int16(1)
		switch v := c.value(record).(type) {
		case nil:
			defined = 0
		case int64:
			to.numbers = append(to.numbers, v)
		case time.Time:
			to.numbers = append(to.numbers, v.UnixMicro())
		case string:
			to.texts = append(to.texts, parquet.ByteArray(v))
			p.bytes += len(v)
		default:
			return fmt.Errorf("column %s holds a %T", c.name, v)
		}
		to.defined = append(to.defined, defined)
	}
	if p.records++; p.records < groupRecords && p.bytes < groupBytes {
		return nil
	}
	return p.flush()
}

// flush writes a row group.
func (p *columnar[T]) flush() error {
	if p.records == 0 {
		return nil
	}
	group := p.file.AppendRowGroup()
	for i := range p.chunks {
		c := &p.chunks[i]
		if err := c.write(group); err != nil {
			return fmt.Errorf("write column %s of Parquet: %w", p.columns[i].name, err)
		}
		clear(c.texts)
		c.texts, c.numbers, c.defined = c.texts[:0], c.numbers[:0], c.defined[:0]
	}
	p.records, p.bytes = 0, 0
	return group.Close()
}

func (c *chunk) write(group file.SerialRowGroupWriter) error {
	to, err := group.NextColumn()
	if err != nil {
		return err
	}
	switch w := to.(type) {
	case *file.Int64ColumnChunkWriter:
		_, err = w.WriteBatch(c.numbers, c.defined, nil)
	case *file.ByteArrayColumnChunkWriter:
		_, err = w.WriteBatch(c.texts, c.defined, nil)
	default:
		err = fmt.Errorf("no values for a %T", to)
	}
	return errors.Join(err, to.Close())
}

func (p *columnar[T]) close() error {
	if err := p.flush(); err != nil {
		return err
	}
	return p.file.Close()
}
