//go:build unix

package snapshot

import (
	"errors"
	"fmt"
	"math"
	"os"

	"golang.org/x/sys/unix"
)

// mapping is a file in memory, of which the operating system holds as much as there is room for.
type mapping struct{ b []byte }

func (systemFS) Map(path string) (m Mapping, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil || info.Size() == 0 {
		return mapping{}, err
	}
	if info.Size() > math.MaxInt {
		return nil, fmt.Errorf("%s is too large for this machine", path)
	}
	b, err := unix.Mmap(int(f.Fd()), 0, int(info.Size()), unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		return nil, &os.PathError{Op: "mmap", Path: path, Err: err}
	}
	return mapping{b}, nil
}

func (m mapping) Bytes() []byte { return m.b }

// Release leaves the bytes in the system's cache of files.
func (m mapping) Release(from, to int) {
	page := os.Getpagesize()
	from, to = (from+page-1)/page*page, to/page*page
	if from < to {
		_ = unix.Madvise(m.b[from:to], unix.MADV_DONTNEED) // what is not released is only accounted for longer
	}
}

func (m mapping) Close() error {
	if m.b == nil {
		return nil
	}
	return unix.Munmap(m.b)
}

func mapWritable(f *os.File, size int) ([]byte, error) {
	return unix.Mmap(int(f.Fd()), 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
}

func unmapWritable(b []byte) error { return unix.Munmap(b) }
