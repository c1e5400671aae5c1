//go:build !noduckdb

package duckdb

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	duck "github.com/duckdb/duckdb-go-bindings"

	"spillway/warehouse"
)

// database opens DuckDB when the first of its users comes and closes it when the last one leaves: as long as it is
// open, no other process can write the file.
type database struct {
	config Config
	base   string

	mu     sync.Mutex
	users  int
	closed bool
	leave  func() // lets go of the file
	handle duck.Database
	spill  string // a directory for what does not fit into memory
}

var errDatabaseClosed = errors.New("the warehouse is closed")

// acquire returns a new connection, for which release must be called.
func (d *database) acquire(ctx context.Context) (duck.Connection, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	var conn duck.Connection
	if d.closed {
		return conn, errDatabaseClosed
	}
	if d.users == 0 {
		if err := d.open(ctx); err != nil {
			d.shut()
			return conn, err
		}
	}
	if duck.Connect(d.handle, &conn) == duck.StateError {
		if d.users == 0 {
			d.shut()
		}
		return conn, errors.New("DuckDB gave no connection")
	}
	d.users++
	return conn, nil
}

func (d *database) release(conn duck.Connection) {
	d.mu.Lock()
	defer d.mu.Unlock()
	duck.Disconnect(&conn)
	if d.users--; d.users == 0 {
		d.shut()
	}
}

func (d *database) close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed = true
	return nil
}

func (d *database) open(ctx context.Context) (err error) {
	if d.leave, err = files.read(ctx, d.config.Path); err != nil {
		return err
	}
	return d.start(d.config.mode())
}

// start opens DuckDB. What it leaves open when it fails is for shut.
func (d *database) start(mode string) error {
	spill, err := os.MkdirTemp("", "spillway-duckdb-")
	if err != nil {
		return err
	}
	d.spill = spill
	search, err := d.searchPath()
	if err != nil {
		return err
	}
	var config duck.Config
	if duck.CreateConfig(&config) == duck.StateError {
		return errors.New("DuckDB gave no configuration")
	}
	defer duck.DestroyConfig(&config)
	for _, s := range d.settings(search, mode) {
		if duck.SetConfig(config, s[0], s[1]) == duck.StateError {
			return &warehouse.Error{
				Message: "DuckDB does not take " + s[0] + " = " + strconv.Quote(s[1]),
				Hint:    `write memory as "1GB" or "500MB"`,
			}
		}
	}
	var message string
	if duck.OpenExt(d.config.Path, &d.handle, config, &message) == duck.StateError {
		return unopened(d.config.Path, message)
	}
	return d.pin()
}

// mode is how a model reads the file; empty for a database in memory.
func (c Config) mode() string {
	if c.Path == "" {
		return ""
	}
	return "READ_ONLY"
}

func (d *database) settings(search, mode string) [][2]string {
	settings := [][2]string{
		{"autoinstall_known_extensions", "false"},
		{"autoload_known_extensions", "false"},
		{"allow_community_extensions", "false"},
		{"allow_persistent_secrets", "false"},
		{"temp_directory", filepath.Join(d.spill, "spill")},
		{"file_search_path", search},
	}
	if d.config.Memory != "" {
		settings = append(settings, [2]string{"memory_limit", d.config.Memory})
	}
	if d.config.Threads > 0 {
		settings = append(settings, [2]string{"threads", strconv.Itoa(d.config.Threads)})
	}
	if mode != "" {
		settings = append(settings, [2]string{"access_mode", mode})
	}
	return settings
}

// searchPath is the base under a name without a comma, at which DuckDB would split it.
func (d *database) searchPath() (string, error) {
	if !strings.Contains(d.base, ",") {
		return d.base, nil
	}
	link := filepath.Join(d.spill, "project")
	return link, os.Symlink(d.base, link)
}

// pin sets what can only be set on an open database, and then locks all settings.
func (d *database) pin() error {
	var conn duck.Connection
	if duck.Connect(d.handle, &conn) == duck.StateError {
		return errors.New("DuckDB gave no connection")
	}
	defer duck.Disconnect(&conn)
	for _, sql := range []string{"set global timezone = 'UTC'", "set lock_configuration = true"} {
		var result duck.Result
		state := duck.Query(conn, sql, &result)
		message := duck.ResultError(&result)
		duck.DestroyResult(&result)
		if state == duck.StateError {
			return failure(message)
		}
	}
	return nil
}

func (d *database) shut() {
	duck.Close(&d.handle)
	if d.spill != "" {
		_ = os.RemoveAll(d.spill)
		d.spill = ""
	}
	if d.leave != nil {
		d.leave()
		d.leave = nil
	}
}
