package snapshot

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"

	"spillway/diffstore"
)

// strangers is a set of keys that the base does not have, with the verdict that each got: a hash table of 16 bytes a
// slot, in memory up to a limit and in a mapped file without a name beyond it. A slot holds the hash of a key, but for
// its last three bits, where the verdict stands.
type strangers struct {
	dir   string
	limit int
	slots []byte
	file  *tempMapping // nil while slots are in memory
	bits  uint         // there are 1<<bits slots
	count uint64
}

const (
	slotSize    = 16
	verdictMask = 7
	firstBits   = 8
)

func newStrangers(dir string, limit int) *strangers { return &strangers{dir: dir, limit: limit} }

// slot returns the place where a key is, or would be.
func (s *strangers) slot(key diffstore.KeyHash) []byte {
	hi, lo := binary.BigEndian.Uint64(key[:8]), binary.LittleEndian.Uint64(key[8:])&^verdictMask
	last := uint64(1)<<s.bits - 1
	for i := hi >> (64 - s.bits); ; i = (i + 1) & last {
		b := s.slots[i*slotSize : i*slotSize+slotSize]
		have := binary.LittleEndian.Uint64(b[8:])
		if have&verdictMask == 0 || (have&^verdictMask == lo && binary.BigEndian.Uint64(b) == hi) {
			return b
		}
	}
}

// touch looks at the place where a key is, or is near.
func (s *strangers) touch(key diffstore.KeyHash) uint64 {
	if s.count == 0 {
		return 0
	}
	return uint64(s.slots[binary.BigEndian.Uint64(key[:8])>>(64-s.bits)*slotSize])
}

func (s *strangers) verdict(key diffstore.KeyHash) diffstore.Verdict {
	if s.count == 0 {
		return 0
	}
	return diffstore.Verdict(s.slot(key)[8] & verdictMask)
}

// visit marks a key, and returns what it got before, 0 if it was not seen.
func (s *strangers) visit(key diffstore.KeyHash, v diffstore.Verdict) (diffstore.Verdict, error) {
	if s.slots == nil || s.count >= 3<<s.bits>>2 {
		if err := s.grow(); err != nil {
			return 0, fmt.Errorf("note which keys were seen: %w", err)
		}
	}
	b := s.slot(key)
	was := diffstore.Verdict(b[8] & verdictMask)
	if was != 0 {
		v = diffstore.Duplicate
	} else {
		s.count++
		copy(b, key[:])
	}
	b[8] = b[8]&^verdictMask | byte(v)
	return was, nil
}

// grow doubles the table. Slots are in the order of their hashes, but for collisions, so that it goes through memory
// from one end to the other.
func (s *strangers) grow() (err error) {
	old, oldFile := s.slots, s.file
	s.bits = max(s.bits+1, firstBits)
	size := slotSize << s.bits
	if size <= s.limit || oldFile == nil && size <= slotSize<<firstBits {
		s.slots = make([]byte, size)
	} else {
		if s.file, err = newTempMapping(s.dir, size); err != nil {
			return err
		}
		s.slots = s.file.bytes
	}
	for ; len(old) > 0; old = old[slotSize:] {
		if old[8]&verdictMask != 0 {
			copy(s.slot(diffstore.KeyHash(old[:slotSize])), old[:slotSize])
		}
	}
	if oldFile != nil {
		return oldFile.Close()
	}
	return nil
}

func (s *strangers) Close() error {
	s.slots = nil
	if s.file == nil {
		return nil
	}
	f := s.file
	s.file = nil
	return f.Close()
}

// tempMapping is memory that the operating system may move to the disk.
type tempMapping struct {
	file  *os.File
	bytes []byte
}

// newTempMapping makes one of zeros. The room is taken at once, since a write to a mapping that the disk has no room
// for ends the process.
func newTempMapping(dir string, size int) (*tempMapping, error) {
	f, err := unnamedFile(dir)
	if err != nil {
		return nil, err
	}
	m := &tempMapping{file: f}
	if err = reserve(f, size); err == nil {
		m.bytes, err = mapWritable(f, size)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("make a temporary file of %d bytes: %w", size, err), f.Close())
	}
	return m, nil
}

func writeZeros(f *os.File, size int) (err error) {
	zeros := make([]byte, 1<<20)
	for n := 0; n < size && err == nil; n += len(zeros) {
		_, err = f.Write(zeros[:min(len(zeros), size-n)])
	}
	return err
}

func (m *tempMapping) Close() error { return errors.Join(unmapWritable(m.bytes), m.file.Close()) }
