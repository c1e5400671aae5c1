package snapshot

import (
	"bytes"
	"encoding/binary"
	"errors"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"spillway/diffstore"
)

// FuzzJournal reads journals that may be anything: an error, or records that are written as they were read.
func FuzzJournal(f *testing.F) {
	h := header{magic: journalMagic, epoch: 1, file: nonce{1, 2, 3}}
	m := &manifest{Nonce: nonce{}.String(), Epoch: 1, Sealed: headerSize}
	s := &stored{state: diffstore.State{Accepted: true, Sum: number(3), Detail: []byte("d"), ID: "i", Claims: []diffstore.Claim{{ID: "i"}}}}
	r := newRecord("key", s, 0, new([]byte))
	content := appendRecord([]byte{0, 1, 2}, &r)
	f.Add(content, true)
	e := &diffstore.Entry{Key: "key", Sum: number(3), First: number(4)}
	in := record{kind: intent, key: []byte("key"), id: []byte("i"), sum: 6, body: appendIntent(nil, e, &r, diffstore.Token{1})}
	content = appendRecord([]byte{0, 1, 2}, &in)
	content = appendRecord(content, &record{kind: answered, key: make([]byte, 12), body: appendRanges(nil, []uint32{0, 1, 2, 7})})
	f.Add(content, true)
	f.Add([]byte{0, 1, 2, 9}, true)
	f.Add([]byte("anything"), false)
	f.Fuzz(func(t *testing.T, content []byte, framed bool) {
		b := h.bytes()
		if framed {
			b = append(b, frameMark(h.file)...)
			b = binary.LittleEndian.AppendUint32(b, uint32(len(content)))
			b = binary.LittleEndian.AppendUint32(b, checksum(content))
		}
		b = append(b, content...)
		_, err := parseJournal(b, m, nil, func(r record) error {
			again := reader{b: appendRecord(nil, &r)}
			if diff := cmp.Diff(r, readRecord(&again), cmp.AllowUnexported(record{})); diff != "" || again.bad {
				t.Errorf("a record is read otherwise when it is written again:\n%s", diff)
			}
			if s, err := r.stored(1); err == nil {
				_ = newRecord(string(r.key), s, 1, new([]byte))
			}
			return nil
		})
		if err != nil && !errors.Is(err, diffstore.ErrCorrupt) {
			t.Errorf("the error is no damage: %v", err)
		}
	})
}

// FuzzState reads states that may be anything, and writes and reads those that are well formed again.
func FuzzState(f *testing.F) {
	s := &stored{source: 4, coming: 5, state: diffstore.State{Pending: diffstore.Pending{Open: true, Detail: []byte("d")}, TriedID: "x"}}
	s.state.Tried = diffstore.Tried{Sum: number(1), Doubt: true, Token: diffstore.Token{1}, Code: "no"}
	s.state.Claims = []diffstore.Claim{{ID: "i", Shadow: diffstore.Token{2}, Removing: diffstore.Removing{Open: true}}}
	f.Add(appendStored(nil, s, 7))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := readStored(b, 7)
		if err != nil {
			return
		}
		again, err := readStored(appendStored(nil, s, 7), 7)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(s, again, cmp.AllowUnexported(stored{})); diff != "" {
			t.Errorf("a state is read otherwise when it is written again:\n%s", diff)
		}
	})
}

// FuzzGeneration damages a generation and makes its checksums right again, so that everything behind them is reached.
func FuzzGeneration(f *testing.F) {
	fixed := nonce{9}
	content := generationOf(f, fixed)
	f.Add(uint(headerSize+3), byte(1))
	f.Add(uint(len(content)-footerSize+9), byte(255))
	f.Fuzz(func(t *testing.T, at uint, with byte) {
		b := bytes.Clone(content)
		b[at%uint(len(b))] ^= with
		ref := &fileRef{Name: "g", Nonce: fixed.String(), Bytes: int64(len(b)), Rows: 100}
		footerAt := len(b) - footerSize
		binary.LittleEndian.PutUint32(b[len(b)-4:], checksum(b[footerAt:len(b)-4]))
		g := &generation{path: "g", content: b}
		if g.prepare(ref, nil) != nil {
			return
		}
		g.checked = true
		for i := range g.good {
			g.good[i] = ^uint64(0)
		}
		hash, err := newHasher(testKey)
		if err != nil {
			return
		}
		_ = g.verify(t.Context(), hash)
		for _, id := range []string{"id", "a", "b"} {
			_ = g.holdersOf(prefix(hash.HashKey([]byte(id))), id, 0, func([]byte) {})
		}
	})
}

func generationOf(f *testing.F, file nonce) []byte {
	f.Helper()
	path := filepath.Join(f.TempDir(), "g")
	out, err := systemFS{}.Create(path)
	if err != nil {
		f.Fatal(err)
	}
	hash, err := newHasher(testKey)
	if err != nil {
		f.Fatal(err)
	}
	o := newOverlay(hash, &files{budget: 1 << 20})
	for i := range 100 {
		key := string(rune('A' + i))
		s := &stored{state: diffstore.State{Accepted: true, Sum: number(3), Detail: []byte("d"), ID: "id", Claims: []diffstore.Claim{{ID: "id"}}, Left: i%7 == 0}}
		r := newRecord(key, s, 0, new([]byte))
		if err := o.put(hash.HashKey([]byte(key)), &r, appendRecord(nil, &r), ""); err != nil {
			f.Fatal(err)
		}
	}
	w, err := newWriter(out, header{magic: generationMagic, file: file}, nil, hash, 100, f.TempDir(), 1<<20)
	if err != nil {
		f.Fatal(err)
	}
	c, err := o.cursor()
	if err != nil {
		f.Fatal(err)
	}
	for more := c.first(); more; more = c.next() {
		r, err := c.record()
		if err == nil {
			err = w.add(c.hash, r)
		}
		if err != nil {
			f.Fatal(err)
		}
	}
	if _, err := w.finish(); err != nil {
		f.Fatal(err)
	}
	if err := w.Close(); err != nil {
		f.Fatal(err)
	}
	b, err := systemFS{}.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	return b
}
