package snapshot

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
)

// scratch is a place to write something to and read it again, once or more. It is in memory up to a limit and in a
// file beyond it, which has no name, so that nothing is left of it whatever happens (invariant 9).
type scratch struct {
	dir   string
	limit int
	size  int64
	buf   []byte
	file  *os.File
	w     *bufio.Writer
}

// expect makes room for n bytes at most, if they are kept in memory.
func (s *scratch) expect(n uint64) {
	if n <= uint64(s.limit) {
		s.buf = make([]byte, 0, n)
	}
}

func (s *scratch) Write(b []byte) (int, error) {
	s.size += int64(len(b))
	if s.file == nil && len(s.buf)+len(b) <= s.limit {
		s.buf = append(s.buf, b...)
		return len(b), nil
	}
	if s.file == nil {
		if err := s.spill(); err != nil {
			return 0, err
		}
	}
	return s.w.Write(b)
}

func (s *scratch) spill() (err error) {
	if s.file, err = unnamedFile(s.dir); err != nil {
		return err
	}
	s.w = bufio.NewWriterSize(s.file, 1<<18)
	_, err = s.w.Write(s.buf)
	s.buf = nil
	return err
}

// read returns everything that was written, from its beginning.
func (s *scratch) read() (io.Reader, error) {
	if s.file == nil {
		return bytes.NewReader(s.buf), nil
	}
	if err := s.w.Flush(); err != nil {
		return nil, err
	}
	return bufio.NewReaderSize(io.NewSectionReader(s.file, 0, s.size), 1<<18), nil
}

func (s *scratch) Close() error {
	s.buf = nil
	if s.file == nil {
		return nil
	}
	return s.file.Close()
}

// unnamedFile opens a file in dir, or in the directory for temporary files if dir does not exist, and removes its name.
func unnamedFile(dir string) (*os.File, error) {
	if _, err := os.Stat(dir); err != nil {
		dir = ""
	}
	f, err := os.CreateTemp(dir, ".spillway-*.tmp")
	if err != nil {
		return nil, fmt.Errorf("make a temporary file: %w", err)
	}
	if err := os.Remove(f.Name()); err != nil {
		return nil, errors.Join(fmt.Errorf("make a temporary file: %w", err), f.Close())
	}
	return f, nil
}
