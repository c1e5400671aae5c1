package syncer

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"os"
)

// planBlock is how many bytes of a plan are read at a time.
const planBlock = 1 << 18

// blocks reads a part of a file from its start to its end.
type blocks struct {
	file    *os.File
	at, end int64  // of what is not read
	rest    []byte // of what is
	lasting bool   // what was taken stays as it is
	memory  []byte // of rest, where it does not
}

// take takes n bytes, which hold until more are taken.
func (b *blocks) take(n int) ([]byte, error) {
	if len(b.rest) < n {
		if err := b.read(n); err != nil {
			return nil, err
		}
	}
	taken := b.rest[:n:n]
	b.rest = b.rest[n:]
	return taken, nil
}

// read reads on until there are n bytes.
func (b *blocks) read(n int) error {
	more := min(int64(max(n, planBlock)-len(b.rest)), b.end-b.at)
	if int64(len(b.rest))+more < int64(n) {
		return errPlan
	}
	memory := b.memory
	if size := len(b.rest) + int(more); b.lasting || cap(memory) < size {
		memory = make([]byte, size)
		b.memory = memory
	} else {
		memory = memory[:size]
	}
	kept := copy(memory, b.rest)
	b.rest = memory
	if _, err := b.file.ReadAt(memory[kept:], b.at); err != nil {
		return fmt.Errorf("read the staged plan: %w", err)
	}
	b.at += more
	return nil
}

// frames reads the file from its start to its end as of now, so that items may be added meanwhile. A payload holds until
// visit returns, or for good where items are read to last.
func (c *changeset) frames(visit func(at int64, length uint32, payload []byte) error) error {
	if c.out != nil {
		if err := c.out.Flush(); err != nil {
			return ofState(fmt.Errorf("stage the plan: %w", err))
		}
	}
	in := &blocks{file: c.onDisk(), end: c.size, lasting: c.lasting}
	magic, err := in.take(len(changesetMagic))
	if err != nil || string(magic) != changesetMagic {
		return errPlan
	}
	for at := int64(len(changesetMagic)); at < in.end; {
		head, err := in.take(frameHead)
		if err != nil {
			return err
		}
		length, sum := binary.LittleEndian.Uint32(head[:4]), binary.LittleEndian.Uint32(head[4:])
		left := in.end - at - frameHead
		n := int64(length)
		if length == sealMark {
			n = left
		}
		if n > left {
			return errPlan
		}
		payload, err := in.take(int(n))
		if err != nil {
			return err
		}
		if crc32.Checksum(payload, castagnoli) != sum {
			return errPlan
		}
		if err := visit(at, length, payload); err != nil {
			return err
		}
		at += frameHead + n
	}
	return nil
}
