package snapshot

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// writer writes a generation, record by record in the order of their hashes. What stands behind the texts is gathered
// in scratch space of bounded memory meanwhile.
type writer struct {
	file   File
	out    *bufio.Writer
	offset uint64
	header header
	seal   *sealer
	hash   *hasher

	rows            uint64
	keyDir, idDir   []uint32 // how many entries each bucket has
	keyBits, idBits uint32
	index, refs     *scratch
	ids             *parted // the hash and the record of each identifier
	idCount         uint64
	held            heldRecord
	group           []byte
	inGroup         int
	detail          int // the length of the first detail of the group, -1 before it
	blocks          []byte
	block           []byte
	heads           []byte
}

// heldRecord is the last one that was added: it is not written before the hash of the next is known.
type heldRecord struct {
	there bool
	twin  bool // it shares its hash with the one before
	hash  uint64
	rec   record
}

// newWriter begins a generation of at most n records.
func newWriter(f File, h header, seal *sealer, hash *hasher, n uint64, tempDir string, memory int) (*writer, error) {
	room := func(part int) *scratch { return &scratch{dir: tempDir, limit: memory / part} }
	w := &writer{
		file: f, out: bufio.NewWriterSize(f, 1<<18), header: h, seal: seal, hash: hash, keyBits: directoryBits(n),
		index: room(4), refs: room(8), ids: newParted(tempDir, memory/4, n), detail: -1,
	}
	w.index.expect(n * entrySize)
	w.idBits = max(w.keyBits-1, minBits)
	w.keyDir, w.idDir = make([]uint32, 1<<w.keyBits+1), make([]uint32, 1<<w.idBits+1)
	_, err := w.write(h.bytes())
	return w, err
}

func (w *writer) write(b []byte) (int, error) {
	w.offset += uint64(len(b))
	return w.out.Write(b)
}

// add appends a record. Its bytes must stay as they are until the one after it was added. Keys that share a hash are
// written wholly, since a glance at the index cannot tell them apart.
func (w *writer) add(hash uint64, r record) error {
	twin := w.held.there && w.held.hash == hash
	if twin {
		w.held.twin = true
	}
	if err := w.flushHeld(); err != nil {
		return err
	}
	w.held = heldRecord{there: true, twin: twin, hash: hash, rec: r}
	return nil
}

func (w *writer) flushHeld() (err error) {
	if !w.held.there {
		return nil
	}
	r, hash := w.held.rec, w.held.hash
	if w.held.twin {
		if r, err = r.wholly(); err != nil {
			return err
		}
	}
	w.held = heldRecord{}
	if w.rows >= 1<<32-1 {
		return errors.New("a snapshot holds no more than four thousand million keys")
	}
	if err := w.addEntry(hash, &r); err != nil {
		return err
	}
	if err := w.addIDs(&r); err != nil {
		return err
	}
	w.addText(&r)
	w.rows++
	if w.inGroup++; w.inGroup == 1<<groupBits {
		return w.closeGroup()
	}
	return nil
}

func (w *writer) addEntry(hash uint64, r *record) error {
	source, mark := r.source, r.sum
	switch r.kind {
	case whole:
		source, mark = 0, wholeMark
	case tombstone:
		source, mark = 0, tombstoneMark
	case plain:
	case taken, intent, answered: // which are in journals alone
	}
	w.keyDir[hash>>(64-w.keyBits)]++
	var entry [entrySize + 1]byte
	binary.LittleEndian.PutUint64(entry[:], hash&hashMask)
	binary.LittleEndian.PutUint64(entry[7:], source)
	binary.LittleEndian.PutUint64(entry[14:], mark)
	_, err := w.index.Write(entry[:entrySize])
	return err
}

func (w *writer) addText(r *record) {
	b := w.group
	if r.kind != plain {
		b = binary.AppendUvarint(b, uint64(len(r.key))<<1)
		b = append(b, r.key...)
		if r.kind == whole {
			b = appendBytes(b, r.body)
		}
		w.group = b
		return
	}
	if w.detail < 0 {
		w.detail = len(r.detail)
	}
	differs := len(r.detail) != w.detail
	b = binary.AppendUvarint(b, uint64(len(r.key))<<1|uint64(bitIf(1, differs)))
	b = append(b, r.key...)
	switch {
	case len(r.id) == 0:
		b = append(b, idNone)
	case string(r.id) == string(r.key):
		b = append(b, idIsKey)
	default:
		b = binary.AppendUvarint(b, uint64(len(r.id))+idLength)
		b = append(b, r.id...)
	}
	if differs {
		b = binary.AppendUvarint(b, uint64(len(r.detail)))
	}
	w.group = append(b, r.detail...)
}

func (w *writer) closeGroup() error {
	w.heads = binary.AppendUvarint(w.heads[:0], uint64(max(w.detail, 0)))
	text := append(w.heads, w.group...)
	w.heads = text
	number := (w.rows - 1) >> groupBits
	text = w.seal.seal(number, text)
	if _, err := w.write(text); err != nil {
		return err
	}
	var ref [refSize]byte
	binary.LittleEndian.PutUint64(ref[:], w.offset)
	binary.LittleEndian.PutUint32(ref[8:], checksum(text))
	w.group, w.inGroup, w.detail = w.group[:0], 0, -1
	_, err := w.refs.Write(ref[:])
	return err
}

// finish writes what stands behind the texts, durably, and returns the size of the file.
func (w *writer) finish() (size int64, err error) {
	if err := w.flushHeld(); err != nil {
		return 0, err
	}
	if w.inGroup > 0 {
		if err := w.closeGroup(); err != nil {
			return 0, err
		}
	}
	f := footer{
		rows: w.rows, ids: w.idCount, dataEnd: w.offset, keyBits: w.keyBits, idBits: w.idBits,
		headerSum: checksum(w.header.bytes()), file: w.header.file,
	}
	l, ok := f.layout(groupBits)
	if !ok {
		return 0, errors.New("the snapshot is too large for its format")
	}
	for _, section := range []func() error{
		func() error { return w.copySection(w.index) },
		func() error { return w.writeDirectory(w.keyDir) },
		func() error { return w.copySection(w.refs) },
		func() error { return w.writeIDs(l.idWidth) },
		func() error { return w.writeDirectory(w.idDir) },
	} {
		if err := section(); err != nil {
			return 0, err
		}
	}
	if len(w.block) > 0 {
		w.blocks = binary.LittleEndian.AppendUint32(w.blocks, checksum(w.block))
	}
	f.tableSum = checksum(w.blocks)
	if _, err := w.write(append(w.blocks, f.bytes()...)); err != nil {
		return 0, err
	}
	if w.offset != l.end {
		return 0, fmt.Errorf("the sections took %d bytes, not %d", w.offset, l.end)
	}
	if err := w.out.Flush(); err != nil {
		return 0, err
	}
	return int64(w.offset), w.file.Sync()
}

// Close gives back what the writer has taken, whether it finished or not.
func (w *writer) Close() error {
	return errors.Join(w.index.Close(), w.refs.Close(), w.ids.Close(), w.file.Close())
}

// Write appends to the part of the file that is checked by blocks.
func (w *writer) Write(b []byte) (int, error) {
	for rest := b; len(rest) > 0; {
		n := min(len(rest), blockSize-len(w.block))
		w.block = append(w.block, rest[:n]...)
		rest = rest[n:]
		if len(w.block) == blockSize {
			w.blocks = binary.LittleEndian.AppendUint32(w.blocks, checksum(w.block))
			w.block = w.block[:0]
		}
	}
	return w.write(b)
}

func (w *writer) copySection(s *scratch) error {
	r, err := s.read()
	if err != nil {
		return err
	}
	_, err = io.CopyBuffer(struct{ io.Writer }{w}, struct{ io.Reader }{r}, make([]byte, blockSize))
	return err
}

// writeDirectory writes where each bucket begins, and where the last one ends.
func (w *writer) writeDirectory(counts []uint32) error {
	b := make([]byte, 0, blockSize)
	begin := uint32(0)
	for _, n := range counts {
		b = binary.LittleEndian.AppendUint32(b, begin)
		begin += n
		if len(b) == cap(b) {
			if _, err := w.Write(b); err != nil {
				return err
			}
			b = b[:0]
		}
	}
	_, err := w.Write(b)
	return err
}
