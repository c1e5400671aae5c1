package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5/pgconn"

	"spillway/warehouse"
)

// cursor names the cursor through which a limited query is read.
const cursor = "spillway_model"

// query runs q and returns its rows, which own the session from here on.
func (s *session) query(ctx context.Context, q warehouse.Query) (*rows, error) {
	described, err := s.describe(ctx, q.SQL)
	if err != nil {
		return nil, err
	}
	run, limit := q.SQL, int64(q.Limit)
	if q.Limit > 0 && s.dialect.limits() {
		limit = 0
		// A cursor limits any query whatever it ends with, which text wrapped around it would not.
		declare := "declare " + cursor + " no scroll cursor for " + q.SQL
		if err := s.pg.ExecParams(ctx, declare, nil, nil, nil, nil).Read().Err; err != nil {
			return nil, failure(ctx, "", err)
		}
		run = fmt.Sprintf("fetch forward %d from %s", q.Limit, cursor)
	}
	stream, cancel := context.WithCancel(ctx)
	return &rows{
		session: s,
		sql:     q.SQL,
		limit:   limit,
		shape:   described,
		result:  s.pg.ExecParams(stream, run, nil, nil, nil, described.formats),
		stream:  stream,
		cancel:  cancel,
		row:     make(warehouse.Row, len(described.columns)),
	}, nil
}

// rows reads one result in the server's own bytes.
type rows struct {
	mu      sync.Mutex // held by Next and by Close, which may come from another goroutine
	session *session   // nil once closed
	sql     string
	limit   int64 // at most this many rows of a result that the server does not limit; 0 reads all
	shape   shape
	result  *pgconn.ResultReader
	stream  context.Context //nolint:containedctx // it is the life of the statement, which Next and Close share
	cancel  context.CancelFunc

	watch warehouse.Watch // over the context of the last Next, whose end cancels the statement

	row      warehouse.Row
	packed   []int         // the columns of packed rows, nil before Pack
	unpacked warehouse.Row // the last row that was unpacked
	count    int64
	err      error // what every further Next returns
}

var errClosed = errors.New("the rows are closed")

func (r *rows) Columns() []warehouse.Column { return r.shape.columns }

func (r *rows) Next(ctx context.Context) (warehouse.Row, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	values, err := r.advance(ctx)
	if err != nil {
		return nil, err
	}
	for i, src := range values {
		if r.row[i], err = r.shape.decode(i, src); err != nil {
			return nil, r.stop(fmt.Errorf("row %d, %w", r.count+1, err))
		}
	}
	r.count++
	return r.row, nil
}

// advance reads the next row. Its values are the server's own bytes, and valid until it is called again.
func (r *rows) advance(ctx context.Context) ([][]byte, error) {
	if r.err != nil {
		return nil, r.err
	}
	r.watch.On(ctx, r.cancel)
	if err := r.interrupted(ctx); err != nil {
		return nil, r.stop(err)
	}
	if r.limit > 0 && r.count == r.limit {
		return nil, r.stop(io.EOF) // as many as were asked for
	}
	if !r.result.NextRow() {
		return nil, r.stop(r.conclude(ctx))
	}
	if r.count == 0 && !r.shape.agrees(r.result.FieldDescriptions()) {
		return nil, r.stop(&warehouse.Error{
			Message: "the columns of the result changed while the model was prepared", Hint: "run it again", Temporary: true,
		})
	}
	return r.result.Values(), nil
}

func (r *rows) interrupted(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return r.stream.Err()
}

// stop makes err final and stops the statement if it still runs.
func (r *rows) stop(err error) error {
	r.err = err
	r.cancel()
	return err
}

// conclude says how the result ended: io.EOF only where the server's own total proves that all of it was read
// (invariant 5).
func (r *rows) conclude(ctx context.Context) error {
	tag, err := r.result.Close()
	if interrupted := r.interrupted(ctx); interrupted != nil {
		return interrupted
	}
	if err != nil {
		return lost(failure(ctx, r.sql, err))
	}
	verb, _, _ := strings.Cut(tag.String(), " ")
	switch {
	case verb != "SELECT" && verb != "FETCH":
		return &warehouse.Error{Message: "the model is a statement of kind " + verb, Hint: "a model is one SELECT statement"}
	case !r.session.dialect.complete(tag, r.count):
		return fmt.Errorf("%w: the server sent %d rows, %d were read", warehouse.ErrTruncated, tag.RowsAffected(), r.count)
	}
	return io.EOF
}

// lost marks a failure of the connection in the middle of a result as what it is.
func lost(err error) error {
	if e, ok := errors.AsType[*warehouse.Error](err); ok && e.Temporary && e.Err == nil {
		e.Err = warehouse.ErrTruncated
	}
	return err
}

func (r *rows) Close() error {
	r.cancel() // before the lock: a Next that waits for the server ends by it
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.session == nil {
		return nil
	}
	s := r.session
	r.session = nil
	r.watch.Off()
	ended := errors.Is(r.err, io.EOF)
	finished := ended && (r.limit == 0 || r.count < r.limit)
	if r.err == nil || ended {
		r.err = errClosed
	}
	if finished {
		s.end()
		return nil
	}
	_, _ = r.result.Close() // reads what was under way when the statement was cancelled
	ctx, cancel := context.WithTimeout(context.Background(), endTimeout)
	defer cancel()
	s.discard(ctx)
	return nil
}
