package snapshot

import (
	"encoding/binary"
	"fmt"

	"spillway/diffstore"
)

// damage says that bytes are not what was written.
func damage(format string, args ...any) error {
	return fmt.Errorf("%w: %w", diffstore.ErrCorrupt, fmt.Errorf(format, args...))
}

// reader takes values off the front of bytes. After bytes that cannot be read it yields zeros, and bad is set.
type reader struct {
	b   []byte
	bad bool
}

func (r *reader) take(n uint64) []byte {
	if n > uint64(len(r.b)) {
		r.bad, r.b = true, nil
		return nil
	}
	taken := r.b[:n:n]
	r.b = r.b[n:]
	return taken
}

func (r *reader) uvarint() uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.bad, r.b = true, nil
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *reader) varint() int64 {
	v, n := binary.Varint(r.b)
	if n <= 0 {
		r.bad, r.b = true, nil
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *reader) uint32() uint32 {
	if b := r.take(4); b != nil {
		return binary.LittleEndian.Uint32(b)
	}
	return 0
}

func (r *reader) uint64() uint64 {
	if b := r.take(8); b != nil {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}

func (r *reader) byte() byte {
	if b := r.take(1); b != nil {
		return b[0]
	}
	return 0
}

// bytes takes a length and as many bytes. They are not copied.
func (r *reader) bytes() []byte { return r.take(r.uvarint()) }

func (r *reader) string() string { return string(r.bytes()) }

func (r *reader) array16() (a [16]byte) {
	copy(a[:], r.take(16))
	return a
}

// done returns an error unless everything was read and was well formed.
func (r *reader) done(what string) error {
	if r.bad || len(r.b) > 0 {
		return damage("%s cannot be read", what)
	}
	return nil
}

func appendBytes[T string | []byte](b []byte, v T) []byte {
	return append(binary.AppendUvarint(b, uint64(len(v))), v...)
}
