package project

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"
)

const (
	modelsDir = "models"
	syncsDir  = "syncs"

	largestTOML = 256 << 10
	largestSQL  = 4 << 20
)

// files reads a project's files, and none outside of it: symbolic links that lead elsewhere are refused.
type files struct {
	root *os.Root
}

func openFiles(dir string) (*files, error) {
	info, err := os.Stat(dir)
	if err != nil {
		return nil, fmt.Errorf("the project's directory %s cannot be opened: %w", dir, reason(err))
	}
	if !info.IsDir() {
		return nil, fmt.Errorf("the project's directory %s is not a directory", dir)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("the project's directory %s cannot be opened: %w", dir, reason(err))
	}
	return &files{root: root}, nil
}

// close has nothing to lose: the directory was only read.
func (f *files) close() { _ = f.root.Close() }

// list returns the names, without extension, of the files of dir that have it, sorted. A directory that does not exist
// has none. Hidden files are those of editors and tools.
func (f *files) list(dir, extension string) ([]string, Problems) {
	d, err := f.root.Open(dir)
	if errors.Is(err, fs.ErrNotExist) && !f.isLink(dir) {
		return nil, nil
	}
	if err != nil {
		return nil, Problems{{File: dir, Message: f.why(dir, err)}}
	}
	entries, err := d.ReadDir(-1)
	if err = errors.Join(err, d.Close()); err != nil {
		return nil, Problems{{File: dir, Message: "cannot be listed: " + reason(err).Error()}}
	}
	var names []string
	for _, e := range entries {
		base, ok := strings.CutSuffix(e.Name(), extension)
		if ok && base != "" && !strings.HasPrefix(base, ".") {
			names = append(names, base)
		}
	}
	slices.Sort(names)
	return names, nil
}

// read returns the content of one file of at most so many bytes.
func (f *files) read(file string, most int64) ([]byte, *Problem) {
	refuse := func(format string, args ...any) ([]byte, *Problem) {
		return nil, &Problem{File: file, Message: fmt.Sprintf(format, args...)}
	}
	info, err := f.root.Stat(file) // before it is opened: opening a pipe would wait for its writer
	if err != nil {
		return refuse("%s", f.why(file, err))
	}
	if !info.Mode().IsRegular() {
		return refuse("is not a regular file")
	}
	opened, err := f.root.Open(file)
	if err != nil {
		return refuse("%s", f.why(file, err))
	}
	data, err := io.ReadAll(io.LimitReader(opened, most+1))
	if err = errors.Join(err, opened.Close()); err != nil {
		return refuse("cannot be read: %s", reason(err))
	}
	if int64(len(data)) > most {
		return refuse("is larger than %d KiB", most>>10)
	}
	return data, nil
}

// sql returns the SQL of a model's file.
func (f *files) sql(file string) (string, *Problem) {
	data, problem := f.read(file, largestSQL)
	if problem != nil {
		return "", problem
	}
	sql, line, message := cleanSQL(string(data))
	if message != "" {
		return "", &Problem{File: file, Line: line, Message: message}
	}
	return sql, nil
}

// why says what kept a file from being opened.
func (f *files) why(file string, err error) string {
	switch {
	case errors.Is(err, fs.ErrNotExist) && f.isLink(file):
		return "is a symbolic link to a file that does not exist"
	case errors.Is(err, fs.ErrNotExist):
		return "there is no such file; spillway init writes a project to start from"
	case errors.Is(err, fs.ErrPermission):
		return "cannot be read: " + reason(err).Error()
	case f.isLink(file):
		return "is a symbolic link that leads outside the project or is absolute; copy the file, or link to it relatively"
	}
	return "cannot be opened: " + reason(err).Error()
}

// isLink reports whether file or the directory it is in is a symbolic link.
func (f *files) isLink(file string) bool {
	for _, path := range []string{file, filepath.Dir(file)} {
		if info, err := f.root.Lstat(path); err == nil && info.Mode()&fs.ModeSymlink != 0 {
			return true
		}
	}
	return false
}

// cleanSQL brings SQL into one form whatever editor wrote it: no byte order mark, "\n" at the end of lines, and no
// blanks or semicolon at its own end, since it is read as a part of a larger statement. Where it is unusable, message
// says why and line where.
func cleanSQL(sql string) (clean string, line int, message string) {
	sql = strings.TrimPrefix(sql, "\ufeff")
	for i, text := range strings.Split(sql, "\n") {
		if !utf8.ValidString(text) {
			return "", i + 1, "is not UTF-8 text"
		}
		if strings.ContainsRune(text, 0) {
			return "", i + 1, "holds a zero byte; is it UTF-16? SQL must be UTF-8 text"
		}
	}
	clean = strings.TrimRight(strings.ReplaceAll(sql, "\r\n", "\n"), " \t\r\n;")
	if !hasCode([]byte(clean)) {
		return "", 1, "holds no SQL"
	}
	return clean, 0, ""
}

// hasCode reports whether anything stands in sql besides blanks and comments.
func hasCode(sql []byte) bool {
	for {
		sql = bytes.TrimLeft(sql, " \t\r\n;")
		var end []byte
		switch {
		case len(sql) == 0:
			return false
		case bytes.HasPrefix(sql, []byte("--")):
			end = []byte("\n")
		case bytes.HasPrefix(sql, []byte("/*")):
			end = []byte("*/")
		default:
			return true
		}
		_, after, found := bytes.Cut(sql[2:], end)
		if !found {
			return false
		}
		sql = after
	}
}

// reason leaves out the operation and the path of a failure, which are said already.
func reason(err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err
	}
	return err
}
