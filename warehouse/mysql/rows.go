package mysql

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"sync/atomic"

	"spillway/warehouse"
)

// rows reads one result in the driver's own values.
type rows struct {
	mu      sync.Mutex // held by Next and by Close, which may come from another goroutine
	session *session
	closed  bool
	limit   int             // at most this many rows; 0 reads all
	asked   context.Context //nolint:containedctx // Query's, whose end cancels the statement too
	stream  context.Context //nolint:containedctx // it is the life of the connection, which outlasts a cancelled statement
	cut     context.CancelFunc

	cancelled sync.Once
	closing   chan struct{}  // closed when the statement is cancelled
	ending    sync.WaitGroup // until the server was told

	forget func() bool     // ends the watch over asked
	watch  warehouse.Watch // over the context of the last Next, whose end cancels the statement

	statement driver.Stmt
	result    driver.Rows
	columns   []warehouse.Column
	kinds     []kind
	values    []driver.Value
	row       warehouse.Row
	count     int
	err       error // what every further Next returns
	complete  atomic.Bool
}

var errClosed = errors.New("the rows are closed")

// start runs the statement as far as its columns.
func (r *rows) start(q warehouse.Query) error {
	var err error
	if r.statement, err = r.session.raw.PrepareContext(r.stream, tagged(q)); err != nil {
		return err
	}
	if r.statement.NumInput() > 0 {
		return &warehouse.Error{Code: "1210", Message: "the model has parameters such as ?", Hint: "write their values into it"}
	}
	run, ok := r.statement.(driver.StmtQueryContext)
	if !ok {
		return fmt.Errorf("the driver gave a statement of type %T", r.statement)
	}
	if r.result, err = run.QueryContext(r.stream, nil); err != nil {
		return err
	}
	names := r.result.Columns()
	if len(names) == 0 {
		return notQuery("the model returns no columns")
	}
	types, ok := r.result.(columnTypes)
	if !ok {
		return fmt.Errorf("the driver gave rows of type %T", r.result)
	}
	for i, name := range names {
		k := kindOf(types, i)
		r.columns = append(r.columns, warehouse.Column{Name: name, Type: k.class, Native: k.native})
		r.kinds = append(r.kinds, k)
	}
	r.values, r.row = make([]driver.Value, len(names)), make(warehouse.Row, len(names))
	return nil
}

func (r *rows) Columns() []warehouse.Column { return r.columns }

func (r *rows) Next(ctx context.Context) (warehouse.Row, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
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
	for i := range r.values {
		r.values[i] = untouched
	}
	if err := r.result.Next(r.values); err != nil {
		return nil, r.conclude(ctx, err)
	}
	for i, v := range r.values {
		if v == nil {
			r.row[i] = nil
			continue
		}
		value, err := r.kinds[i].read(v)
		if err != nil {
			c := r.columns[i]
			return nil, r.stop(fmt.Errorf("row %d, column %q of type %s: %w", r.count+1, c.Name, c.Native, err))
		}
		r.row[i] = value
	}
	r.count++
	return r.row, nil
}

// cancel has the server end the statement, and cuts the connection once it was told.
func (r *rows) cancel() {
	r.cancelled.Do(func() {
		close(r.closing)
		r.ending.Go(func() {
			defer r.cut()
			r.session.kill()
		})
	})
}

func (r *rows) interrupted(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := r.asked.Err(); err != nil {
		return err
	}
	select {
	case <-r.closing:
		return context.Canceled
	default:
		return nil
	}
}

// stop makes err final and stops the statement if it still runs.
func (r *rows) stop(err error) error {
	r.err = err
	r.cancel()
	return err
}

// untouched stands in every column until the driver has read it.
const untouched = "untouched"

// errMalformed is a row that ends before its last column. The driver reports it as io.EOF.
var errMalformed = fmt.Errorf("%w: a row came in part", warehouse.ErrTruncated)

// conclude says how the result ended: io.EOF only with the server's end packet, in its place, and no warning that rows
// were left out (invariant 5).
func (r *rows) conclude(ctx context.Context, err error) error {
	if errors.Is(err, io.EOF) {
		if err = r.confirm(); err == nil {
			r.err = io.EOF
			r.complete.Store(true)
			return io.EOF
		}
	}
	return r.stop(r.explain(ctx, err))
}

// What a server warns of when it leaves something out of a result and carries on.
const (
	cutGroupConcat  = 1260 // a GROUP_CONCAT longer than group_concat_max_len
	cutRowsExamined = 1931 // LIMIT ROWS EXAMINED of MariaDB
)

// confirm checks that an end was one, and asks for the statement's warnings.
func (r *rows) confirm() error {
	if slices.ContainsFunc(r.values, func(v driver.Value) bool { return v != untouched }) {
		return errMalformed
	}
	if err := r.result.Close(); err != nil {
		return err
	}
	var warnings []struct {
		Level   string `db:"Level"`
		Code    int    `db:"Code"`
		Message string `db:"Message"`
	}
	if err := r.session.conn.SelectContext(r.stream, &warnings, "show warnings"); err != nil {
		return err
	}
	for _, w := range warnings {
		switch w.Code {
		case cutGroupConcat:
			return &warehouse.Error{
				Code: "1260", Message: "the server cut the value of a GROUP_CONCAT",
				Hint: "raise group_concat_max_len under parameters",
			}
		case cutRowsExamined:
			return fmt.Errorf("%w: the server stopped at LIMIT ROWS EXAMINED (1931)", warehouse.ErrTruncated)
		}
	}
	return nil
}

// explain turns an error of the driver into one that says what to do.
func (r *rows) explain(ctx context.Context, err error) error {
	if interrupted := r.interrupted(ctx); interrupted != nil {
		return interrupted
	}
	return lost(failure(ctx, err))
}

func (r *rows) Close() error {
	if r.complete.Load() {
		r.cancelled.Do(func() {}) // from here on nothing kills the connection, which others may use
	} else {
		r.cancel() // a Next that waits for the server ends by it
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil
	}
	r.closed = true
	r.forget()
	r.watch.Off()
	if r.err == nil || errors.Is(r.err, io.EOF) {
		r.err = errClosed
	}
	select {
	case <-r.closing:
		r.ending.Wait()
		r.session.discard()
	default:
		_ = r.statement.Close()
		r.session.end()
		r.cut()
	}
	return nil
}
