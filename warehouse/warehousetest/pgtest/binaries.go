package pgtest

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"

	"spillway/warehouse/warehousetest/throwaway"
)

var errNone = errors.New("no PostgreSQL was found: install one with\n\n" +
	"\tapt-get install -y postgresql\n\n" +
	"(brew install postgresql@17 on a Mac), or name a server in " + EnvDSN + ", or the directory of initdb in PG_BIN")

// binaries returns the directory that holds initdb and postgres.
func binaries() (string, error) {
	var dirs []string
	if dir := os.Getenv("PG_BIN"); dir != "" {
		dirs = append(dirs, dir)
	}
	if found, err := exec.LookPath("initdb"); err == nil {
		if real, err := filepath.EvalSymlinks(found); err == nil {
			dirs = append(dirs, filepath.Dir(real))
		}
	}
	for _, pattern := range []string{"/usr/lib/postgresql/*/bin", "/opt/homebrew/opt/postgresql@*/bin"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			return "", err
		}
		slices.Reverse(found) // the newest first
		dirs = append(dirs, found...)
	}
	for _, dir := range dirs {
		if throwaway.Executable(filepath.Join(dir, "initdb")) && throwaway.Executable(filepath.Join(dir, "postgres")) {
			return dir, nil
		}
	}
	return "", errNone
}
