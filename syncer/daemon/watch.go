package daemon

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"

	"spillway/syncer/project"
)

const (
	// settled is for how long files must have been left alone before they are read: editors and git write several.
	settled = 500 * time.Millisecond
	// pollInterval is how often the files are looked at without a sign, which some file systems never give.
	pollInterval = time.Minute
)

// watched are the directories that hold a project's files, below its own.
func watched(root string) []string {
	return []string{root, filepath.Join(root, "models"), filepath.Join(root, "syncs")}
}

// watch reads the project anew whenever its files have changed.
func (d *Daemon) watch(ctx context.Context) (err error) {
	root := d.Project().Root
	var signs <-chan fsnotify.Event
	var troubles <-chan error
	watcher, err := fsnotify.NewWatcher()
	if err != nil {
		d.log.Warn("files are looked at every minute alone", "error", err.Error())
	} else {
		defer func() { err = errors.Join(err, watcher.Close()) }()
		signs, troubles = watcher.Events, watcher.Errors
	}
	d.listen(watcher, root)
	seen := d.files
	timer := time.NewTimer(settled) // they may have changed since they were read
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case err := <-troubles:
			d.log.Warn("files cannot be watched", "error", err.Error())
			continue
		case sign := <-signs:
			if concerns(sign.Name) {
				timer.Reset(settled)
			}
			continue
		case <-timer.C:
		}
		if now := fingerprint(root); now != seen {
			seen = now
			d.listen(watcher, root)
			_ = d.Reload(ctx, "files") // what is wrong is kept, told and shown
		}
		timer.Reset(pollInterval)
	}
}

// listen asks for signs from the directories of the project. One that is not there yet is found by the poll.
func (d *Daemon) listen(w *fsnotify.Watcher, root string) {
	if w == nil {
		return
	}
	for _, dir := range watched(root) {
		if err := w.Add(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
			d.log.Debug("directory not watched", "dir", dir, "error", err.Error())
		}
	}
}

// concerns reports whether a file may be one of the project's.
func concerns(name string) bool {
	base := filepath.Base(name)
	return base == project.FileName || base == "models" || base == "syncs" || base == "..data" ||
		!strings.HasPrefix(base, ".") && (strings.HasSuffix(base, ".sql") || strings.HasSuffix(base, ".toml"))
}

// fingerprint tells whether any of a project's files is another than before: by names, sizes and times.
func fingerprint(root string) uint64 {
	sum := fnv.New64a()
	var line []byte
	for _, dir := range watched(root) {
		fmt.Fprintln(sum, dir)
		entries, err := os.ReadDir(dir)
		if err != nil {
			fmt.Fprintln(sum, err)
			continue
		}
		for _, e := range entries {
			if !concerns(e.Name()) {
				continue
			}
			info, err := e.Info()
			if err == nil && e.Type()&fs.ModeSymlink != 0 {
				info, err = os.Stat(filepath.Join(dir, e.Name())) // of what it leads to
			}
			if err == nil && !info.IsDir() {
				line = binary.AppendVarint(binary.AppendVarint(append(line[:0], e.Name()...), info.Size()), info.ModTime().UnixNano())
				_, _ = sum.Write(line) // it never fails
			}
		}
	}
	return sum.Sum64()
}
