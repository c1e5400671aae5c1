package runlog

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/jmoiron/sqlx"
	"modernc.org/sqlite" // the driver "sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// FileName is the name of the run log in the state directory.
const FileName = "runlog.db"

// ErrNotFound is wrapped by errors about a run that is not in the log.
var ErrNotFound = errors.New("no such run")

// Options say what the log keeps.
type Options struct {
	Rows      string        // which rows: problems (default), all or none
	Keys      string        // plain (default) or hash: keys and identifiers are replaced by keyed hashes
	Retention time.Duration // runs that ended longer ago are dropped; 0 keeps all

	Samples    bool          // whether samples are shown and kept
	SamplesTTL time.Duration // samples older than that are dropped
}

// Log is the run log of one project. Its methods may be called from several goroutines.
type Log struct {
	db   *sqlx.DB
	kept atomic.Pointer[Options]
	salt []byte

	version int // of the database's schema
}

// Open opens the log in dir for writing, making it where there is none. The directory must exist.
func Open(ctx context.Context, dir string, o Options) (*Log, error) {
	file := filepath.Join(dir, FileName)
	if err := private(file); err != nil {
		return nil, err
	}
	l, err := open(ctx, file, o, "_txlock=immediate&_pragma=journal_mode(wal)&_pragma=synchronous(full)&_pragma=secure_delete(1)&_pragma=foreign_keys(1)")
	if err != nil {
		return nil, err
	}
	if err := l.prepare(ctx, file); err != nil {
		return nil, errors.Join(err, l.db.Close())
	}
	return l, nil
}

func (l *Log) prepare(ctx context.Context, file string) error {
	var verdict string
	if err := l.db.GetContext(ctx, &verdict, "pragma quick_check(1)"); err != nil {
		return failure(file, err)
	}
	if verdict != "ok" {
		return damaged(file, errors.New(verdict))
	}
	if err := migrate(ctx, l.db, file); err != nil {
		return err
	}
	l.version = len(migrations)
	return l.loadSalt(ctx)
}

// OpenReadOnly opens the log in dir for reading. It returns an error that wraps fs.ErrNotExist if there is none.
func OpenReadOnly(ctx context.Context, dir string, o Options) (*Log, error) {
	file := filepath.Join(dir, FileName)
	if _, err := os.Stat(file); err != nil {
		return nil, fmt.Errorf("open the run log: %w", err)
	}
	params := "mode=ro&_pragma=query_only(1)"
	if _, err := os.Stat(file + "-wal"); errors.Is(err, fs.ErrNotExist) {
		params += "&immutable=1" // no writer is there, and the directory may be read-only
	}
	l, err := open(ctx, file, o, params)
	if err != nil {
		return nil, err
	}
	l.version, err = version(ctx, l.db, file)
	if err == nil && l.version == 0 {
		err = fmt.Errorf("open the run log: %s is empty: %w", file, fs.ErrNotExist) // its first opening was cut off
	}
	if err == nil {
		err = l.loadSalt(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, l.db.Close())
	}
	return l, nil
}

func open(ctx context.Context, file string, o Options, params string) (*Log, error) {
	dsn := "file:" + (&url.URL{Path: file}).EscapedPath() + "?_pragma=busy_timeout(10000)&" + params
	db, err := sqlx.ConnectContext(ctx, "sqlite", dsn)
	if err != nil {
		return nil, failure(file, err)
	}
	db.SetMaxOpenConns(1) // one writer; SQLite would serialize them anyway
	l := &Log{db: db}
	l.Configure(o)
	return l, nil
}

// Configure changes what the log keeps from now on.
func (l *Log) Configure(o Options) { l.kept.Store(&o) }

func (l *Log) options() Options { return *l.kept.Load() }

// failure says why the log cannot be opened.
func failure(file string, err error) error {
	e, ok := errors.AsType[*sqlite.Error](err)
	switch {
	case ok && (e.Code()&0xff == sqlite3.SQLITE_CORRUPT || e.Code()&0xff == sqlite3.SQLITE_NOTADB):
		return damaged(file, err)
	case ok && (e.Code() == sqlite3.SQLITE_IOERR_SHMSIZE || e.Code()&0xff == sqlite3.SQLITE_FULL):
		return fmt.Errorf("open the run log %s: the disk is full: make room on it: %w", file, err)
	}
	return fmt.Errorf("open the run log %s: %w", file, err)
}

func damaged(file string, how error) error {
	return fmt.Errorf("the run log %s is damaged (%w); restore it from a backup, or move it away to start a new log: the snapshots do not depend on it", file, how)
}

// private makes file with mode 0600, or refuses one that others can read or write.
func private(file string) error {
	f, err := os.OpenFile(file, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("open the run log: %w", err)
	}
	info, err := f.Stat()
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("open the run log: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return fmt.Errorf("the run log %s is open to others (mode %#o): chmod 600 %s", file, info.Mode().Perm(), file)
	}
	return nil
}

func (l *Log) loadSalt(ctx context.Context) error {
	err := l.db.GetContext(ctx, &l.salt, "select value from settings where name = 'salt'")
	if !errors.Is(err, sql.ErrNoRows) {
		if err != nil {
			return fmt.Errorf("read the run log's settings: %w", err)
		}
		return nil
	}
	l.salt = make([]byte, 32)
	if _, err := rand.Read(l.salt); err != nil {
		return fmt.Errorf("make a salt for the run log: %w", err)
	}
	if _, err := l.db.ExecContext(ctx, "insert into settings (name, value) values ('salt', ?)", l.salt); err != nil {
		return fmt.Errorf("keep the run log's salt: %w", err)
	}
	return nil
}

// Close closes the log.
func (l *Log) Close() error {
	if err := l.db.Close(); err != nil {
		return fmt.Errorf("close the run log: %w", err)
	}
	return nil
}

// shortestQuoted is how long, in bytes, a key or an identifier must be to be looked for in a reason: a shorter one
// stands in many by chance.
const shortestQuoted = 4

// hidden returns row as the log keeps it. Reasons are a service's own words, and often quote the identifier.
func (l *Log) hidden(row Row) Row {
	key, id := l.Shown(row.Key), l.Shown(row.ID)
	if l.options().Keys == "hash" {
		for _, quoted := range []struct{ plain, hash string }{{row.ID, id}, {row.Key, key}} {
			if len(quoted.plain) >= shortestQuoted {
				row.Reason = regexp.MustCompile("(?i)"+regexp.QuoteMeta(quoted.plain)).ReplaceAllLiteralString(row.Reason, quoted.hash)
			}
		}
	}
	row.Key, row.ID = key, id
	return row
}

// Shown returns a key or an identifier as the log keeps it.
func (l *Log) Shown(key string) string {
	if l.options().Keys != "hash" || key == "" {
		return key
	}
	return l.hashed(key)
}

func (l *Log) hashed(key string) string {
	mac := hmac.New(sha256.New, l.salt)
	mac.Write([]byte(key))
	return "k:" + hex.EncodeToString(mac.Sum(nil)[:12])
}

// Recover marks runs that were cut off by a crash as failed. What they were to send counts as unknown, as far as nothing
// is known of it. It is called by the one process that may run syncs, before it starts any. Runs that wait go on waiting,
// and those that were cut off stay in the queue.
func (l *Log) Recover(ctx context.Context, now time.Time) error {
	var cut []record
	err := l.db.SelectContext(ctx, &cut, l.selectRun()+" where state = ?", Running)
	if err == nil {
		err = l.transact(ctx, func(tx *sqlx.Tx) error {
			for _, r := range cut {
				if err := recovered(ctx, tx, r, now); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err != nil {
		return fmt.Errorf("mark interrupted runs: %w", err)
	}
	return nil
}

func recovered(ctx context.Context, tx *sqlx.Tx, r record, now time.Time) error {
	run, err := r.run()
	if err != nil {
		return err
	}
	run.Rest(RowUnknown)
	run.State, run.FinishedAt, run.DurationMS = Failed, &now, max(0, now.Sub(run.StartedAt).Milliseconds())
	run.Error = &Failure{
		Code:    "interrupted",
		Message: "the process ended before the run did; what was in flight is in doubt and is sent again by the next run",
	}
	return write(ctx, tx, updateRun, run)
}

// Prune drops the runs that ended longer ago than the retention, and samples beyond their own time.
func (l *Log) Prune(ctx context.Context, now time.Time) error {
	if err := l.pruneSamples(ctx, now); err != nil {
		return err
	}
	if l.options().Retention <= 0 {
		return nil
	}
	before := now.Add(-l.options().Retention).UnixMilli()
	for _, statement := range []string{
		"delete from runs where finished_at is not null and finished_at < ?",
		"delete from problems where last_seen < ?",
	} {
		if _, err := l.db.ExecContext(ctx, statement, before); err != nil {
			return fmt.Errorf("drop runs older than the retention: %w", err)
		}
	}
	return nil
}

// Forget erases key from every run of sync, and samples that may be about it, and returns how many of both were erased. The files are written anew, so that
// no trace stays in them.
func (l *Log) Forget(ctx context.Context, sync, key string) (int64, error) {
	plain, hash := key, l.hashed(key)
	result, err := l.db.ExecContext(ctx, "delete from rows where key in (?, ?) and run_id in (select id from runs where sync = ?)", plain, hash, sync)
	if err != nil {
		return 0, fmt.Errorf("erase the key from the run log: %w", err)
	}
	erased, err := result.RowsAffected()
	if err != nil {
		return 0, fmt.Errorf("erase the key from the run log: %w", err)
	}
	samples, err := l.forgetSamples(ctx, sync, plain, hash)
	if err == nil {
		_, err = l.db.ExecContext(ctx, "delete from problems where sync = ? and key in (?, ?)", sync, plain, hash)
	}
	if err == nil {
		_, err = l.db.ExecContext(ctx, `update error_groups set sample_keys = (
			select json_group_array(value) from json_each(error_groups.sample_keys) where value not in (?, ?))
			where run_id in (select id from runs where sync = ?)
			and exists (select 1 from json_each(error_groups.sample_keys) where value in (?, ?))`, plain, hash, sync, plain, hash)
	}
	if err == nil {
		err = l.rewrite(ctx)
	}
	if err != nil {
		return 0, fmt.Errorf("erase the key from the run log: %w", err)
	}
	return erased + samples, nil
}

// rewrite writes the database anew, without what stood in parts of its pages that are free now, and empties the
// write-ahead log.
func (l *Log) rewrite(ctx context.Context) error {
	if _, err := l.db.ExecContext(ctx, "vacuum"); err != nil {
		return err
	}
	var state struct{ Busy, Log, Checkpointed int }
	if err := l.db.GetContext(ctx, &state, "pragma wal_checkpoint(truncate)"); err != nil {
		return err
	}
	if state.Busy != 0 {
		return errors.New("another process is reading the run log: try again when it is done")
	}
	return nil
}

func millis(t time.Time) int64 { return t.UnixMilli() }

func fromMillis(ms int64) time.Time { return time.UnixMilli(ms).UTC() }

func cursor(seq int64) string { return strconv.FormatInt(seq, 10) }
