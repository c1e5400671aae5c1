package syncer

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// unnamedFile opens a file in dir, or in the directory for temporary files. Without a name nothing is left of it,
// however the process ends. Where an open file cannot lose its name, it loses it in the end, by discard.
func unnamedFile(dir string) (*os.File, error) {
	f, err := os.CreateTemp(dir, "spillway-*.tmp")
	if err != nil {
		return nil, fmt.Errorf("make a temporary file: %w", err)
	}
	_ = os.Remove(f.Name())
	return f, nil
}

// discard closes a file and sees to it that it has no name.
func discard(f *os.File) error {
	err := os.Remove(f.Name())
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return errors.Join(f.Close(), err)
}
