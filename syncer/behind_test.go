package syncer

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
)

func TestWhatIsWrittenBehindIsWrittenInItsOrder(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "x")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	w := newBehind(f)
	r := rand.New(rand.NewPCG(1, 2))
	var want []byte
	for range 500 {
		part := make([]byte, r.IntN(3*behindBytes/100))
		for i := range part {
			part[i] = byte(r.Uint32())
		}
		if r.IntN(50) == 0 {
			part = bytes.Repeat(part[:min(len(part), 4)], behindBytes)
		}
		want = append(want, part...)
		if _, err := w.Write(part); err != nil {
			t.Fatal(err)
		}
		clear(part)
		if r.IntN(100) == 0 {
			if err := w.Flush(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := errors.Join(w.Flush(), f.Close()); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%d bytes were written, and %d read are others", len(want), len(got))
	}
}

func TestAnErrorBehindIsNotLost(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "x")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path) // only to be read
	if err != nil {
		t.Fatal(err)
	}
	w := newBehind(f)
	if _, err := w.Write(make([]byte, 2*behindBytes)); err != nil {
		t.Fatal(err)
	}
	for n := range 3 {
		if err := w.Flush(); err == nil {
			t.Errorf("flush %d gave no error", n)
		}
	}
	if _, err := w.Write([]byte("more")); err == nil {
		t.Error("a write after it gave no error")
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
}
