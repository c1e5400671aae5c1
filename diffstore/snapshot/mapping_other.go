//go:build !unix

package snapshot

import "os"

// mapping is the content of a file, where files cannot be mapped.
type mapping struct{ b []byte }

func (systemFS) Map(path string) (Mapping, error) {
	b, err := os.ReadFile(path)
	return mapping{b}, err
}

func (m mapping) Bytes() []byte  { return m.b }
func (mapping) Release(_, _ int) {}
func (mapping) Close() error     { return nil }

// mapWritable takes memory instead, so that there the limit does not hold.
func mapWritable(_ *os.File, size int) ([]byte, error) { return make([]byte, size), nil }

func unmapWritable([]byte) error { return nil }
