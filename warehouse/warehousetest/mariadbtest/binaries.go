package mariadbtest

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"

	"spillway/warehouse/warehousetest/throwaway"
)

var errNone = errors.New("no MariaDB was found: install one with\n\n" +
	"\tapt-get install -y mariadb-server\n\n" +
	"(brew install mariadb on a Mac), or name a server in " + EnvDSN + ", or the directory of mariadbd in MARIADB_BIN")

// find returns the path of a program of MariaDB.
func find(program string) (string, error) {
	var places []string
	if dir := os.Getenv("MARIADB_BIN"); dir != "" {
		places = append(places, filepath.Join(dir, program))
	}
	if found, err := exec.LookPath(program); err == nil {
		places = append(places, found)
	}
	for _, dir := range []string{"/usr/sbin", "/usr/bin", "/usr/libexec", "/opt/homebrew/opt/mariadb/bin"} {
		places = append(places, filepath.Join(dir, program))
	}
	for _, place := range places {
		if throwaway.Executable(place) {
			return place, nil
		}
	}
	return "", errNone
}
