package snapshot

import (
	"encoding/binary"
	"fmt"
	"os"
)

// parted is a place to gather numbers, which are read again part by part: those with the same first bits are in one part,
// in the order in which they came. It is in memory up to a limit, and in a file without a name beyond it.
type parted struct {
	dir   string
	limit int
	first int // bytes that a part has room for from the start
	bytes int
	file  *os.File
	end   int64
	parts [parts]part
}

// part is the numbers of one part: chunks, and the last one, which is not full.
type part struct {
	chunks []chunk
	last   []byte
}

// chunk is in memory, or in the file.
type chunk struct {
	bytes []byte
	at    int64
}

const (
	partBits  = 8
	parts     = 1 << partBits
	partChunk = 1 << 12
)

// newParted is for about n numbers.
func newParted(dir string, limit int, n uint64) *parted {
	return &parted{dir: dir, limit: limit, first: int(min(n/parts*8*9/8, partChunk))}
}

func (p *parted) add(v uint64) error {
	t := &p.parts[v>>(64-partBits)]
	if t.last == nil {
		t.last = make([]byte, 0, p.first)
	}
	t.last = binary.LittleEndian.AppendUint64(t.last, v)
	if len(t.last) < partChunk {
		return nil
	}
	c := chunk{bytes: t.last}
	t.last = nil
	if p.bytes += partChunk; p.bytes > p.limit {
		if err := p.store(&c); err != nil {
			return fmt.Errorf("gather identifiers: %w", err)
		}
		t.last = c.bytes[:0]
		c.bytes = nil
	}
	t.chunks = append(t.chunks, c)
	return nil
}

// store writes a chunk to the file.
func (p *parted) store(c *chunk) (err error) {
	if p.file == nil {
		if p.file, err = unnamedFile(p.dir); err != nil {
			return err
		}
	}
	c.at = p.end
	p.end += int64(len(c.bytes))
	_, err = p.file.WriteAt(c.bytes, c.at)
	return err
}

// read appends the numbers of a part to vs.
func (p *parted) read(n int, vs []uint64) ([]uint64, error) {
	buffer := make([]byte, partChunk)
	for _, c := range p.parts[n].chunks {
		if c.bytes == nil {
			if _, err := p.file.ReadAt(buffer, c.at); err != nil {
				return nil, fmt.Errorf("read what was gathered: %w", err)
			}
			c.bytes = buffer
		}
		vs = appendNumbers(vs, c.bytes)
	}
	return appendNumbers(vs, p.parts[n].last), nil
}

func appendNumbers(vs []uint64, b []byte) []uint64 {
	for ; len(b) > 0; b = b[8:] {
		vs = append(vs, binary.LittleEndian.Uint64(b))
	}
	return vs
}

func (p *parted) Close() error {
	if p.file == nil {
		return nil
	}
	return p.file.Close()
}
