package sqlite_test

import (
	"log/slog"
	"testing"

	"spillway/diffstore"
	"spillway/diffstore/diffstoretest"
	"spillway/diffstore/sqlite"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	diffstoretest.Run(t, func(t *testing.T, dir string) diffstore.Store {
		t.Helper()
		return open(t, dir, sqlite.Unsynced())
	})
}

func open(t *testing.T, dir string, options ...sqlite.Option) *sqlite.Store {
	t.Helper()
	store, err := sqlite.Open(dir, discard(), options...)
	if err != nil {
		t.Fatal(err)
	}
	return store
}

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }
