//go:build !noduckdb

package duckdb

import (
	"context"
	"regexp"
	"strings"
	"sync"
	"time"

	duck "github.com/duckdb/duckdb-go-bindings"

	"spillway/warehouse"
)

// statement is one prepared SELECT with a connection of its own.
type statement struct {
	database *database
	conn     duck.Connection
	prepared duck.PreparedStatement

	ctx     context.Context //nolint:containedctx // it is the life of the statement
	cancel  context.CancelFunc
	closing chan struct{}
	idle    sync.WaitGroup // until the goroutine that interrupts has ended
}

// again is how often an interrupt is repeated: one that comes before a step of the query begins is forgotten by it.
const again = 10 * time.Millisecond

// prepare has DuckDB parse and bind sql; no row is read. Of files it reads as much as tells their columns.
func (d *duckdb) prepare(ctx context.Context, sql string) (*statement, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := isQuery(sql); err != nil {
		return nil, err
	}
	if err := misplaced(d.base, sql); err != nil {
		return nil, err
	}
	conn, err := d.database.acquire(ctx)
	if err != nil {
		return nil, err
	}
	s := &statement{database: &d.database, conn: conn, closing: make(chan struct{})}
	s.ctx, s.cancel = context.WithCancel(ctx)
	s.idle.Go(s.interrupt)
	err = s.await(func() error {
		if duck.Prepare(conn, sql, &s.prepared) == duck.StateError {
			return s.failure(duck.PrepareError(s.prepared))
		}
		return s.readsOnly()
	})
	if err != nil {
		return nil, err
	}
	return s, nil
}

// patience is how long a statement may take to notice that it was interrupted.
const patience = time.Second

// await binds the statement, and closes it if that fails. While DuckDB computes a constant it notices no interrupt: whoever
// has waited long enough by then is let go, and the statement is closed when it is bound.
func (s *statement) await(bind func() error) error {
	var err error
	bound := make(chan struct{})
	go func() {
		defer close(bound)
		err = bind()
	}()
	select {
	case <-bound:
	case <-s.ctx.Done():
		select {
		case <-bound:
		case <-time.After(patience):
			go func() {
				<-bound
				s.close()
			}()
			return s.ctx.Err()
		}
	}
	if err != nil {
		s.close()
	}
	return err
}

// beginning matches what may stand before the first word of a statement, and the word.
var beginning = regexp.MustCompile(`(?s)^(?:\s|--[^\n]*(?:\n|$)|/\*.*?\*/|\()*(\w*)`)

// isQuery refuses a statement that does not begin as a query does. It comes before DuckDB sees the statement, for
// binding alone already has effects: that of EXPORT DATABASE makes a directory.
func isQuery(sql string) error {
	word := beginning.FindStringSubmatch(sql)[1]
	switch strings.ToLower(word) {
	case "select", "with", "from", "values", "table", "pivot", "unpivot":
		return nil
	case "":
		return notQuery("the model holds no statement")
	}
	return notQuery("the model begins with " + word)
}

func notQuery(message string) error {
	return &warehouse.Error{Code: "Permission Error", Message: message, Hint: "a model is one SELECT statement and only reads"}
}

// readsOnly refuses whatever is not a SELECT. In DuckDB a COPY writes files even where the database is read-only.
func (s *statement) readsOnly() error {
	if duck.PreparedStatementType(s.prepared) != duck.StatementTypeSelect {
		return notQuery("the model is no SELECT statement")
	}
	if duck.NParams(s.prepared) > 0 {
		return &warehouse.Error{
			Code: "Binder Error", Message: "the model has parameters such as ? or $1", Hint: "write their values into it",
		}
	}
	return nil
}

func (s *statement) columns() ([]warehouse.Column, error) {
	var columns []warehouse.Column
	for i := range duck.PreparedStatementColumnCount(s.prepared) {
		name := duck.PreparedStatementColumnName(s.prepared, i)
		k, err := columnKind(name, duck.PreparedStatementColumnLogicalType(s.prepared, i))
		if err != nil {
			return nil, err
		}
		columns = append(columns, warehouse.Column{Name: name, Type: k.class, Native: k.native})
	}
	return columns, nil
}

// interrupt stops what the connection is doing once the statement's context is done, until close.
func (s *statement) interrupt() {
	select {
	case <-s.closing:
		return
	case <-s.ctx.Done():
	}
	tick := time.NewTicker(again)
	defer tick.Stop()
	for {
		duck.Interrupt(s.conn)
		select {
		case <-s.closing:
			return
		case <-tick.C:
		}
	}
}

// close gives everything back. It is called once.
func (s *statement) close() {
	s.cancel()
	close(s.closing)
	s.idle.Wait()
	duck.DestroyPrepare(&s.prepared)
	s.database.release(s.conn)
}

// failure turns DuckDB's message into an error, or into that of the context that interrupted it.
func (s *statement) failure(message string) error {
	if err := s.ctx.Err(); err != nil {
		return err
	}
	return failure(message)
}
