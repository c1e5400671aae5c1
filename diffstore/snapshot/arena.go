package snapshot

import "errors"

// arena holds records one behind the other, in chunks, so that it grows without being copied.
type arena struct {
	chunks     [][]byte // a record longer than a chunk takes the places of several
	arenaBytes int      // of memory
}

const (
	firstChunk = 1 << 12
	chunkBits  = 18
	mostChunks = 1 << (32 - chunkBits)
)

// add returns where it put b.
func (a *arena) add(b []byte) (offset uint32, err error) {
	last := len(a.chunks) - 1
	if last < 0 || cap(a.chunks[last])-len(a.chunks[last]) < len(b) {
		if last, err = a.grow(len(b)); err != nil {
			return 0, err
		}
	}
	at := len(a.chunks[last])
	a.chunks[last] = append(a.chunks[last], b...)
	return uint32(last<<chunkBits | at), nil
}

// grow adds a chunk with room for n bytes and returns its number.
func (a *arena) grow(n int) (int, error) {
	size := max(firstChunk<<min(len(a.chunks), chunkBits), n)
	if n <= 1<<chunkBits {
		size = min(size, 1<<chunkBits)
	}
	at := len(a.chunks)
	places := (size + 1<<chunkBits - 1) >> chunkBits
	if at+places > mostChunks {
		return 0, errors.New("more was recorded at a time than fits into memory")
	}
	a.chunks = append(a.chunks, make([]byte, 0, size))
	a.chunks = append(a.chunks, make([][]byte, places-1)...)
	a.arenaBytes += size
	return at, nil
}

// from returns the bytes from offset to the end of its chunk.
func (a *arena) from(offset uint32) []byte {
	return a.chunks[offset>>chunkBits][offset&(1<<chunkBits-1):]
}

// record returns the one at offset.
func (a *arena) record(offset uint32) record {
	r := reader{b: a.from(offset)}
	return readRecord(&r)
}
