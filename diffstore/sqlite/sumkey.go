package sqlite

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io/fs"
	"os"
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

// readKey returns the key in dir, or nil when there is none.
func readKey(dir string) ([]byte, error) {
	path := filepath.Join(dir, keyFile)
	if err := checkPrivate(path); err != nil {
		return nil, err
	}
	line, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
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

// makeKey returns the key in dir, having made it if this is the first snapshot of the project.
func makeKey(dir string) ([]byte, error) {
	key, err := readKey(dir)
	if err != nil || key != nil {
		return key, err
	}
	if err := refuseLostKey(dir); err != nil {
		return nil, err
	}
	key = newKey()
	if err := publish(filepath.Join(dir, keyFile), formatKey(key)); err != nil {
		return nil, err
	}
	return key, nil
}

func newKey() []byte {
	key := make([]byte, keySize)
	_, _ = rand.Read(key) // never fails: the program ends first
	return key
}

// refuseLostKey finds snapshots whose key is missing.
func refuseLostKey(dir string) error {
	names, err := fs.Glob(os.DirFS(dir), "*"+ending)
	if err != nil {
		return fmt.Errorf("look for snapshots: %w", err)
	}
	if len(names) > 0 {
		return fmt.Errorf("%w: the key file %s is missing, without which %s cannot be compared; restore it from a copy, "+
			"or reset all syncs", diffstore.ErrCorrupt, filepath.Join(dir, keyFile), names[0])
	}
	return nil
}

// summer computes keyed sums. It is used by one goroutine.
type summer struct{ mac hash.Hash }

func newSummer(key []byte) *summer { return &summer{mac: hmac.New(sha256.New, key)} }

func (s *summer) Sum(canonical []byte) (sum diffstore.Sum) {
	var full [sha256.Size]byte
	s.mac.Reset()
	s.mac.Write(canonical)
	copy(sum[:], s.mac.Sum(full[:0]))
	return sum
}

// proof is the sum by which a snapshot knows its key.
func proof(key []byte) diffstore.Sum {
	return newSummer(key).Sum([]byte("spillway: the key of this snapshot"))
}
