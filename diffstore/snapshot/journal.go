package snapshot

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"sync"
)

// A journal is a header and frames. What several calls recorded at a time is one frame, written by one write and made
// durable by one sync before the next frame is written. So a frame that is damaged can only be what a crash left of
// the last write if no good frame follows it.
//
// A frame is four bytes that tell the file, the length and the checksum of its content, and the content: the number
// of the frame, the version and the size of the snapshot after it, and records.
const frameHead = 12

// frameMark returns the bytes that frames of a file begin with.
func frameMark(file nonce) []byte {
	return []byte{file[0] | 0x80, file[1], file[2], file[3]}
}

// progress is how far a snapshot has come.
type progress struct {
	version uint64
	size    int64
}

// journal writes a journal. The calls that wait for their records to be durable take turns at writing what all of them
// have recorded.
type journal struct {
	file  File
	seal  *sealer
	mark  []byte
	frame uint64 // the number of the next

	mu       sync.Mutex
	turn     *sync.Cond
	pending  []byte // room for what stands before the records of a frame, and records
	spare    []byte // of no use but for its memory
	at       progress
	recorded uint64 // how many calls have recorded something
	durable  uint64 // how many of them are written
	writing  bool
	err      error // of a write, which is never tried again
	length   int64
}

func newJournal(f File, h header, key []byte) (*journal, error) {
	seal, err := newSealer(key, h.file)
	if err != nil {
		return nil, err
	}
	j := &journal{file: f, seal: seal, mark: frameMark(h.file), length: headerSize, pending: make([]byte, frameRoom)}
	j.turn = sync.NewCond(&j.mu)
	return j, nil
}

// record notes records, which take the snapshot to at. It returns what to wait for.
func (j *journal) record(records []byte, at progress) (ticket uint64) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.pending = append(j.pending, records...)
	j.at = at
	j.recorded++
	return j.recorded
}

// wait returns once everything up to ticket is durable.
func (j *journal) wait(ticket uint64) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	for j.durable < ticket && j.err == nil {
		if j.writing {
			j.turn.Wait()
			continue
		}
		frame, at, upTo := j.pending, j.at, j.recorded
		j.writing, j.pending = true, j.room()
		j.mu.Unlock()
		n, err := j.write(frame, at)
		j.mu.Lock()
		j.writing, j.spare = false, frame
		if err != nil {
			j.err = err
		} else {
			j.durable = upTo
			j.length += int64(n)
			j.frame++
		}
		j.turn.Broadcast()
	}
	if j.durable < ticket {
		return j.err
	}
	return nil
}

const (
	// frameRoom is for the head of a frame and the three numbers before its records.
	frameRoom = frameHead + 3*binary.MaxVarintLen64
	// mostSpareFrame bounds the memory that is kept for frames to come.
	mostSpareFrame = 1 << 20
)

// room returns an empty frame.
func (j *journal) room() []byte {
	b := j.spare
	j.spare = nil
	if b == nil || cap(b) > mostSpareFrame {
		return make([]byte, frameRoom)
	}
	return b[:frameRoom]
}

// write writes the next frame, in which records stand behind the room for the rest.
func (j *journal) write(frame []byte, at progress) (int, error) {
	var numbers [3 * binary.MaxVarintLen64]byte
	head := binary.AppendUvarint(numbers[:0], j.frame)
	head = binary.AppendUvarint(head, at.version)
	head = binary.AppendVarint(head, at.size)
	from := frameRoom - len(head)
	copy(frame[from:], head)
	if j.seal != nil {
		frame = append(make([]byte, frameHead), j.seal.seal(j.frame, frame[from:])...)
		from = frameHead
	}
	content := frame[from:]
	b := frame[from-frameHead:]
	copy(b, j.mark)
	binary.LittleEndian.PutUint32(b[4:], uint32(len(content)))
	binary.LittleEndian.PutUint32(b[8:], checksum(content))
	if _, err := j.file.Write(b); err != nil {
		return 0, err
	}
	return len(b), j.file.Sync()
}

// retire waits for a write that is under way and lets go of the rest: a generation that holds all of it was published.
// Everything recorded is durable from then on, unless err says that it is not.
func (j *journal) retire(err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for j.writing {
		j.turn.Wait()
	}
	j.pending = j.room()
	if err == nil {
		j.durable = j.recorded
	} else if j.err == nil {
		j.err = err
	}
	j.turn.Broadcast()
}

// flush makes everything that was recorded durable, and returns the length of the file.
func (j *journal) flush() (int64, error) {
	j.mu.Lock()
	last := j.recorded
	j.mu.Unlock()
	if err := j.wait(last); err != nil {
		return 0, err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.length, nil
}

// contents is what a journal was found to hold.
type contents struct {
	header header
	frames uint64
	at     progress
	length int64 // of what is good; what follows it is what a crash left of a frame
	torn   bool
}

// readJournal reads a journal, which must have at least sealed bytes, and calls put with each record, oldest first.
func (f *files) readJournal(m *manifest, put func(record) error) (contents, error) {
	path := filepath.Join(f.dir, m.Journal)
	b, err := f.fs.Map(path)
	if errors.Is(err, fs.ErrNotExist) {
		return contents{}, fmt.Errorf("%w: %w", errMissing, damage("%s is missing", path))
	}
	if err != nil {
		return contents{}, fmt.Errorf("read the journal: %w", err)
	}
	c, err := parseJournal(b.Bytes(), m, f.encryptionKey, put)
	if err = errors.Join(err, b.Close()); err != nil {
		return c, fmt.Errorf("read %s: %w", path, err)
	}
	return c, nil
}

// errMissing says that a file is not there, which may be because the manifest was replaced meanwhile.
var errMissing = errors.New("a file of the snapshot is not there")

func parseJournal(b []byte, m *manifest, key []byte, put func(record) error) (c contents, err error) {
	c.at = progress{version: m.Version, size: m.Size}
	if c.header, err = readHeader(b, journalMagic); err != nil {
		return c, err
	}
	if c.header.sync.String() != m.Nonce || c.header.epoch != m.Epoch {
		return c, damage("it belongs to another state of the snapshot")
	}
	if int64(len(b)) < m.Sealed {
		return c, damage("it has %d bytes of %d at least", len(b), m.Sealed)
	}
	if !c.header.encrypted {
		key = nil
	}
	seal, err := newSealer(key, c.header.file)
	if err != nil {
		return c, err
	}
	c.length = headerSize
	mark := frameMark(c.header.file)
	for int(c.length) < len(b) {
		content, ok := frameAt(b[c.length:], mark)
		if !ok {
			c.torn = true
			return c, c.mustBeTorn(b, mark, m.Sealed)
		}
		if err := c.readFrame(content, seal, put); err != nil {
			return c, fmt.Errorf("frame %d at byte %d: %w", c.frames, c.length, err)
		}
		c.frames++
		c.length += int64(frameHead + len(content))
	}
	return c, nil
}

// frameAt returns the content of the frame that b begins with.
func frameAt(b, mark []byte) ([]byte, bool) {
	if len(b) < frameHead || !bytes.Equal(b[:4], mark) {
		return nil, false
	}
	n := int64(binary.LittleEndian.Uint32(b[4:]))
	if n > int64(len(b)-frameHead) {
		return nil, false
	}
	content := b[frameHead : frameHead+n]
	return content, checksum(content) == binary.LittleEndian.Uint32(b[8:])
}

// mustBeTorn finds that what is bad is no rest of a last frame: a journal that was closed has no such rest, and one
// that was not has nothing behind it.
func (c *contents) mustBeTorn(b, mark []byte, sealed int64) error {
	if c.length < sealed {
		return damage("the frame at byte %d is not what was written", c.length)
	}
	for at := c.length + 1; ; at++ {
		next := bytes.Index(b[at:], mark)
		if next < 0 {
			return nil
		}
		at += int64(next)
		if _, ok := frameAt(b[at:], mark); ok {
			return damage("the frame at byte %d is not what was written, but that at byte %d is", c.length, at)
		}
	}
}

func (c *contents) readFrame(content []byte, seal *sealer, put func(record) error) error {
	content, err := seal.open(c.frames, content)
	if err != nil {
		return err
	}
	r := reader{b: content}
	if number := r.uvarint(); number != c.frames || r.bad {
		return damage("it has the number %d", number)
	}
	at := progress{version: r.uvarint(), size: r.varint()}
	for len(r.b) > 0 {
		rec := readRecord(&r)
		if r.bad {
			break
		}
		if err := put(rec); err != nil {
			return err
		}
	}
	if at.version <= c.at.version || at.size < 0 {
		return damage("it does not follow the version before it")
	}
	c.at = at
	return r.done("it")
}
