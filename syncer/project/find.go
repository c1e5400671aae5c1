package project

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// ErrNoProject is what Find's error wraps where no directory is a project.
var ErrNoProject = errors.New("there is no project here")

// Find returns the nearest directory, from start upwards, that holds a spillway.toml.
func Find(start string) (string, error) {
	first, err := filepath.Abs(start)
	if err != nil {
		return "", fmt.Errorf("find the project of %s: %w", start, err)
	}
	for dir := first; ; dir = filepath.Dir(dir) {
		_, err := os.Lstat(filepath.Join(dir, FileName))
		switch {
		case err == nil:
			return dir, nil
		case !errors.Is(err, fs.ErrNotExist):
			return "", fmt.Errorf("find the project of %s: %s: %w", first, dir, reason(err))
		case dir == filepath.Dir(dir):
			return "", fmt.Errorf("%w: neither %s nor a directory above it holds a %s; spillway init writes one, --project names another place",
				ErrNoProject, first, FileName)
		}
	}
}
