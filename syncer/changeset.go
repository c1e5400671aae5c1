package syncer

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"time"

	"spillway/diffstore"
	"spillway/syncer/runlog"
)

const changesetMagic = "spillway plan 4\n"

// changeset is the plan of one run, staged on disk so that the warehouse is let go before the first row is sent and
// memory stays bounded (invariant 9). It holds row values, as parts do: its mode is 0600, and it is removed after the
// run.
//
// The file is the magic line, then frames of length, CRC-32C and item, then one frame with the seal. Before the first
// item that has a field there is a frame with the field's name. A file without
// its seal is a plan that was never finished, and is refused.
type changeset struct {
	file   *os.File // of a plan that was finished before
	out    *behind  // to the file of one that is not; nil where nothing can be added
	dir    string   // of the file
	size   int64
	buffer []byte
	sealed bool

	names   []string          // of fields, by their numbers
	numbers map[string]uint64 // of these names
	staged  [naming + 1]int64 // frames by step

	form // of the items that are read
}

// seal closes a plan: what it was made from and what it comes to.
type seal struct {
	Run        string        `json:"run"`
	Sync       string        `json:"sync"`
	At         time.Time     `json:"at"`
	ConfigHash string        `json:"config_hash"`
	Snapshot   string        `json:"snapshot"` // the version of the snapshot that the source was compared with
	Counts     runlog.Counts `json:"counts"`
	Outcomes   runlog.Matrix `json:"outcomes"`
	Doubtful   bool          `json:"doubtful"` // some writes are in doubt
	Waiting    bool          `json:"waiting"`  // removals are not sent
}

const (
	frameHead = 8
	sealMark  = 0xffffffff // the length field of the frame that holds the seal
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

var errPlan = errors.New("the staged plan is damaged or unfinished")

func createChangeset(path string) (*changeset, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, ofState(fmt.Errorf("stage the plan: %w", err))
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, ofState(fmt.Errorf("stage the plan: %w", err))
	}
	return newChangeset(newBehind(f), filepath.Dir(path))
}

// newChangeset begins a plan in an empty file in dir.
func newChangeset(out *behind, dir string) (*changeset, error) {
	c := &changeset{out: out, dir: dir, numbers: map[string]uint64{}}
	if _, err := c.out.Write([]byte(changesetMagic)); err != nil {
		return nil, errors.Join(fmt.Errorf("stage the plan: %w", err), c.discard())
	}
	c.size = int64(len(changesetMagic))
	return c, nil
}

// name gives the names of a mapping's fields the numbers of their places in it. It comes before the first item.
func (c *changeset) name(fields []string) error {
	for _, field := range fields {
		c.number(field)
	}
	return c.writeNames(0)
}

func (c *changeset) number(name string) uint64 {
	n, ok := c.numbers[name]
	if !ok {
		n = uint64(len(c.names))
		c.names, c.numbers[name] = append(c.names, name), n
	}
	return n
}

// writeNames writes the names from a number on.
func (c *changeset) writeNames(from int) error {
	for _, name := range c.names[from:] {
		c.staged[naming]++
		payload := append([]byte{byte(naming)}, name...)
		if err := c.frame(uint32(len(payload)), payload); err != nil {
			return err
		}
	}
	return nil
}

// add appends an item.
func (c *changeset) add(i *item) error {
	known := len(c.names)
	c.buffer = i.append(c.buffer[:0], c.number)
	if len(c.names) > known {
		if err := c.writeNames(known); err != nil {
			return err
		}
	}
	c.staged[i.Step]++
	return c.frame(uint32(len(c.buffer)), c.buffer)
}

func (c *changeset) frame(length uint32, payload []byte) error {
	var head [frameHead]byte
	binary.LittleEndian.PutUint32(head[:4], length)
	binary.LittleEndian.PutUint32(head[4:], crc32.Checksum(payload, castagnoli))
	for _, part := range [...][]byte{head[:], payload} {
		if _, err := c.out.Write(part); err != nil {
			return ofState(fmt.Errorf("stage the plan: %w", err))
		}
	}
	c.size += frameHead + int64(len(payload))
	return nil
}

// finish writes the seal and makes the plan durable.
func (c *changeset) finish(s seal) error {
	text, err := json.Marshal(s)
	if err == nil {
		err = c.frame(sealMark, text)
	}
	if err == nil {
		err = c.out.Flush()
	}
	if err == nil {
		err = c.onDisk().Sync()
	}
	if err != nil {
		return ofState(fmt.Errorf("stage the plan: %w", err))
	}
	c.sealed = true
	return nil
}

// openChangeset opens a plan that was finished before.
func openChangeset(path string) (*changeset, seal, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, seal{}, fmt.Errorf("open the staged plan: %w", err)
	}
	c := &changeset{file: f, sealed: true}
	info, err := f.Stat()
	if err == nil {
		c.size = info.Size()
	}
	var s seal
	if err == nil {
		s, err = c.readSeal()
	}
	if err != nil {
		return nil, seal{}, errors.Join(fmt.Errorf("open the staged plan: %w", err), f.Close())
	}
	return c, s, nil
}

func (c *changeset) readSeal() (seal, error) {
	var s seal
	sealed := false
	err := c.frames(func(_ int64, length uint32, payload []byte) error {
		if length == sealMark {
			sealed = true
			return json.Unmarshal(payload, &s)
		}
		if len(payload) == 0 || payload[0] > byte(naming) {
			return errPlan
		}
		c.staged[payload[0]]++
		if step(payload[0]) == naming {
			c.names = append(c.names, string(payload[1:]))
		}
		return nil
	})
	if err == nil && !sealed {
		err = errPlan
	}
	return s, err
}

// items yields the items of the given steps in the order they were added, as they are when it begins.
func (c *changeset) items(wanted ...step) iter.Seq2[item, error] {
	return func(yield func(item, error) bool) {
		if !slices.ContainsFunc(wanted, func(s step) bool { return c.staged[s] > 0 }) {
			return
		}
		stop := errors.New("stop")
		err := c.frames(func(_ int64, length uint32, payload []byte) error {
			if length == sealMark || len(payload) == 0 || !slices.Contains(wanted, step(payload[0])) {
				return nil
			}
			i, err := decodeItem(payload, c.names, c.form)
			if err != nil {
				return err
			}
			if !yield(i, nil) {
				return stop
			}
			return nil
		})
		if err != nil && !errors.Is(err, stop) {
			yield(item{}, err)
		}
	}
}

// operations yields the items of a step as items does, each of which holds until the next.
func (c *changeset) operations(want step) iter.Seq2[*item, error] {
	return func(yield func(*item, error) bool) {
		if c.staged[want] == 0 {
			return
		}
		stop := errors.New("stop")
		var i item
		err := c.frames(func(_ int64, length uint32, payload []byte) error {
			if length == sealMark || len(payload) == 0 || step(payload[0]) != want {
				return nil
			}
			if err := i.decode(payload, c.names, c.form); err != nil {
				return err
			}
			if !yield(&i, nil) {
				return stop
			}
			return nil
		})
		if err != nil && !errors.Is(err, stop) {
			yield(nil, err)
		}
	}
}

// doubtful yields the items of a step that are in doubt, those of one earlier batch together, so that the same request
// can be made again (invariant 4). It holds 24 bytes of memory for each.
func (c *changeset) doubtful(want step) iter.Seq2[item, error] {
	type place struct {
		batch diffstore.Token
		at    int64
	}
	return func(yield func(item, error) bool) {
		var places []place
		err := c.frames(func(at int64, length uint32, payload []byte) error {
			if length == sealMark || len(payload) == 0 || step(payload[0]) != want {
				return nil
			}
			i, err := decodeItem(payload, c.names, c.form)
			if err == nil && i.Batch != (diffstore.Token{}) {
				places = append(places, place{i.Batch, at})
			}
			return err
		})
		if err != nil {
			yield(item{}, err)
			return
		}
		slices.SortStableFunc(places, func(a, b place) int { return bytes.Compare(a.batch[:], b.batch[:]) })
		for _, p := range places {
			i, err := c.itemAt(p.at)
			if !yield(i, err) || err != nil {
				return
			}
		}
	}
}

func (c *changeset) itemAt(at int64) (item, error) {
	var head [frameHead]byte
	if _, err := c.onDisk().ReadAt(head[:], at); err != nil {
		return item{}, fmt.Errorf("read the staged plan: %w", err)
	}
	payload := make([]byte, binary.LittleEndian.Uint32(head[:4]))
	if _, err := c.onDisk().ReadAt(payload, at+frameHead); err != nil {
		return item{}, fmt.Errorf("read the staged plan: %w", err)
	}
	return decodeItem(payload, c.names, c.form)
}

// settle returns when nothing is being written any more. What was to be written is of no use without its seal.
func (c *changeset) settle() {
	if c.out != nil {
		c.out.wait()
	}
}

// onDisk is the plan's file, nil while nothing was written.
func (c *changeset) onDisk() *os.File {
	if c.out != nil {
		return c.out.file
	}
	return c.file
}

// close keeps the file.
func (c *changeset) close() error {
	c.settle()
	if f := c.onDisk(); f == nil {
		return nil
	} else if err := f.Close(); err != nil {
		return fmt.Errorf("close the staged plan: %w", err)
	}
	return nil
}

// discard removes the file.
func (c *changeset) discard() error {
	c.settle()
	if f := c.onDisk(); f == nil {
		return nil
	} else if err := discard(f); err != nil {
		return fmt.Errorf("remove the staged plan: %w", err)
	}
	return nil
}
