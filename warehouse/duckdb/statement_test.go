//go:build !noduckdb

package duckdb

import (
	"context"
	"errors"
	"testing"
)

func TestAStatementThatNoticesNoInterruptIsLeftBehind(t *testing.T) {
	t.Parallel()
	d := &database{base: t.TempDir()}
	conn, err := d.acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	other, err := d.acquire(t.Context()) // keeps the database open
	if err != nil {
		t.Fatal(err)
	}
	s := &statement{database: d, conn: conn, closing: make(chan struct{})}
	s.ctx, s.cancel = context.WithCancel(t.Context())
	s.idle.Go(s.interrupt)
	begun, end := make(chan struct{}), make(chan struct{})
	go func() {
		<-begun
		s.cancel()
	}()
	err = s.await(func() error {
		close(begun)
		<-end
		return nil
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want the context's end", err)
	}
	select {
	case <-s.closing:
		t.Error("the statement is closed while it is being bound")
	default:
	}
	close(end)
	<-s.closing
	s.idle.Wait()
	d.release(other)
}
