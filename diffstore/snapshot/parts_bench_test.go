package snapshot

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"spillway/diffstore"
)

// BenchmarkSkimBounded skims rows in any order, and part by part, where they are first written to a file for each part
// and read again, with 170 bytes of row each. It tells something only in a control group that is smaller than the index.
// The directory that SPILLWAY_BENCH_DIR names is used again.
func BenchmarkSkimBounded(b *testing.B) {
	n := rowsOf(b)
	dir := os.Getenv("SPILLWAY_BENCH_DIR")
	if dir == "" {
		dir = filepath.Join(b.TempDir(), "state")
	}
	if _, err := os.Stat(dir); err != nil {
		fillQuickly(b, dir, n)
	}
	for name, parts := range map[string]int{"in any order": 1, "part by part": 64} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				store, err := Open(dir, discard())
				if err != nil {
					b.Fatal(err)
				}
				v, err := store.view("bench")
				if err != nil {
					b.Fatal(err)
				}
				if asked, err := v.Parts(b.Context()); err != nil {
					b.Fatal(err)
				} else {
					b.Logf("the engine asks for %d parts", asked)
				}
				began, cpu := time.Now(), cpuTime(b)
				if same := skimParts(b, v, n, parts); same != n {
					b.Errorf("%d rows are the same of %d", same, n)
				}
				b.ReportMetric(float64(time.Since(began).Nanoseconds())/float64(n), "ns/row")
				b.ReportMetric(float64((cpuTime(b)-cpu).Nanoseconds())/float64(n), "cpu-ns/row")
				if err := v.Close(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func fillQuickly(b *testing.B, dir string, n int) {
	b.Helper()
	store, err := Open(dir, discard(), Unsynced())
	if err != nil {
		b.Fatal(err)
	}
	s, err := store.Begin(b.Context(), "bench")
	if err != nil {
		b.Fatal(err)
	}
	recordAll(b, s, n, 1, 1)
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
}

// skimParts makes the probes of n rows in an order that has nothing to do with their keys' hashes.
func skimParts(b *testing.B, v *view, n, parts int) (found int) {
	b.Helper()
	same := make([]bool, batchSize)
	probes := make([]diffstore.Probe, 0, batchSize)
	flush := func() {
		if err := v.Skim(b.Context(), probes, same[:len(probes)]); err != nil {
			b.Fatal(err)
		}
		for _, is := range same[:len(probes)] {
			if is {
				found++
			}
		}
		probes = probes[:0]
	}
	var spilled []*spilledPart
	for range parts {
		spilled = append(spilled, newSpilledPart(b))
	}
	row := make([]byte, 170)
	for i := range n {
		e := quickEntry(i, 1)
		p := diffstore.Probe{Key: v.HashKey([]byte(e.Key)), Source: e.Source & sourceMask}
		if parts > 1 {
			spilled[p.Key.Part(parts)].write(b, p, row)
			continue
		}
		if probes = append(probes, p); len(probes) == batchSize {
			flush()
		}
	}
	for _, s := range spilled {
		s.read(b, row, func(p diffstore.Probe) {
			if probes = append(probes, p); len(probes) == batchSize {
				flush()
			}
		})
	}
	flush()
	return found
}

type spilledPart struct {
	file *os.File
	out  *bufio.Writer
}

func newSpilledPart(b *testing.B) *spilledPart {
	b.Helper()
	f, err := unnamedFile(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	return &spilledPart{f, bufio.NewWriterSize(f, 1<<16)}
}

func (s *spilledPart) write(b *testing.B, p diffstore.Probe, row []byte) {
	b.Helper()
	binary.LittleEndian.PutUint64(row[:8], rand.Uint64())
	for _, part := range [][]byte{p.Key[:], binary.LittleEndian.AppendUint64(nil, p.Source), row} {
		if _, err := s.out.Write(part); err != nil {
			b.Fatal(err)
		}
	}
}

func (s *spilledPart) read(b *testing.B, row []byte, yield func(diffstore.Probe)) {
	b.Helper()
	err := s.out.Flush()
	if err == nil {
		_, err = s.file.Seek(0, io.SeekStart)
	}
	in := bufio.NewReaderSize(s.file, 1<<16)
	whole := make([]byte, 24+len(row))
	for err == nil {
		if _, err = io.ReadFull(in, whole); err == nil {
			yield(diffstore.Probe{Key: diffstore.KeyHash(whole[:16]), Source: binary.LittleEndian.Uint64(whole[16:])})
		}
	}
	if !errors.Is(err, io.EOF) {
		b.Fatal(err)
	}
	if err := s.file.Close(); err != nil {
		b.Fatal(err)
	}
}
