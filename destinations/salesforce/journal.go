package salesforce

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// jobsKept is how long Salesforce keeps a job that has ended.
const jobsKept = 7 * 24 * time.Hour

// journal keeps which job delivers which records, from before the job is closed until its results were read, one small
// file each. A run that was stopped meanwhile leaves them in doubt; the next one finds their job by it, rather than
// delivering them again. Without a directory nothing is kept.
type journal struct{ dir string }

func (j journal) path(key string) string { return filepath.Join(j.dir, key) }

// find returns the id of the job that delivers what key names, empty if there is none.
func (j journal) find(key string) (string, error) {
	if j.dir == "" {
		return "", nil
	}
	id, err := os.ReadFile(j.path(key))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("read which job delivers a batch: %w", err)
	}
	return strings.TrimSpace(string(id)), nil
}

// keep puts down, durably, that the job called id delivers what key names.
func (j journal) keep(key, id string) (err error) {
	if j.dir == "" {
		return nil
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("keep which job delivers a batch: %w", err)
		}
	}()
	if err := os.MkdirAll(j.dir, 0o700); err != nil {
		return err
	}
	if err := j.forget(); err != nil {
		return err
	}
	file, err := os.OpenFile(j.path(key), os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = file.WriteString(id + "\n")
	return errors.Join(err, file.Sync(), file.Close())
}

// forget drops what is older than Salesforce keeps jobs: nobody came back for it, as the rows have changed since.
func (j journal) forget() error {
	entries, err := os.ReadDir(j.dir)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if info, err := entry.Info(); err == nil && time.Since(info.ModTime()) > jobsKept {
			if err := j.drop(entry.Name()); err != nil {
				return err
			}
		}
	}
	return nil
}

// drop forgets what key names.
func (j journal) drop(key string) error {
	if j.dir == "" {
		return nil
	}
	if err := os.Remove(j.path(key)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("forget which job delivered a batch: %w", err)
	}
	return nil
}
