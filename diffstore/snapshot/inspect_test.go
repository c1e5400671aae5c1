package snapshot

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"spillway/diffstore"
)

func TestEverySyncWithFilesIsListed(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "state")
	store := openTest(t, dir, Unsynced())
	if syncs, err := store.Syncs(t.Context()); err != nil || len(syncs) > 0 {
		t.Errorf("where nothing is there is %q, %v", syncs, err)
	}
	long := strings.Repeat("very long ", 30)
	want := []string{"Contacts", "a.b", "contacts", "ünicode", long}
	for _, sync := range want {
		s, err := store.Begin(t.Context(), sync)
		if err != nil {
			t.Fatal(err)
		}
		_, err = s.Intend(t.Context(), []diffstore.Attempt{at("k", "i", 1)})
		if err := errors.Join(err, s.Close()); err != nil {
			t.Fatal(err)
		}
	}
	want = []string{"Contacts", "a.b", "contacts", long, "ünicode"}
	got, err := store.Syncs(t.Context())
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	// One whose manifest is gone is there all the same.
	if err := os.Remove(filepath.Join(dir, fileName("a.b")+manifestEnding)); err != nil {
		t.Fatal(err)
	}
	if got, err = store.Syncs(t.Context()); err != nil || !cmp.Equal(want, got) {
		t.Errorf("without a manifest: %q, %v", got, err)
	}
}

// TestADamagedTextIsFoundByARunThatDoesNotReadIt flips a bit of the text of one row, and looks for another.
func TestADamagedTextIsFoundByARunThatDoesNotReadIt(t *testing.T) {
	t.Parallel()
	for name, options := range map[string][]Option{"readable": nil, "encrypted": {WithEncryption(testKey)}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "state")
			damaged(t, dir, options...)
			contents := keep(t, dir)
			m, err := parseManifest(contents["contacts.manifest"])
			if err != nil {
				t.Fatal(err)
			}
			harmed := bytes.Clone(contents[m.Base.Name])
			harmed[headerSize+20] ^= 4
			contents[m.Base.Name] = harmed
			restore(t, dir, contents)
			store := openTest(t, dir, append(options, Unsynced())...)
			if err := store.Check(t.Context(), "contacts"); !errors.Is(err, diffstore.ErrCorrupt) || !strings.Contains(err.Error(), "group 0 of the texts") {
				t.Errorf("a check: %v", err)
			}
			v, err := store.View(t.Context(), "contacts")
			if err != nil {
				t.Fatal(err)
			}
			if _, err := v.Compare(t.Context(), []diffstore.Entry{at("no such key", "1", 1).Entry}); !errors.Is(err, diffstore.ErrCorrupt) {
				t.Errorf("comparing: %v", err)
			}
			if err := v.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestVerifyBesideASession verifies while sessions replace files all the time.
func TestVerifyBesideASession(t *testing.T) {
	t.Parallel()
	store := openTest(t, filepath.Join(t.TempDir(), "state"), tiny, Unsynced())
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	ended := make(chan error, 1)
	go func() {
		for n := uint64(1); ctx.Err() == nil; n++ {
			p := &play{store: store}
			for _, s := range []step{begin, intends(at("a", "1", n), at("b", "2", n)), settles(diffstore.Taken, "a", "b"), end} {
				if err := s(context.WithoutCancel(ctx), p); err != nil {
					ended <- err
					return
				}
			}
		}
		ended <- nil
	}()
	for range 300 {
		if err := store.Verify(t.Context(), "contacts"); err != nil {
			t.Error(err)
			break
		}
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func BenchmarkCheck(b *testing.B) {
	n := rowsOf(b)
	store := fill(b, filepath.Join(b.TempDir(), "state"), n)
	for b.Loop() {
		if err := store.Check(b.Context(), "bench"); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/row")
}

func BenchmarkVerify(b *testing.B) {
	n := rowsOf(b)
	store := fill(b, filepath.Join(b.TempDir(), "state"), n)
	for b.Loop() {
		if err := store.Verify(b.Context(), "bench"); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/row")
}
