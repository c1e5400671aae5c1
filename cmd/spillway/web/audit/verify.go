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

// BrokenError says where a log was changed first. It wraps ErrBroken.
type BrokenError struct {
	Line int64 // of the file, from 1
	File string
	Why  string
}

func (e *BrokenError) Error() string {
	return fmt.Sprintf("%v: line %d of %s %s", ErrBroken, e.Line, e.File, e.Why)
}

func (e *BrokenError) Unwrap() error { return ErrBroken }

// Verify reads the whole log and returns how many entries it has. Its error is a *BrokenError where the chain is broken,
// and then it is the line at which it is broken first.
func (l *Log) Verify() (entries int64, err error) { return l.Read(func(Entry) {}) }

// Read is Verify, and calls each for every entry that can be read, the oldest first, behind a break too.
func (l *Log) Read(each func(Entry)) (entries int64, err error) {
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
	var previous Entry
	var broken *BrokenError
	for lines.Scan() {
		entries++
		e, why := follow(previous, lines.Bytes())
		if why != "" && broken == nil {
			broken = &BrokenError{Line: entries, File: l.file, Why: why}
		}
		if e.Seq > 0 {
			each(e)
		}
		previous = e
	}
	if err := lines.Err(); err != nil {
		return entries, fmt.Errorf("read line %d of the audit log %s: %w", entries+1, l.file, err)
	}
	if broken != nil {
		return broken.Line, broken
	}
	return entries, nil
}

// follow reads the line that follows an entry, and says why it does not, if so.
func follow(previous Entry, line []byte) (e Entry, why string) {
	if err := json.Unmarshal(line, &e); err != nil {
		return Entry{}, "is no entry"
	}
	sealed, err := seal(e)
	switch {
	case err != nil || !bytes.Equal(sealed, line):
		return e, "was changed: its hash does not fit what it says"
	case e.Seq != previous.Seq+1 || e.Prev != previous.Hash:
		return e, "does not follow the line before it: entries were removed, added or moved"
	}
	return e, ""
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
