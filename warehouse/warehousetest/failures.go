package warehousetest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"spillway/warehouse"
)

func (s Suite) failures(t *testing.T) {
	t.Parallel()
	w := s.open(t)

	for _, at := range []int{0, 1, 2047, 2048, 4096, 100_000} {
		t.Run(fmt.Sprintf("a query that fails at row %d is an error, not an end", at), func(t *testing.T) {
			t.Parallel()
			rows, err := w.Query(t.Context(), warehouse.Query{SQL: fmt.Sprintf("select %s as n from %s", s.Fail(at), s.Series(200_000))})
			if err == nil {
				defer func() { _ = rows.Close() }()
				var got []warehouse.Row
				if got, err = drain(t.Context(), rows); err != nil {
					_, again := rows.Next(t.Context())
					mustNotEnd(t, again)
				}
				if len(got) > at {
					t.Errorf("%d rows came, but row %d failed", len(got), at)
				}
			}
			mustNotEnd(t, err)
			e, ok := errors.AsType[*warehouse.Error](err)
			if !ok || e.Temporary {
				t.Errorf("the error is %#v, want a lasting *warehouse.Error", err)
			}
			works(t, w)
		})
	}

	t.Run("a table that is missing is an error with the system's code", func(t *testing.T) {
		t.Parallel()
		_, err := w.Query(t.Context(), warehouse.Query{SQL: "select * from no_such_table"})
		s.missing(t, err)
	})

	t.Run("an error about data holds none", func(t *testing.T) {
		t.Parallel()
		for _, canary := range []string{"canary-7f3a", "can'ary\"7f3a", "9137.4417canary"} {
			literal := "'" + strings.ReplaceAll(canary, "'", "''") + "'"
			sql := "select cast(v as integer) from (select " + literal + " as v from " + s.Series(3) + ") x"
			if s.DataError != nil {
				sql = s.DataError(literal)
			}
			rows, err := w.Query(t.Context(), warehouse.Query{SQL: sql})
			if err == nil {
				_, err = drain(t.Context(), rows)
				_ = rows.Close()
			}
			mustNotEnd(t, err)
			for _, part := range []string{"canary", "7f3a", "9137", "4417"} {
				if strings.Contains(err.Error(), part) {
					t.Errorf("the error shows a row's value: %v", err)
				}
			}
		}
	})

	t.Run("a closed warehouse gives an error", func(t *testing.T) {
		t.Parallel()
		closed := s.Open(t)
		if err := closed.Close(); err != nil {
			t.Fatal(err)
		}
		if rows, err := closed.Query(t.Context(), warehouse.Query{SQL: "select 1"}); err == nil {
			_ = rows.Close()
			t.Error("it answered a query")
		}
	})

	t.Run("a check passes", func(t *testing.T) {
		t.Parallel()
		if err := w.Check(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func (s Suite) cancelling(t *testing.T) {
	t.Parallel()
	w := s.open(t)

	t.Run("the query's context stops it in mid-stream", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		rows, err := w.Query(ctx, warehouse.Query{SQL: s.numbers(forever)})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = rows.Close() }()
		for range 1000 {
			if _, err := rows.Next(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		cancel()
		s.stopped(t, w, rows, context.Canceled)
	})

	t.Run("the context of Next stops it in mid-stream", func(t *testing.T) {
		t.Parallel()
		rows := query(t, w, warehouse.Query{SQL: s.numbers(forever)})
		ctx, cancel := context.WithCancel(t.Context())
		for range 1000 {
			if _, err := rows.Next(ctx); err != nil {
				t.Fatal(err)
			}
		}
		cancel()
		promptly(t, "Next", func() {
			if _, err := rows.Next(ctx); !errors.Is(err, context.Canceled) {
				t.Errorf("Next gave %v, want %v", err, context.Canceled)
			}
		})
		_, err := rows.Next(t.Context())
		mustNotEnd(t, err)
		works(t, w)
	})

	t.Run("a deadline stops a query that gives no row", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		promptly(t, "an endless query with a deadline", func() {
			rows, err := w.Query(ctx, warehouse.Query{SQL: "select count(*) from " + s.Series(forever)})
			if err == nil {
				_, err = rows.Next(ctx)
				_ = rows.Close()
			}
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("the error is %v, want %v", err, context.DeadlineExceeded)
			}
		})
		works(t, w)
	})

	t.Run("closing from elsewhere stops a Next that waits", func(t *testing.T) {
		t.Parallel()
		rows, err := w.Query(t.Context(), warehouse.Query{SQL: "select n from " + s.Series(forever) + " where n < 1000000"})
		if err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { // reads what comes at first and then waits for a row that never comes
			_, err := drain(t.Context(), rows)
			ended <- err
		}()
		promptly(t, "closing while Next waits", func() {
			if err := rows.Close(); err != nil {
				t.Error(err)
			}
			if err := <-ended; err == nil {
				t.Error("the result that was cut off ended as a complete one does")
			}
		})
	})

	t.Run("a context that is done starts nothing", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := w.Query(ctx, warehouse.Query{SQL: "select 1"}); !errors.Is(err, context.Canceled) {
			t.Errorf("Query gave %v, want %v", err, context.Canceled)
		}
		if _, err := w.Columns(ctx, "select 1"); !errors.Is(err, context.Canceled) {
			t.Errorf("Columns gave %v, want %v", err, context.Canceled)
		}
		if err := w.Check(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("Check gave %v, want %v", err, context.Canceled)
		}
	})
}

// stopped checks that rows end with want, soon, for good, and that the warehouse is none the worse for it.
func (s Suite) stopped(t *testing.T, w warehouse.Warehouse, rows warehouse.Rows, want error) {
	t.Helper()
	promptly(t, "ending", func() {
		for range 2 {
			if _, err := rows.Next(t.Context()); !errors.Is(err, want) {
				t.Errorf("Next gave %v, want %v", err, want)
			}
		}
		if err := rows.Close(); err != nil {
			t.Error(err)
		}
	})
	works(t, w)
}
