package sqlite

import (
	"errors"
	"fmt"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"spillway/diffstore"
)

// failure says that doing something with the snapshot of a sync failed, in the terms of package diffstore.
func (d *database) failure(doing string, err error) error {
	if err == nil {
		return nil
	}
	what := fmt.Sprintf("%s the snapshot of sync %s (%s)", doing, d.sync, d.path)
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return fmt.Errorf("%s: %w", what, err)
	}
	switch e.Code() & 0xff {
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		return fmt.Errorf("%s: %w: %w; %s", what, diffstore.ErrCorrupt, err, d.mend())
	case sqlite3.SQLITE_BUSY:
		return fmt.Errorf("%s: %w: %w", what, diffstore.ErrBusy, err)
	case sqlite3.SQLITE_FULL:
		return fmt.Errorf("%s: %w; make room on the disk", what, err)
	}
	return fmt.Errorf("%s: %w", what, err)
}

// damaged says that the snapshot is not what was written.
func (d *database) damaged(how string) error {
	return fmt.Errorf("open the snapshot of sync %s (%s): %w: %s; %s", d.sync, d.path, diffstore.ErrCorrupt, how, d.mend())
}

func (d *database) mend() string {
	return fmt.Sprintf("restore the file from a copy, or run \"spillway reset %s\"", d.sync)
}
