package syncer

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
)

// partBytes is how many bytes of a part are written or read at a time.
const partBytes = 32 << 10

// parts holds the packed rows of a model by the part of the snapshot's index that their keys belong to, in files
// without a name, where the index is larger than the memory that there is for it (invariant 9). A part is made with
// its first row.
type parts struct {
	dir   string
	files []*os.File
	outs  []*bufio.Writer
	head  []byte
}

func newParts(dir string, n int) *parts {
	return &parts{dir: dir, files: make([]*os.File, n), outs: make([]*bufio.Writer, n)}
}

// add puts a row into a part. Its frame is its number in the model, its length and its packed form.
func (p *parts) add(part int, number int64, packed []byte) error {
	if p.files[part] == nil {
		f, err := unnamedFile(p.dir)
		if err != nil {
			return ofState(fmt.Errorf("set rows aside: %w", err))
		}
		p.files[part], p.outs[part] = f, bufio.NewWriterSize(f, partBytes)
	}
	p.head = binary.AppendUvarint(p.head[:0], uint64(number))
	p.head = binary.AppendUvarint(p.head, uint64(len(packed)))
	for _, b := range [...][]byte{p.head, packed} {
		if _, err := p.outs[part].Write(b); err != nil {
			return ofState(fmt.Errorf("set rows aside: %w", err))
		}
	}
	return nil
}

// empty says that a part has no rows.
func (p *parts) empty(part int) bool { return p.files[part] == nil }

// open returns the rows of a part, which is complete and not empty.
func (p *parts) open(part int) (*bufio.Reader, error) {
	if err := p.outs[part].Flush(); err != nil {
		return nil, ofState(fmt.Errorf("set rows aside: %w", err))
	}
	if _, err := p.files[part].Seek(0, io.SeekStart); err != nil {
		return nil, fmt.Errorf("read rows that were set aside: %w", err)
	}
	return bufio.NewReaderSize(p.files[part], partBytes), nil
}

// drop ends the use of a part.
func (p *parts) drop(part int) error {
	f := p.files[part]
	if f == nil {
		return nil
	}
	p.files[part], p.outs[part] = nil, nil
	if err := discard(f); err != nil {
		return fmt.Errorf("remove rows that were set aside: %w", err)
	}
	return nil
}

func (p *parts) close() (err error) {
	for part := range p.files {
		err = errors.Join(err, p.drop(part))
	}
	return err
}

// refill reads rows into an arena, whose err is io.EOF at the end of the part.
func (a *arena) refill(in *bufio.Reader, prefix []byte) {
	a.clear()
	for !a.full() && a.err == nil {
		a.err = a.frame(in, prefix)
	}
}

func (a *arena) frame(in *bufio.Reader, prefix []byte) error {
	number, err := binary.ReadUvarint(in)
	if errors.Is(err, io.EOF) {
		return io.EOF
	}
	length, failed := binary.ReadUvarint(in)
	if err = errors.Join(err, failed); err != nil {
		return fmt.Errorf("read rows that were set aside: %w", err)
	}
	a.bytes = append(a.bytes, prefix...)
	from := len(a.bytes)
	a.bytes = append(a.bytes, make([]byte, length)...)
	if _, err := io.ReadFull(in, a.bytes[from:]); err != nil {
		return fmt.Errorf("read rows that were set aside: %w", err)
	}
	a.packed = append(a.packed, packedRow{from: from, to: len(a.bytes), probe: -1, number: int64(number)})
	return nil
}

// readParts reads the model to its proven end, setting its rows aside by parts, and then takes part after part. Rows of
// one key are of one part and keep their order. Those whose key has no text are in no part, and are handed on at once.
func (k *skim) readParts(ctx context.Context, n int) (err error) {
	aside := newParts(k.stager.sheet.dir, n)
	defer func() { err = errors.Join(err, aside.close()) }()
	if err := k.setAside(ctx, aside); err != nil {
		return err
	}
	for part := range n {
		if aside.empty(part) {
			continue
		}
		if err := k.readPart(ctx, aside, part); err != nil {
			return err
		}
	}
	return nil
}

func (k *skim) setAside(ctx context.Context, aside *parts) error {
	for {
		a := k.ahead.next(ctx)
		last := errors.Is(a.err, io.EOF)
		if a.err != nil && !last {
			return k.stager.sourceError(a.err)
		}
		kept := a.packed[:0]
		for _, p := range a.packed {
			if p.probe < 0 {
				kept = append(kept, p)
				continue
			}
			part := p.key.Part(len(aside.files))
			if err := aside.add(part, p.number, a.bytes[p.from:p.to]); err != nil {
				return err
			}
		}
		a.packed, a.probes = kept, a.probes[:0]
		k.stager.seen = k.ahead.count
		k.stager.observer.Read(k.stager.sync.Name, k.stager.seen)
		if err := k.takeAll(ctx, a); err != nil || last {
			return err
		}
	}
}

func (k *skim) readPart(ctx context.Context, aside *parts, part int) error {
	in, err := aside.open(part)
	if err != nil {
		return err
	}
	for {
		a := k.ahead.take()
		a.refill(in, k.prefix[:])
		last := errors.Is(a.err, io.EOF)
		if a.err != nil && !last {
			return a.err
		}
		k.ahead.probe(a)
		if err := k.takeAll(ctx, a); err != nil {
			return err
		}
		if last {
			return aside.drop(part)
		}
	}
}
