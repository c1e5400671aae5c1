package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"
)

// keptToken is an access token as it is kept.
type keptToken struct {
	Access  string    `json:"access_token"`
	Refresh string    `json:"refresh_token,omitempty"` // that of the next exchange
	Since   time.Time `json:"since"`
	Until   time.Time `json:"until,omitzero"`
	Grant   string    `json:"grant"` // a digest of the grant that gave it, as one of other settings is of no use
}

// lasts says whether the token is one that the service takes as far as is known.
func (k keptToken) lasts(now time.Time, refused string) bool {
	return k.Access != "" && k.Access != refused && (k.Until.IsZero() || now.Before(k.Until))
}

// fresh says whether it will last for a while, too.
func (k keptToken) fresh(now time.Time, refused string) bool {
	early := min(ahead, k.Until.Sub(k.Since)/10)
	return k.lasts(now, refused) && (k.Until.IsZero() || now.Before(k.Until.Add(-early)))
}

// tokenFile is where an account's token is kept for all processes of a project. Without a path nothing is kept.
type tokenFile struct{ path string }

// lockEvery is how often a process that waits for another one's exchange looks again.
const lockEvery = 50 * time.Millisecond

// change replaces the token of the file by the one that renew makes of it, while no other process does. Where there is
// no file, known takes its place.
func (f tokenFile) change(ctx context.Context, known keptToken, renew func(keptToken) (keptToken, error)) error {
	if f.path == "" {
		_, err := renew(known)
		return err
	}
	if err := os.MkdirAll(filepath.Dir(f.path), 0o700); err != nil {
		return fmt.Errorf("make the directory of access tokens: %w", err)
	}
	lock := flock.New(f.path+".lock", flock.SetPermissions(0o600))
	if _, err := lock.TryLockContext(ctx, lockEvery); err != nil {
		return fmt.Errorf("lock the access token of another process: %w", err)
	}
	defer func() { _ = lock.Unlock() }()
	kept, err := f.read()
	if err != nil {
		return err
	}
	renewed, err := renew(kept)
	if err != nil || renewed == kept {
		return err
	}
	return f.write(renewed)
}

// read returns the token that is kept. A file that is no JSON holds none.
func (f tokenFile) read() (kept keptToken, err error) {
	text, err := os.ReadFile(f.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return kept, nil
	case err != nil:
		return kept, fmt.Errorf("read the access token that is kept: %w", err)
	}
	if !json.Valid(text) {
		return kept, nil
	}
	return kept, json.Unmarshal(text, &kept)
}

// write puts k into the file, durably and at once, so that no token is ever used that is not kept.
func (f tokenFile) write(k keptToken) (err error) {
	text, err := json.Marshal(k)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("keep the access token: %w", err)
		}
	}()
	next, err := os.OpenFile(f.path+".new", os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = next.Write(text)
	if err = errors.Join(err, next.Sync(), next.Close()); err != nil {
		return err
	}
	if err := os.Rename(next.Name(), f.path); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(f.path))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
