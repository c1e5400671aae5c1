package syncer

import (
	"context"
	"encoding/base64"
	"fmt"
	"log/slog"
	"strings"

	"spillway/diffstore"
	"spillway/syncer/project"
)

// StoreSettings say where and how the snapshots of a project are kept.
type StoreSettings struct {
	Dir           string
	Memory        int    // bytes that the snapshot of one sync may take
	EncryptionKey []byte // nil: nothing is encrypted
	Log           *slog.Logger
}

// KeyError is an encryption key that is none.
type KeyError struct{ Origin string } // where it was looked up

func (e *KeyError) Error() string {
	return fmt.Sprintf("encryption_key under [state] (%s) must be 32 bytes in base64; make one with: openssl rand -base64 32", e.Origin)
}

const encryptionKeyBytes = 32

// openStore opens the snapshots as [state] says.
func (e *Engine) openStore(ctx context.Context) (diffstore.Store, error) {
	key, err := encryptionKey(ctx, e.project.State)
	if err != nil {
		return nil, err
	}
	s, err := e.options.OpenStore(StoreSettings{
		Dir: snapshotDir(e.dir), Memory: int(e.project.State.Memory), EncryptionKey: key, Log: e.log,
	})
	if err != nil {
		return nil, fmt.Errorf("open the snapshots: %w", err)
	}
	return s, nil
}

func encryptionKey(ctx context.Context, s project.StateSettings) ([]byte, error) {
	if !s.EncryptionKey.IsSet() {
		return nil, nil
	}
	text, err := s.EncryptionKey.Reveal(ctx)
	if err != nil {
		return nil, fmt.Errorf("encryption_key under [state]: %w", err)
	}
	key, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text))
	if err != nil || len(key) != encryptionKeyBytes {
		return nil, &KeyError{s.EncryptionKey.Origin()}
	}
	return key, nil
}

// unopened is a store that could not be opened. What only reads other things goes on without it.
type unopened struct{ err error }

func (u unopened) Begin(context.Context, string) (diffstore.Session, error) { return nil, u.err }
func (u unopened) View(context.Context, string) (diffstore.View, error)     { return nil, u.err }
func (u unopened) Forget(context.Context, string) error                     { return u.err }
func (u unopened) Close() error                                             { return nil }

func (u unopened) Syncs(context.Context) ([]string, error) { return nil, u.err }
func (u unopened) Check(context.Context, string) error     { return u.err }
func (u unopened) Verify(context.Context, string) error    { return u.err }
func (u unopened) Lookup(context.Context, string, string) (*diffstore.Known, error) {
	return nil, u.err
}
