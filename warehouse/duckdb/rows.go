//go:build !noduckdb

package duckdb

import (
	"context"
	"errors"
	"io"
	"sync"

	duck "github.com/duckdb/duckdb-go-bindings"

	"spillway/warehouse"
)

// stream runs the statement and returns its rows, which own it from here on. limit 0 means all of them.
func (s *statement) stream(limit int) (*rows, error) {
	var pending duck.PendingResult
	defer duck.DestroyPending(&pending)
	// Only a result that is asked for as a stream is not collected in memory before its first row.
	if duck.PendingPreparedStreaming(s.prepared, &pending) == duck.StateError {
		return nil, s.failure(duck.PendingError(pending))
	}
	r := &rows{statement: s, cancel: s.cancel, limit: limit}
	if duck.ExecutePending(pending, &r.result) == duck.StateError {
		err := s.failure(duck.ResultError(&r.result))
		duck.DestroyResult(&r.result)
		return nil, err
	}
	if err := r.describe(); err != nil {
		duck.DestroyResult(&r.result)
		return nil, err
	}
	return r, nil
}

// rows reads one streaming result, a chunk at a time.
type rows struct {
	mu        sync.Mutex // held by Next and by Close, which may come from another goroutine
	statement *statement // nil once closed
	cancel    context.CancelFunc
	result    duck.Result
	columns   []warehouse.Column
	kinds     []*kind

	watch warehouse.Watch // over the context of the last Next, whose end interrupts the statement

	chunk   duck.DataChunk
	vectors []vector // the chunk's columns
	size    int      // rows in the chunk
	at      int      // the next of them

	limit    int
	count    int
	row      warehouse.Row
	packed   []int         // the columns of packed rows, nil before Pack
	unpacked warehouse.Row // the last row that was unpacked
	err      error         // what every further Next returns
}

var errClosed = errors.New("the rows are closed")

// describe takes the types from the result itself, for by them its memory is read.
func (r *rows) describe() error {
	if !duck.ResultIsStreaming(r.result) {
		return errors.New("DuckDB collected the result instead of streaming it")
	}
	for i := range duck.ColumnCount(&r.result) {
		name := duck.ColumnName(&r.result, i)
		k, err := columnKind(name, duck.ColumnLogicalType(&r.result, i))
		if err != nil {
			return err
		}
		r.columns = append(r.columns, warehouse.Column{Name: name, Type: k.class, Native: k.native})
		r.kinds = append(r.kinds, k)
	}
	r.vectors = make([]vector, len(r.kinds))
	r.row = make(warehouse.Row, len(r.kinds))
	return nil
}

func (r *rows) Columns() []warehouse.Column { return r.columns }

func (r *rows) Next(ctx context.Context) (warehouse.Row, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err != nil {
		return nil, r.err
	}
	if err := r.advance(ctx); err != nil {
		return nil, r.fail(err)
	}
	for i := range r.vectors {
		r.row[i] = r.vectors[i].value(r.at)
	}
	r.at++
	r.count++
	return r.row, nil
}

// fail makes err final and stops the statement if it still runs.
func (r *rows) fail(err error) error {
	r.err = err
	r.cancel()
	return err
}

// advance makes sure that the chunk has a row at r.at.
func (r *rows) advance(ctx context.Context) error {
	r.watch.On(ctx, r.cancel)
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := r.statement.ctx.Err(); err != nil {
		return err
	}
	if r.limit > 0 && r.count == r.limit {
		return io.EOF
	}
	if r.at < r.size {
		return nil
	}
	return r.fetch()
}

// fetch replaces the chunk by the next one. DuckDB gives none at the end and none after an error, which it then
// reports. That the stream ended without one is the proof of completeness (invariant 5).
func (r *rows) fetch() error {
	duck.DestroyDataChunk(&r.chunk)
	r.at, r.size = 0, 0
	state := duck.StreamFetchChunk(r.result, &r.chunk)
	message := duck.ResultError(&r.result)
	if message != "" || r.statement.ctx.Err() != nil {
		return r.statement.failure(message)
	}
	if state == duck.StateSuccess {
		r.size = int(duck.DataChunkGetSize(r.chunk))
	}
	if r.size == 0 {
		return io.EOF
	}
	for i, k := range r.kinds {
		r.vectors[i] = k.load(duck.DataChunkGetVector(r.chunk, duck.IdxT(i)))
	}
	return nil
}

func (r *rows) Close() error {
	r.cancel()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.statement == nil {
		return nil
	}
	r.watch.Off()
	if r.err == nil || errors.Is(r.err, io.EOF) {
		r.err = errClosed
	}
	duck.DestroyDataChunk(&r.chunk)
	duck.DestroyResult(&r.result)
	r.statement.close()
	r.statement = nil
	return nil
}
