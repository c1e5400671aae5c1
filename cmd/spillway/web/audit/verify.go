package audit

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// ErrBroken is wrapped by the error of a log that was changed after it was written.
var ErrBroken = errors.New("the audit log is not as it was written")

// Verify reads the whole log and returns how many entries it has. Its error wraps ErrBroken and names the first line at
// which the chain is broken.
func (l *Log) Verify() (entries int64, err error) {
	f, err := os.Open(l.file)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("read the audit log: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, longest)
	lines.Split(whole)
	previous := ""
	for lines.Scan() {
		entries++
		var e Entry
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			return entries, fmt.Errorf("%w: line %d of %s: %w", ErrBroken, entries, l.file, err)
		}
		sealed, err := seal(e)
		if err != nil {
			return entries, fmt.Errorf("verify the audit log: %w", err)
		}
		if e.Seq != entries || e.Prev != previous || !bytes.Equal(sealed, lines.Bytes()) {
			return entries, fmt.Errorf("%w: line %d of %s", ErrBroken, entries, l.file)
		}
		previous = e.Hash
	}
	if err := lines.Err(); err != nil {
		return entries, fmt.Errorf("read the audit log %s: %w", l.file, err)
	}
	return entries, nil
}

// whole splits a file into lines with their ends. A last line without one was never acknowledged.
func whole(data []byte, atEOF bool) (advance int, token []byte, err error) {
	if end := bytes.IndexByte(data, '\n') + 1; end > 0 {
		return end, data[:end], nil
	}
	if atEOF {
		return len(data), nil, nil
	}
	return 0, nil, nil
}
