package sqlite

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"spillway/diffstore"
)

//go:embed schema.sql
var schema string

const (
	ending        = ".db"
	applicationID = 0x53505757 // "SPWW", in the file's header
	schemaVersion = 1

	// thoroughSize is up to which size, in bytes, a file without a valid seal is checked as a whole.
	thoroughSize = 256 << 20

	patience = 5 * time.Second // with another process that has the file locked
)

// database is the file that holds the snapshot of one sync.
type database struct {
	*sqlx.DB
	sync     string
	path     string
	unsynced bool // see Unsynced
}

// address returns the data source name of the file, opened as the pragmas say.
func (d *database) address(path, mode string, pragmas ...string) string {
	q := url.Values{"mode": {mode}, "_txlock": {"immediate"}}
	wait := fmt.Sprintf("busy_timeout(%d)", patience.Milliseconds())
	for _, p := range append([]string{wait, "trusted_schema(off)", "cell_size_check(on)"}, pragmas...) {
		q.Add("_pragma", p)
	}
	return (&url.URL{Scheme: "file", Path: path, RawQuery: q.Encode()}).String()
}

// connect opens one connection to the file: a snapshot is read and written through a single one, so that a session
// sees what it wrote.
func (d *database) connect(address string) error {
	db, err := sqlx.Open("sqlite", address)
	if err != nil {
		return d.failure("open", err)
	}
	db.SetMaxOpenConns(1)
	d.DB = db
	return nil
}

func (d *database) synchronous() string {
	if d.unsynced {
		return "synchronous(off)"
	}
	return "synchronous(full)"
}

// exists reports whether there is a snapshot. Traces of one whose file is missing are damage, unless it was forgotten.
func (d *database) exists() (bool, error) {
	if err := checkPrivate(d.path); err != nil {
		return false, err
	}
	info, err := os.Stat(d.path)
	switch {
	case err == nil && info.Size() == 0:
		return false, d.damaged("the file is empty")
	case err == nil:
		return true, nil
	case !errors.Is(err, fs.ErrNotExist):
		return false, fmt.Errorf("open the snapshot of sync %s: %w", d.sync, err)
	}
	if _, err := os.Stat(d.path + forgottenEnding); err == nil {
		return false, nil
	}
	for _, trace := range []string{sealEnding, "-wal"} {
		if _, err := os.Stat(d.path + trace); err == nil {
			return false, d.damaged("the file is missing, but " + d.path + trace + " is there")
		}
	}
	return false, nil
}

// create makes an empty snapshot. After a crash at any instant it is there as a whole or not at all.
func (d *database) create(ctx context.Context, key []byte) error {
	draft := d.path + ".new"
	if err := removeAll(draft, draft+"-journal", draft+"-wal", draft+"-shm"); err != nil {
		return d.failure("create", err)
	}
	if err := write(draft, nil); err != nil { // so that its mode is not SQLite's
		return d.failure("create", err)
	}
	if err := d.connect(d.address(draft, "rw", d.synchronous())); err != nil {
		return err
	}
	err := errors.Join(d.fill(ctx, key), d.Close())
	if err == nil {
		err = os.Rename(draft, d.path)
	}
	if err == nil {
		err = d.syncDir()
	}
	return d.failure("create", err)
}

func (d *database) fill(ctx context.Context, key []byte) error {
	sum, nonce := proof(key), newToken()
	script := fmt.Sprintf("pragma application_id = %d; pragma user_version = %d; %s", applicationID, schemaVersion, schema)
	if _, err := d.ExecContext(ctx, script); err != nil {
		return err
	}
	if _, err := d.ExecContext(ctx, "insert into about values (?, ?, ?, 0)", []byte(d.sync), sum[:], nonce[:]); err != nil {
		return err
	}
	_, err := d.ExecContext(ctx, "pragma journal_mode = wal")
	return err
}

// verify refuses a file that is not the snapshot that was written.
func (d *database) verify(ctx context.Context, key []byte) error {
	sealed, err := d.checkSeal()
	if err != nil {
		return err
	}
	if err := d.checkHeader(ctx); err != nil {
		return err
	}
	if !sealed {
		if err := d.checkPages(ctx); err != nil {
			return err
		}
	}
	return d.checkOwner(ctx, key)
}

func (d *database) checkHeader(ctx context.Context) error {
	var application, version int64
	if err := d.GetContext(ctx, &application, "pragma application_id"); err != nil {
		return d.failure("open", err)
	}
	if err := d.GetContext(ctx, &version, "pragma user_version"); err != nil {
		return d.failure("open", err)
	}
	switch {
	case application != applicationID:
		return d.damaged("it is a database of another program")
	case version > schemaVersion:
		return fmt.Errorf("open the snapshot of sync %s (%s): it was written by a newer version of this program "+
			"(format %d, this one knows %d): use that version", d.sync, d.path, version, schemaVersion)
	case version < 1:
		return d.damaged("it has no format version")
	}
	return nil
}

// checkPages reads a file that was not closed in order. Of a very large one only the structure is checked.
func (d *database) checkPages(ctx context.Context) error {
	info, err := os.Stat(d.path)
	if err != nil {
		return d.failure("check", err)
	}
	check := "pragma quick_check(1)"
	if info.Size() <= thoroughSize {
		check = "pragma integrity_check(1)"
	}
	var found []string
	if err := d.SelectContext(ctx, &found, check); err != nil {
		return d.failure("check", err)
	}
	if len(found) != 1 || found[0] != "ok" {
		return d.damaged(strings.Join(found, "; "))
	}
	return nil
}

func (d *database) checkOwner(ctx context.Context, key []byte) error {
	var about []struct{ Sync, Proof []byte }
	if err := d.SelectContext(ctx, &about, "select sync, proof from about"); err != nil {
		return d.failure("open", err)
	}
	sum := proof(key)
	switch {
	case len(about) != 1:
		return d.damaged("it does not say whose snapshot it is")
	case string(about[0].Sync) != d.sync:
		return d.damaged(fmt.Sprintf("it is the snapshot of sync %s", about[0].Sync))
	case diffstore.Sum(about[0].Proof) != sum:
		return d.damaged("it was made with another key than the one in " + keyFile)
	}
	return nil
}

func (d *database) syncDir() error {
	if d.unsynced {
		return nil
	}
	return syncDir(filepath.Dir(d.path))
}

func removeAll(paths ...string) error {
	for _, path := range paths {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}
