package sandbox

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	neturl "net/url"
	"os"
	"path/filepath"

	"github.com/jmoiron/sqlx"
	"modernc.org/sqlite" // also registers the driver "sqlite"
)

const fileName = "sandbox.db"

// layout is the version of the tables. A file of a later version is refused, never altered.
const layout = 1

const tables = `
create table records (
	id       integer primary key autoincrement,
	object   text    not null,
	archived integer not null,
	fields   text    not null, -- JSON
	search   text    not null, -- the values in lower case
	created  integer not null, -- microseconds, as every time here
	changed  integer not null,
	latest   integer not null  -- the number of its latest change
);
create index records_by_change on records (latest);
create index records_by_object on records (object, latest);
create index records_by_state on records (object, archived);

create table identifiers (
	object text    not null,
	field  text    not null,
	value  text    not null,
	record integer not null references records (id) on delete cascade,
	primary key (object, field, value)
) without rowid;
create index identifiers_by_record on identifiers (record);

create table changes (
	id      integer primary key autoincrement,
	object  text    not null,
	record  integer not null,
	kind    text    not null,
	at      integer not null,
	request integer not null,
	edits   text    not null  -- JSON
);
create index changes_by_record on changes (record, id);
create index deletions on changes (id) where kind = 'deleted';

create table requests (
	id         integer primary key autoincrement,
	at         integer not null,
	source     text    not null,
	object     text    not null,
	operation  text    not null,
	status     integer not null,
	accepted   integer not null,
	rejected   integer not null,
	code       text    not null,
	message    text    not null,
	rejections text    not null  -- JSON
);

create table totals (
	requests  integer not null,
	accepted  integer not null,
	rejected  integer not null,
	throttled integer not null
);
insert into totals values (0, 0, 0, 0);

create table inserted (
	token  text    primary key,
	record integer not null,
	sum    blob    not null,
	at     integer not null
) without rowid;
create index inserted_by_age on inserted (at);
`

// store keeps the records in one SQLite database. One connection serves everyone in turn, so that a batch
// and its entry in the request log are one transaction that nobody sees half of.
type store struct {
	db *sqlx.DB
}

// openStore opens the store in dir, making both where they are missing. Without dir it is kept in memory.
func openStore(ctx context.Context, dir string) (*store, error) {
	name := ":memory:"
	if dir != "" {
		path, err := prepare(dir)
		if err != nil {
			return nil, err
		}
		name = "file:" + (&neturl.URL{Path: filepath.ToSlash(path)}).EscapedPath()
	}
	db, err := sqlx.Open("sqlite", name+"?_txlock=immediate&_busy_timeout=10000&_foreign_keys=1&_journal_mode=WAL&_synchronous=FULL")
	if err != nil {
		return nil, fmt.Errorf("open the sandbox's store: %w", err)
	}
	db.SetMaxOpenConns(1)
	s := &store{db: db}
	if err := s.migrate(ctx); err != nil {
		return nil, errors.Join(explain(err, dir), db.Close())
	}
	return s, nil
}

// prepare makes dir and the file in it, for their owner alone, and returns the path of the file.
func prepare(dir string) (string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("the sandbox's directory: %w", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("make the sandbox's directory: %w", err)
	}
	if err := private(dir, 0o700); err != nil {
		return "", err
	}
	path := filepath.Join(dir, fileName)
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return "", fmt.Errorf("open the sandbox's store: %w", err)
	}
	if err := f.Close(); err != nil {
		return "", fmt.Errorf("open the sandbox's store: %w", err)
	}
	return path, private(path, 0o600)
}

func private(path string, mode fs.FileMode) error {
	info, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("the sandbox's store: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return fmt.Errorf("%s may be read by others (mode %04o): run chmod %o %s, or choose another directory",
			path, info.Mode().Perm(), mode, path)
	}
	return nil
}

func (s *store) migrate(ctx context.Context) error {
	return s.write(ctx, func(tx *sqlx.Tx) error {
		var version int
		if err := tx.GetContext(ctx, &version, "pragma user_version"); err != nil {
			return err
		}
		switch version {
		case layout:
			return nil
		case 0:
			if _, err := tx.ExecContext(ctx, tables); err != nil {
				return err
			}
			_, err := tx.ExecContext(ctx, fmt.Sprintf("pragma user_version = %d", layout))
			return err
		}
		return fmt.Errorf("it was written by a later version of spillway (layout %d; this one knows %d)", version, layout)
	})
}

// write runs do in one transaction. Once begun it is not cut short by ctx: a reply that nobody waits for any
// more is recorded all the same, as with a real service.
func (s *store) write(ctx context.Context, do func(*sqlx.Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	tx, err := s.db.BeginTxx(context.WithoutCancel(ctx), nil)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	if err := do(tx); err != nil {
		if undo := tx.Rollback(); undo != nil && !errors.Is(undo, sql.ErrTxDone) {
			return errors.Join(err, undo)
		}
		return err
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}

func (s *store) close() error {
	if err := s.db.Close(); err != nil {
		return fmt.Errorf("close the sandbox's store: %w", err)
	}
	return nil
}

// SQLite's primary result codes for a file that is no database and for one that is damaged.
const (
	sqliteCorrupt  = 11
	sqliteNotADB   = 26
	primaryCodeSet = 0xff
)

func explain(err error, dir string) error {
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		switch e.Code() & primaryCodeSet {
		case sqliteCorrupt, sqliteNotADB:
			return fmt.Errorf("%s is damaged and was left as it is; move it away to start with an empty sandbox: %w",
				filepath.Join(dir, fileName), err)
		}
	}
	return fmt.Errorf("open the sandbox's store in %s: %w", dir, err)
}
