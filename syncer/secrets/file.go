package secrets

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// largest is more than any credential takes, certificates and service accounts included.
const largest = 1 << 20

// File refers to the content of the file at path, without one newline at its end. A relative path starts at dir.
//
// A file that every user of the machine may write is refused. One that they may read is taken: Kubernetes mounts its
// secrets with mode 0644, behind symbolic links.
func File(path, dir string) (Secret, error) {
	if path == "" {
		return Secret{}, errors.New("must name a file")
	}
	if !filepath.IsAbs(path) {
		path = filepath.Join(dir, path)
	}
	return newSecret("file "+path, func(context.Context) (string, error) { return readFile(path) }), nil
}

func readFile(path string) (string, error) {
	info, err := os.Stat(path) // before it is opened: opening a pipe would wait for its writer
	if err != nil {
		return "", reason(err)
	}
	if !info.Mode().IsRegular() {
		return "", errors.New("it is not a regular file")
	}
	if info.Mode().Perm()&0o002 != 0 {
		return "", fmt.Errorf("every user may write it (mode %#o); take that right away with chmod o-w", info.Mode().Perm())
	}
	f, err := os.Open(path)
	if err != nil {
		return "", reason(err)
	}
	content, err := io.ReadAll(io.LimitReader(f, largest+1))
	if err = errors.Join(err, f.Close()); err != nil {
		return "", reason(err)
	}
	if len(content) > largest {
		return "", fmt.Errorf("it is larger than %d bytes", largest)
	}
	value := strings.TrimSuffix(strings.TrimSuffix(string(content), "\n"), "\r")
	if value == "" {
		return "", errors.New("it is empty")
	}
	return value, nil
}

// reason leaves out the operation and the path of a failure, which are said already.
func reason(err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err
	}
	return err
}
