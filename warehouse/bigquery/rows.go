package bigquery

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	bq "google.golang.org/api/bigquery/v2"

	"spillway/warehouse"
)

// source gives the rows of a job that is done, a batch at a time. It returns io.EOF when it has no more, which proves
// nothing yet.
type source interface {
	next(ctx context.Context) (batch, error)
	close()
}

// batch is some rows as BigQuery delivered them.
type batch interface {
	len() int
	value(column, row int) (warehouse.Value, error)
	appendPacked(dst []byte, column, row int) ([]byte, error)
}

// rows reads the result of one job.
type rows struct {
	mu     sync.Mutex // held by Next and by Close, which may come from another goroutine
	job    *job
	shape  shape
	limit  int
	stream context.Context //nolint:containedctx // it is the life of the query, which Next and Close share
	cancel context.CancelFunc
	unhook func() bool // ends the cancelling of the job by stream

	watch warehouse.Watch // over the context of the last Next, whose end cancels the query

	source source // nil until the job is done
	total  int64  // rows of the result, as the job says
	batch  batch
	at     int // the next row of batch
	count  int64

	row      warehouse.Row
	packed   []int         // the columns of packed rows, nil before Pack
	unpacked warehouse.Row // the last row that was unpacked
	closed   bool
	err      error // what every further Next returns
}

var errRowsClosed = errors.New("the rows are closed")

func newRows(ctx context.Context, j *job, s shape, limit int) *rows {
	r := &rows{job: j, shape: s, limit: limit, row: make(warehouse.Row, len(s.columns))}
	r.stream, r.cancel = context.WithCancel(ctx)
	// Also while nobody waits in Next, and while the process is told to end, the job does not run on.
	r.unhook = context.AfterFunc(ctx, j.cancel)
	return r
}

func (r *rows) Columns() []warehouse.Column { return r.shape.columns }

func (r *rows) Next(ctx context.Context) (row warehouse.Row, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	defer r.unreadable(&err)
	if err := r.advance(ctx); err != nil {
		return nil, err
	}
	for column := range r.row {
		if r.row[column], err = r.batch.value(column, r.at); err != nil {
			return nil, r.stop(r.shape.damaged(column, err))
		}
	}
	r.at++
	r.count++
	return r.row, nil
}

// unreadable makes the last error of a panic with which Arrow meets values that point out of their message.
func (r *rows) unreadable(err *error) {
	if p := recover(); p != nil {
		*err = r.stop(fmt.Errorf("%w: %v", errMessage, p))
	}
}

// advance makes sure that the batch has a row at r.at.
func (r *rows) advance(ctx context.Context) error {
	if r.err != nil {
		return r.err
	}
	r.watch.On(ctx, r.cancel)
	if err := r.interrupted(ctx); err != nil {
		return r.stop(err)
	}
	if r.limit > 0 && r.count == int64(r.limit) {
		return r.stop(io.EOF)
	}
	for r.batch == nil || r.at >= r.batch.len() {
		if err := r.fetch(); err != nil {
			if interrupted := r.interrupted(ctx); interrupted != nil {
				err = interrupted
			}
			return r.stop(err)
		}
	}
	return nil
}

func (r *rows) interrupted(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return r.stream.Err()
}

// stop makes err final.
func (r *rows) stop(err error) error {
	r.err = err
	r.cancel()
	return err
}

// fetch replaces the batch by the next one. At the end of all it is io.EOF only where as many rows were read as the
// job says that it has (invariant 5).
func (r *rows) fetch() error {
	if r.source == nil {
		if err := r.begin(); err != nil {
			return err
		}
	}
	next, err := r.source.next(r.stream)
	switch {
	case errors.Is(err, io.EOF) && r.count == r.total:
		return io.EOF
	case errors.Is(err, io.EOF) || err == nil && r.count+int64(next.len()) > r.total:
		return &warehouse.Error{
			Message: fmt.Sprintf("BigQuery says that the result has %d rows, %d came", r.total, r.came(next)), Hint: "try again",
			Temporary: true, Err: warehouse.ErrTruncated,
		}
	case err != nil:
		return lost(r.stream, err)
	}
	r.batch, r.at = next, 0
	return nil
}

// came is how many rows there are with those of the batch, if any.
func (r *rows) came(b batch) int64 {
	if b == nil {
		return r.count
	}
	return r.count + int64(b.len())
}

// lost marks a failure in the middle of a result as what it is.
func lost(ctx context.Context, err error) error {
	err = failure(ctx, err)
	if e, ok := errors.AsType[*warehouse.Error](err); ok && e.Temporary && e.Err == nil {
		e.Err = warehouse.ErrTruncated
	}
	return err
}

// begin waits for the job and chooses the API by which its rows are read.
func (r *rows) begin() error {
	page, err := r.job.wait(r.stream, r.limit)
	if err != nil {
		return err
	}
	if !r.shape.agrees(page.Schema) {
		return &warehouse.Error{
			Message: "the columns of the result changed while the model was prepared", Hint: "run it again", Temporary: true,
		}
	}
	if r.total, err = total(page); err != nil {
		return err
	}
	r.source, err = r.choose(page)
	return err
}

// choose reads a result that one page holds, one of which only some rows are wanted, and one that may not be read
// otherwise over the REST API, and all others over the Storage Read API.
func (r *rows) choose(page *bq.GetQueryResultsResponse) (source, error) {
	rest := &pages{job: r.job, shape: r.shape, first: page, size: pageRows, total: page.TotalRows}
	if page.PageToken == "" || r.limit > 0 || r.job.tableName() == "" || !r.job.warehouse.config.storage() {
		return rest, nil
	}
	s, err := openStreams(r.stream, r.job, r.shape)
	if errors.Is(err, errDenied) {
		return rest, nil
	}
	if err != nil {
		return nil, failure(r.stream, err)
	}
	return s, nil
}

func total(page *bq.GetQueryResultsResponse) (int64, error) {
	n := int64(page.TotalRows)
	if n < 0 {
		return 0, fmt.Errorf("BigQuery says that the result has %d rows", page.TotalRows)
	}
	return n, nil
}

func (r *rows) Close() error {
	r.cancel() // before the lock: a Next that waits for the server ends by it
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil
	}
	r.closed = true
	r.unhook()
	r.watch.Off()
	if r.err == nil || errors.Is(r.err, io.EOF) {
		r.err = errRowsClosed
	}
	if r.source != nil {
		r.source.close()
	}
	r.job.cancel()
	return nil
}
