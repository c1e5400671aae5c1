package snapshot

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// arena holds records one behind the other, each behind the hash of its key, in chunks, so that it grows without being
// copied.
type arena struct {
	chunks   [][]byte // a record longer than a chunk takes the places of several
	first    int      // the number of the first that is on the heap, where not all are
	onHeap   int      // bytes
	limit    int      // of them, above which the oldest chunks go to files; 0 where all stay on the heap
	fileSize int      // at least
	dir      string   // of the files
	files    *arenaFiles
}

// newArena returns an arena that keeps about limit bytes on the heap, and the rest in files in a directory.
func newArena(dir string, limit, fileSize int) arena {
	return arena{limit: max(limit, 2*firstChunk), fileSize: min(fileSize, arenaFile), dir: dir, files: &arenaFiles{}}
}

// arenaFiles are files without a name, whose pages the operating system may move to the disk. They hold what journals
// hold too, so that nothing is lost with them.
type arenaFiles struct {
	mappings []*tempMapping
	bytes    int    // of them
	rest     []byte // of the last one
	users    int    // iterations that go on reading when the arena was given up
	given    bool   // up
}

const (
	firstChunk = 1 << 12
	chunkBits  = 18
	mostChunks = 1 << (31 - chunkBits)
	hashBytes  = 8
	arenaFile  = 1 << 23 // bytes of a file, where there is as much to keep
)

// add returns where it put b behind the hash of its key.
func (a *arena) add(hash uint64, b []byte) (offset uint32, err error) {
	last, size := len(a.chunks)-1, hashBytes+len(b)
	if last < 0 || cap(a.chunks[last])-len(a.chunks[last]) < size {
		if last, err = a.grow(size); err != nil {
			return 0, err
		}
	}
	at := len(a.chunks[last])
	a.chunks[last] = append(binary.LittleEndian.AppendUint64(a.chunks[last], hash), b...)
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
	for a.limit > 0 && a.first < at && a.onHeap+size > a.limit {
		if err := a.move(a.first); err != nil {
			return 0, err
		}
		a.first++
	}
	a.onHeap += size
	a.chunks = append(a.chunks, make([]byte, 0, size))
	a.chunks = append(a.chunks, make([][]byte, places-1)...)
	return at, nil
}

// move moves a chunk to a file. It is written there and not copied, which would cost a fault for each of its pages.
func (a *arena) move(n int) error {
	chunk := a.chunks[n]
	if len(chunk) == 0 {
		return nil
	}
	f := a.files
	if len(f.rest) < len(chunk) {
		m, err := newTempMapping(a.dir, max(a.fileSize, len(chunk)))
		if err != nil {
			return err
		}
		f.mappings, f.rest = append(f.mappings, m), m.bytes
		f.bytes += len(m.bytes)
	}
	m := f.mappings[len(f.mappings)-1]
	if _, err := m.file.WriteAt(chunk, int64(len(m.bytes)-len(f.rest))); err != nil {
		return fmt.Errorf("move what was recorded to a temporary file: %w", err)
	}
	a.onHeap -= cap(chunk)
	a.chunks[n] = f.rest[:len(chunk):len(chunk)]
	f.rest = f.rest[len(chunk):]
	return nil
}

// bytes returns how many there are at most, wherever they are.
func (a *arena) bytes() int {
	if a.files == nil {
		return a.onHeap
	}
	return a.onHeap + a.files.bytes
}

// use keeps the files until the function that it returns is called.
func (a *arena) use() (done func()) {
	f := a.files
	if f == nil {
		return func() {}
	}
	f.users++
	return func() {
		if f.users--; f.users == 0 && f.given {
			_ = f.close() // nothing of it counts any more
		}
	}
}

// giveUp makes the arena empty. Whoever uses it goes on.
func (a *arena) giveUp() (err error) {
	if f := a.files; f != nil {
		if f.given = true; f.users == 0 {
			err = f.close()
		}
	}
	if a.limit == 0 {
		*a = arena{}
	} else {
		*a = newArena(a.dir, a.limit, a.fileSize)
	}
	return err
}

func (f *arenaFiles) close() (err error) {
	for _, m := range f.mappings {
		err = errors.Join(err, m.Close())
	}
	f.mappings = nil
	return err
}

// from returns the bytes from a record to the end of its chunk.
func (a *arena) from(offset uint32) []byte {
	return a.chunks[offset>>chunkBits][offset&(1<<chunkBits-1)+hashBytes:]
}

// hashAt returns the hash of the key of a record.
func (a *arena) hashAt(offset uint32) uint64 {
	return binary.LittleEndian.Uint64(a.chunks[offset>>chunkBits][offset&(1<<chunkBits-1):])
}

// record returns the one at offset.
func (a *arena) record(offset uint32) record {
	r := reader{b: a.from(offset)}
	return readRecord(&r)
}
