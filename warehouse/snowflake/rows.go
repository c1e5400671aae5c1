package snowflake

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"spillway/warehouse"
)

// rows reads one result.
type rows struct {
	mu      sync.Mutex // held by Next and by Close, which may come from another goroutine
	queryID string
	columns []column
	feed    *feed

	stream context.Context //nolint:containedctx // it is the life of the result, which Next and Close share
	cancel context.CancelFunc

	block block
	size  int // rows in the block
	at    int // the next of them

	limit    int
	count    int64
	row      warehouse.Row
	scratch  []byte // the packed form of one value
	text     []byte // and its text
	packed   []int  // the columns of packed rows, nil before Pack
	unpacked taken
	err      error // what every further Next returns
}

var errClosed = errors.New("the rows are closed")

func newRows(ctx context.Context, found result, limit int) (*rows, error) {
	columns := describe(found.loader)
	stream, cancel := context.WithCancel(ctx)
	f, err := start(stream, found, columns)
	if err != nil {
		cancel()
		return nil, err
	}
	return &rows{
		queryID: found.queryID, columns: columns, feed: f, stream: stream, cancel: cancel, limit: limit,
		row: make(warehouse.Row, len(columns)), scratch: []byte{}, // a packed value is never nil
	}, nil
}

func (r *rows) Columns() []warehouse.Column { return columnsOf(r.columns) }

func (r *rows) Next(ctx context.Context) (warehouse.Row, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.advance(ctx); err != nil {
		return nil, r.stop(err)
	}
	for i := range r.columns {
		v, err := r.value(i)
		if err != nil {
			return nil, r.stop(r.unreadable(i, err))
		}
		r.row[i] = v
	}
	r.at++
	r.count++
	return r.row, nil
}

// value decodes a value of the next row.
func (r *rows) value(column int) (v warehouse.Value, err error) {
	if r.block.null(column, r.at) {
		return nil, nil
	}
	if r.scratch, err = r.block.pack(r.scratch[:0], column, r.at); err != nil {
		return nil, err
	}
	var c warehouse.Cell
	if r.text, err = r.columns[column].cell(&c, r.scratch, r.text[:0]); err != nil {
		return nil, err
	}
	return c.Value(), nil
}

func (r *rows) unreadable(column int, err error) error {
	c := r.columns[column]
	return fmt.Errorf("row %d of query %s, column %q of type %s: %w", r.count+1, r.queryID, c.Name, c.Native, err)
}

// stop makes err final and ends what is still being fetched.
func (r *rows) stop(err error) error {
	r.err = err
	r.cancel()
	return err
}

// advance makes sure that the block has a row at r.at.
func (r *rows) advance(ctx context.Context) error {
	if r.err != nil {
		return r.err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := r.stream.Err(); err != nil {
		return err
	}
	if r.limit > 0 && r.count == int64(r.limit) {
		return io.EOF
	}
	for r.at >= r.size {
		b, err := r.feed.next(ctx, r.stream)
		if err != nil {
			return err
		}
		if b == nil {
			return r.conclude()
		}
		r.block, r.size, r.at = b, b.len(), 0
	}
	return nil
}

// conclude is io.EOF only where the total that Snowflake declared proves that all of the result was read (invariant 5).
func (r *rows) conclude() error {
	if err := r.feed.complete(r.count); err != nil {
		return fmt.Errorf("query %s: %w", r.queryID, err)
	}
	return io.EOF
}

func (r *rows) Close() error {
	r.cancel() // before the lock: a Next that waits for a chunk ends by it
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err == nil || errors.Is(r.err, io.EOF) {
		r.err = errClosed
	}
	r.feed.fetches.Wait()
	r.block, r.size, r.at = nil, 0, 0
	return nil
}
