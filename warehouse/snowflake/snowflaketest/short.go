//go:build !noduckdb

package snowflaketest

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/ipc"
)

// shortened is the n-th chunk without its last rows, and well-formed for all that.
func (r *result) shortened(n int) ([]byte, error) {
	at := r.chunks[n]
	body := bufio.NewReader(io.NewSectionReader(r.file, at.offset, at.size))
	var stream io.Reader = body
	if magic, err := body.Peek(2); err != nil {
		return nil, err
	} else if magic[0] == 0x1f && magic[1] == 0x8b {
		if stream, err = gzip.NewReader(body); err != nil {
			return nil, err
		}
	}
	if r.json {
		return shortJSON(stream)
	}
	return shortArrow(stream)
}

func shortJSON(stream io.Reader) ([]byte, error) {
	text, err := io.ReadAll(stream)
	if err != nil {
		return nil, err
	}
	var rows []json.RawMessage
	if err := json.Unmarshal([]byte("["+string(text)+"]"), &rows); err != nil {
		return nil, err
	}
	out, err := json.Marshal(rows[:len(rows)-1])
	if err != nil {
		return nil, err
	}
	return out[1 : len(out)-1], nil
}

func shortArrow(stream io.Reader) ([]byte, error) {
	in, err := ipc.NewReader(stream)
	if err != nil {
		return nil, err
	}
	defer in.Release()
	var records []arrow.RecordBatch
	for in.Next() {
		record := in.RecordBatch()
		record.Retain()
		records = append(records, record)
	}
	if in.Err() != nil {
		return nil, in.Err()
	}
	last := records[len(records)-1]
	records[len(records)-1] = last.NewSlice(0, last.NumRows()-1)
	var out bytes.Buffer
	w := ipc.NewWriter(&out, ipc.WithSchema(in.Schema()))
	for _, record := range records {
		if err := w.Write(record); err != nil {
			return nil, err
		}
	}
	err = w.Close()
	return out.Bytes(), err
}
