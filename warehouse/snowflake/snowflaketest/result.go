//go:build !noduckdb

package snowflaketest

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"strconv"
	"sync"
)

// What the addresses of chunks come with, and whoever fetches them must show.
const (
	chunkHeader = "X-Snowflake-Test-Key"
	chunkKey    = "of the chunks"
)

// declared is what an endless result claims to hold.
const (
	endlessChunks = 1000
	endlessTotal  = 1 << 40
)

// result is what came out of a statement: its first rows, and the rest in chunks.
type result struct {
	columns   []column
	json      bool
	plain     bool
	chunkRows int
	limit     int // of rows; 0 is none

	first  [][][]cell // the rows that stand in the answer itself
	total  int
	chunks []chunk
	file   *os.File // of the chunks
	lent   bool     // the file is another result's

	mu     sync.Mutex // held while a chunk of an endless result is made
	cursor *cursor    // of an endless result
	next   int        // its chunk
	turn   sync.Cond
}

// chunk is where a chunk stands in the file.
type chunk struct {
	rows   int
	offset int64
	size   int64
}

func status(text string) *result {
	return &result{columns: []column{{Name: "status", Type: "text", Length: 100}}, json: true, total: 1, first: [][][]cell{{{{text: text}}}}}
}

// shared is the same result for another statement.
func (r *result) shared() *result {
	return &result{columns: r.columns, json: r.json, plain: r.plain, chunkRows: r.chunkRows, first: r.first, total: r.total, chunks: r.chunks, file: r.file, lent: true}
}

// take cuts a batch to the limit and counts its rows.
func (r *result) take(batch [][]cell) [][]cell {
	rows := len(batch[0])
	if r.limit > 0 {
		rows = min(rows, r.limit-r.total)
		for i := range batch {
			batch[i] = batch[i][:rows]
		}
	}
	r.total += rows
	return batch
}

// spool runs c to its end and keeps its rows.
func (r *result) spool(c *cursor) *failure {
	defer c.close()
	if failed := c.run(); failed != nil {
		return failed
	}
	var pending [][][]cell
	rows := 0
	for r.limit == 0 || r.total < r.limit {
		batch, failed := c.fetch()
		if failed != nil {
			return failed
		}
		if batch == nil {
			break
		}
		batch = r.take(batch)
		if r.first == nil {
			r.first = [][][]cell{batch}
			continue
		}
		if rows > 0 && rows+len(batch[0]) > r.chunkRows {
			if failed := r.keep(pending, rows); failed != nil {
				return failed
			}
			pending, rows = nil, 0
		}
		pending, rows = append(pending, batch), rows+len(batch[0])
	}
	if rows == 0 {
		return nil
	}
	return r.keep(pending, rows)
}

// keep appends a chunk to the file.
func (r *result) keep(batches [][][]cell, rows int) *failure {
	body, err := r.encode(batches, len(r.chunks)%2 == 0 && !r.plain)
	if err == nil {
		at := chunk{rows: rows, size: int64(len(body))}
		if len(r.chunks) > 0 {
			last := r.chunks[len(r.chunks)-1]
			at.offset = last.offset + last.size
		}
		r.chunks = append(r.chunks, at)
		_, err = r.file.Write(body)
	}
	if err != nil {
		return &failure{code: 603, state: "XX000", message: err.Error()}
	}
	return nil
}

// encode writes a chunk. Every other one is compressed, as both occur.
func (r *result) encode(batches [][][]cell, compress bool) ([]byte, error) {
	var out bytes.Buffer
	var w io.WriteCloser = struct {
		io.Writer
		io.Closer
	}{&out, io.NopCloser(nil)}
	if compress {
		z, err := gzip.NewWriterLevel(&out, gzip.BestSpeed)
		if err != nil {
			return nil, err
		}
		w = z
	}
	if r.json {
		text, err := jsonRows(r.columns, batches)
		if err != nil {
			return nil, err
		}
		if _, err := w.Write(text); err != nil {
			return nil, err
		}
	} else if err := writeArrow(w, r.columns, batches); err != nil {
		return nil, err
	}
	err := w.Close()
	return out.Bytes(), err
}

// begin runs c up to its first rows.
func (r *result) begin(c *cursor) *failure {
	r.cursor, r.turn.L = c, &r.mu
	if failed := c.run(); failed != nil {
		return failed
	}
	batch, failed := c.fetch()
	if failed != nil || batch == nil {
		return failed
	}
	r.first, r.total = [][][]cell{batch}, endlessTotal
	for range endlessChunks {
		r.chunks = append(r.chunks, chunk{rows: r.chunkRows})
	}
	return nil
}

// more makes the n-th chunk of an endless result once it is its turn.
func (r *result) more(req *http.Request, n int) ([]byte, error) {
	defer context.AfterFunc(req.Context(), func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.turn.Broadcast()
	})()
	r.mu.Lock()
	defer r.mu.Unlock()
	for r.next != n {
		if req.Context().Err() != nil || n < r.next {
			return nil, errGone
		}
		r.turn.Wait()
	}
	defer r.turn.Broadcast()
	defer func() { r.next++ }()
	var batches [][][]cell
	for rows := 0; rows < r.chunkRows; {
		batch, failed := r.cursor.fetch()
		if failed != nil {
			return nil, failed
		}
		if batch == nil {
			return nil, errGone
		}
		batches, rows = append(batches, batch), rows+len(batch[0])
	}
	return r.encode(batches, !r.plain)
}

var errGone = errors.New("there is nothing left of this result")

// serve sends the n-th chunk.
func (r *result) serve(w http.ResponseWriter, req *http.Request, n int) {
	if n < 0 || n >= len(r.chunks) {
		http.Error(w, "there is no such chunk", http.StatusForbidden)
		return
	}
	if r.cursor != nil {
		body, err := r.more(req, n)
		if err != nil {
			http.Error(w, err.Error(), http.StatusForbidden)
			return
		}
		_, _ = w.Write(body)
		return
	}
	at := r.chunks[n]
	w.Header().Set("Content-Length", strconv.FormatInt(at.size, 10))
	_, _ = io.Copy(w, io.NewSectionReader(r.file, at.offset, at.size))
}

// answer is what the client is told of the result.
func (r *result) answer(queryID, chunks string, omitLast bool) map[string]any {
	a := map[string]any{
		"queryId": queryID, "rowtype": r.columns, "total": r.total, "returned": r.total, "statementTypeId": 0x1000,
		"queryResultFormat": "arrow", "version": 1, "numberOfBinds": 0, "arrayBindSupported": false,
	}
	if r.json {
		a["queryResultFormat"], a["rowset"] = "json", []any{}
	}
	if len(r.first) > 0 || !r.json {
		body, err := r.encode(r.first, false)
		switch {
		case err != nil:
			a["queryResultFormat"] = err.Error()
		case r.json:
			a["rowset"] = json.RawMessage("[" + string(body) + "]")
		default:
			a["rowsetBase64"] = base64.StdEncoding.EncodeToString(body)
		}
	}
	if len(r.chunks) > 0 {
		list := make([]map[string]any, len(r.chunks))
		for i, c := range r.chunks {
			list[i] = map[string]any{"url": chunks + strconv.Itoa(i), "rowCount": c.rows, "uncompressedSize": c.size, "compressedSize": c.size}
		}
		if omitLast {
			list = list[:len(list)-1]
		}
		a["chunks"], a["chunkHeaders"] = list, map[string]string{chunkHeader: chunkKey}
	}
	return a
}

func (r *result) close() {
	if r == nil {
		return
	}
	if r.cursor != nil {
		r.cursor.close()
	}
	if r.file != nil && !r.lent {
		_ = r.file.Close()
	}
}
