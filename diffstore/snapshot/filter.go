package snapshot

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
)

// filter says of most hashes that no segment has a key or an identifier with their tags, by one look at memory. It is a chain
// of Bloom filters, each with room for more than the one before, in memory up to a limit and in files without a name
// beyond it.
type filter struct {
	dir   string
	limit int
	parts []*bloom
}

// bloom keeps all bits of a hash in one block, which is a line of the processor's cache. Blocks are in the order of the
// hashes.
type bloom struct {
	bytes []byte
	file  *tempMapping // nil while they are in memory
	shift uint         // of a hash, to the number of its block
	room  int          // for so many more
}

const (
	blockBytes   = 64
	hashesOf     = 40 // a block has room for, at about 12 bits each
	bitsOfHash   = 6
	leastBlocks  = 1 << 6
	bloomGrowth  = 4
	bloomSpread  = 0x9e3779b97f4a7c15
	bitsInOfHash = 9 // that choose one of the 512 bits of a block
)

// expect makes room for n more hashes.
func (f *filter) expect(n int) error {
	if len(f.parts) > 0 {
		last := f.parts[len(f.parts)-1]
		if last.room >= n {
			return nil
		}
		n = max(n, bloomGrowth*hashesOf*len(last.bytes)/blockBytes)
	}
	blocks := leastBlocks
	for blocks*hashesOf < n {
		blocks *= 2
	}
	b := &bloom{room: blocks * hashesOf, shift: uint(64 - bits.Len(uint(blocks)) + 1)}
	size := blocks * blockBytes
	for _, p := range f.parts {
		size += len(p.bytes)
	}
	if size <= f.limit {
		b.bytes = make([]byte, blocks*blockBytes)
	} else {
		var err error
		if b.file, err = newTempMapping(f.dir, blocks*blockBytes); err != nil {
			return fmt.Errorf("note what the segments hold: %w", err)
		}
		b.bytes = b.file.bytes
	}
	f.parts = append(f.parts, b)
	return nil
}

// add adds a tag, for which there must be room.
func (f *filter) add(tag uint32) {
	b := f.parts[len(f.parts)-1]
	b.room--
	block := b.block(tag)
	for h, n := uint64(tag)*bloomSpread, 0; n < bitsOfHash; n++ {
		at := h & 511
		word := block[at/64*8:]
		binary.LittleEndian.PutUint64(word, binary.LittleEndian.Uint64(word)|1<<(at%64))
		h >>= bitsInOfHash
	}
}

// has reports whether the tag of hash was added; once in two hundred times it does so though it was not.
func (f *filter) has(hash uint64) bool {
	for _, b := range f.parts {
		if b.has(tagOf(hash)) {
			return true
		}
	}
	return false
}

// touch looks at the block of hash.
func (f *filter) touch(hash uint64) (sum uint64) {
	for _, b := range f.parts {
		sum += uint64(b.block(tagOf(hash))[0])
	}
	return sum
}

func (b *bloom) block(tag uint32) []byte {
	at := uint64(tag) << 32 >> b.shift * blockBytes
	return b.bytes[at : at+blockBytes : at+blockBytes]
}

func (b *bloom) has(tag uint32) bool {
	block := b.block(tag)
	for h, n := uint64(tag)*bloomSpread, 0; n < bitsOfHash; n++ {
		at := h & 511
		if binary.LittleEndian.Uint64(block[at/64*8:])>>(at%64)&1 == 0 {
			return false
		}
		h >>= bitsInOfHash
	}
	return true
}

func (f *filter) Close() (err error) {
	for _, b := range f.parts {
		if b.file != nil {
			err = errors.Join(err, b.file.Close())
		}
	}
	f.parts = nil
	return err
}
