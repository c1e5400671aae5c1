package snapshot

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"spillway/diffstore"
)

// keyFile holds the project's key: one line of a name, the key and a checksum, both in hexadecimal. Were the key to
// change unnoticed, every row would seem changed.
const (
	keyFile   = "sum.key"
	keyPrefix = "spillway-sum-key-1 "
	keySize   = 32
)

// readKey returns the key in the directory, or nil when there is none.
func (f *files) readKey() ([]byte, error) {
	path := filepath.Join(f.dir, keyFile)
	if err := checkPrivate(f.fs, path); err != nil {
		return nil, err
	}
	line, err := f.fs.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, f.refuseLostKey()
	}
	if err != nil {
		return nil, fmt.Errorf("read the key of the snapshots: %w", err)
	}
	key := make([]byte, keySize)
	text, ok := bytes.CutPrefix(line, []byte(keyPrefix))
	if ok && len(text) >= 2*keySize {
		_, err = hex.Decode(key, text[:2*keySize])
	}
	if !ok || err != nil || !bytes.Equal(line, formatKey(key)) {
		return nil, fmt.Errorf("%w: the key file %s does not hold what was written; restore it from a copy, "+
			"or reset all syncs and remove it", diffstore.ErrCorrupt, path)
	}
	return key, nil
}

func formatKey(key []byte) []byte {
	check := sha256.Sum256(key)
	return fmt.Appendf(nil, "%s%x %x\n", keyPrefix, key, check[:8])
}

// makeKey returns the key in the directory, having made it if this is the first snapshot of the project.
func (f *files) makeKey() ([]byte, error) {
	key, err := f.readKey()
	if err != nil || key != nil {
		return key, err
	}
	key = make([]byte, keySize)
	f.random(key)
	path := filepath.Join(f.dir, keyFile)
	if err := f.write(path+".new", formatKey(key)); err != nil {
		return nil, fmt.Errorf("write %s: %w", path, err)
	}
	if err := f.fs.Rename(path+".new", path); err != nil {
		return nil, fmt.Errorf("write %s: %w", path, err)
	}
	if err := f.fs.SyncDir(f.dir); err != nil {
		return nil, fmt.Errorf("write %s: %w", path, err)
	}
	return key, nil
}

// refuseLostKey finds snapshots whose key is missing.
func (f *files) refuseLostKey() error {
	entries, err := f.fs.ReadDir(f.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("look for snapshots: %w", err)
	}
	for _, e := range entries {
		if filepath.Ext(e.Name()) == manifestEnding {
			return fmt.Errorf("%w: the key file %s is missing, without which %s cannot be compared; restore it from a copy, "+
				"or reset all syncs", diffstore.ErrCorrupt, filepath.Join(f.dir, keyFile), e.Name())
		}
	}
	return nil
}

func systemRandom(b []byte) {
	_, _ = rand.Read(b) // never fails: the program ends first
}
