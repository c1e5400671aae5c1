package snapshot

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"spillway/diffstore"
)

var update = flag.Bool("update", false, "write the golden files anew; the format version must go up with them")

// counting makes the same "random" bytes every time.
func counting() func([]byte) {
	n := byte(0)
	return func(b []byte) {
		for i := range b {
			n++
			b[i] = n
		}
	}
}

// TestGolden pins what is on the disk, and with it the sums and hashes: were they to change unnoticed, an upgrade would
// send every row of every sync again, or refuse its own state.
func TestGolden(t *testing.T) {
	t.Parallel()
	for name, options := range map[string][]Option{"plain": nil, "encrypted": {WithEncryption(testKey)}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "state")
			makeGolden(t, dir, append(options, Unsynced(), func(f *files) error { f.random = counting(); return nil }))
			golden := filepath.Join("testdata", "golden-"+name)
			got := keep(t, dir)
			if *update {
				restore(t, golden, got)
			}
			want := keep(t, golden)
			for file := range want {
				if !bytes.Equal(want[file], got[file]) {
					t.Errorf("%s is not byte for byte what it was: raise the format version, and read the old one too", file)
				}
			}
			if len(want) != len(got) {
				t.Errorf("there are %d files, not %d", len(got), len(want))
			}
			checkGolden(t, want, options)
		})
	}
}

// TestGoldenOfVersion1 reads what Spillway wrote before there were intents in journals, and goes on with it: what it
// appends is in a journal of its own, as the version of the old one says that it has no intents.
func TestGoldenOfVersion1(t *testing.T) {
	t.Parallel()
	for name, options := range map[string][]Option{"plain": nil, "encrypted": {WithEncryption(testKey)}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			checkGolden(t, keep(t, filepath.Join("testdata", "golden-1-"+name)), options)
		})
	}
}

// checkGolden looks a key up in a golden snapshot, and records something more in it.
func checkGolden(t *testing.T, golden map[string][]byte, options []Option) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "state")
	restore(t, dir, golden)
	checkSame(t, dir, options)
	defer checkSame(t, dir, options)
	k, err := openTest(t, dir, options...).Lookup(t.Context(), "contacts", "key-7")
	if err != nil {
		t.Fatal(err)
	}
	want := &diffstore.Known{Key: "key-7", Accepted: true, Sum: k.Sum, Detail: []byte("detail"), IDs: []string{"id-7"}}
	if diff := cmp.Diff(want, k); diff != "" {
		t.Errorf("what is known of a key (-want +got):\n%s", diff)
	}
	p := &play{store: openTest(t, dir, options...)}
	for _, s := range []step{begin, intends(at("first", "1", 1)), intends(at("second", "2", 2), at("third", "3", 3)), settles(diffstore.Taken, "third"), end} {
		if err := s(t.Context(), p); err != nil {
			t.Fatal(err)
		}
	}
	s := openTest(t, dir, options...)
	for key, accepted := range map[string]bool{"key-7": true, "first": false, "second": false, "third": true} {
		if k, err := s.Lookup(t.Context(), "contacts", key); err != nil || k == nil || k.Accepted != accepted {
			t.Errorf("of %s it knows %+v (%v)", key, k, err)
		}
	}
	if err := s.Verify(t.Context(), "contacts"); err != nil {
		t.Error(err)
	}
}

// checkSame compares a row of a golden snapshot that is as it was when it was accepted.
func checkSame(t *testing.T, dir string, options []Option) {
	t.Helper()
	v := viewOf(t, openTest(t, dir, options...))
	h, err := v.Hasher()
	if err != nil {
		t.Fatal(err)
	}
	e := diffstore.Entry{Key: "key-7", ID: "id-7", Sum: v.Sum([]byte("record of key-7"))}
	e.First = e.Sum
	if changes := compare(t, v, e); changes[0].Verdict != diffstore.Same || h.Sum([]byte("record of key-7")) != e.Sum {
		t.Errorf("an unchanged row is %+v, and the sum of its record %x or %x", changes[0], e.Sum, h.Sum([]byte("record of key-7")))
	}
}

// makeGolden makes a snapshot with records of every form in its base, and a journal.
func makeGolden(t *testing.T, dir string, options []Option) {
	t.Helper()
	p := &play{store: openTest(t, dir, options...)}
	do := func(steps ...step) {
		t.Helper()
		for i, s := range steps {
			if err := s(t.Context(), p); err != nil {
				t.Fatalf("step %d: %v", i, err)
			}
		}
	}
	do(begin)
	s, ok := p.session.(*session)
	if !ok {
		t.Fatal("no session of this package")
	}
	entry := func(key, id string) diffstore.Attempt {
		e := diffstore.Entry{Key: key, ID: id, Sum: s.Sum([]byte("record of " + key)), Source: s.SumSource([]byte("row of " + key)), Detail: []byte("detail")}
		e.First = e.Sum
		return diffstore.Attempt{Entry: e}
	}
	var attempts []diffstore.Attempt
	var taken []string
	for i := range 70 {
		attempts = append(attempts, entry(fmt.Sprintf("key-%d", i), fmt.Sprintf("id-%d", i)))
		taken = append(taken, fmt.Sprintf("key-%d", i))
	}
	attempts = append(attempts, entry("same@example.com", "same@example.com"), entry("nameless", ""))
	attempts[0].Entry.Detail = nil
	do(intends(attempts...), settles(diffstore.Taken, append(taken, "same@example.com", "nameless")...))
	do(intends(entry("doubtful", "d")), intends(entry("refused", "r")), settles(diffstore.Refused, "refused"))
	do(intends(entry("key-1", "id-moved")), settles(diffstore.Taken, "key-1"), settles(diffstore.Left, "key-2"))
	do(func(ctx context.Context, p *play) error {
		_, err := p.session.Intend(ctx, []diffstore.Attempt{{Entry: diffstore.Entry{Key: "key-3", ID: "id-3"}, Removal: true}})
		return err
	})
	do(func(ctx context.Context, p *play) error {
		return p.session.Settle(ctx, []diffstore.Fate{{Key: "key-3", ID: "id-3", Outcome: diffstore.Refused, Code: "no", At: time.Unix(7, 0)}})
	})
	do(end, begin, intends(entry("key-4", "id-4")), intends(entry("doubted", "d"), entry("key-5", "id-5")))
	do(intends(entry("key-6", "id-6"), entry("new", "n")), settles(diffstore.Taken, "new"), end)
}

func TestANewerFormatIsRefused(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		file string
		at   int
	}{{"contacts.manifest", len(manifestWord) + 1}, {".snap", 8}, {".journal", 8}} {
		t.Run(tt.file, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "state")
			run(t, dir, begin, intends(at("a", "1", 1)), end)
			matches, err := filepath.Glob(filepath.Join(dir, "*"+tt.file))
			if err != nil || len(matches) != 1 {
				t.Fatalf("%v: %v", matches, err)
			}
			b, err := os.ReadFile(matches[0])
			if err != nil {
				t.Fatal(err)
			}
			b[tt.at]++
			if err := os.WriteFile(matches[0], b, fileMode); err != nil {
				t.Fatal(err)
			}
			_, err = openTest(t, dir).Begin(t.Context(), "contacts")
			if err == nil || !bytes.Contains([]byte(err.Error()), fmt.Appendf(nil, "format version %d", formatVersion+1)) {
				t.Errorf("the error is: %v", err)
			}
		})
	}
}

func TestASum(t *testing.T) {
	t.Parallel()
	h, err := newHasher(testKey)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, kind := range []int{chainedSums, hashedSums} {
		h.kind = kind
		for _, text := range []string{"", "a", "twelve bytes", "thirteen byte", "twenty-eight bytes of a text", "a text that takes more than two blocks of sixteen"} {
			lines = append(lines, fmt.Sprintf("%q %x %x %x", text, h.Sum([]byte(text)), h.HashKey([]byte(text)), h.SumSource([]byte(text))))
		}
	}
	got := bytes.Join(toBytes(lines), []byte("\n"))
	path := filepath.Join("testdata", "sums.txt")
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("sums, key hashes and sums of sources (-want +got):\n%s", diff)
	}
}

func toBytes(lines []string) (all [][]byte) {
	for _, l := range lines {
		all = append(all, []byte(l))
	}
	return all
}
