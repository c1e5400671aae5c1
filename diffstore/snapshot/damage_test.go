package snapshot

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"spillway/diffstore"
)

// keep returns the content of the files in a directory.
func keep(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	contents := map[string][]byte{}
	for _, e := range entries {
		if contents[e.Name()], err = os.ReadFile(filepath.Join(dir, e.Name())); err != nil {
			t.Fatal(err)
		}
	}
	return contents
}

// restore makes a directory that holds contents.
func restore(t *testing.T, dir string, contents map[string][]byte) {
	t.Helper()
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(dir, dirMode); err != nil {
		t.Fatal(err)
	}
	for name, b := range contents {
		if err := os.WriteFile(filepath.Join(dir, name), b, fileMode); err != nil {
			t.Fatal(err)
		}
	}
}

const damagedKeys = 120

// tell puts all that a view says into words.
func tell(ctx context.Context, store *Store) (string, error) {
	v, err := store.view("contacts")
	if err != nil {
		return "", err
	}
	words, err := tellAll(ctx, v)
	return words, errors.Join(err, v.Close())
}

func tellAll(ctx context.Context, v *view) (string, error) {
	var words []string
	for k, err := range v.Removed(ctx) {
		if err != nil {
			return "", err
		}
		words = append(words, fmt.Sprintf("%+v", k))
	}
	slices.Sort(words)
	var ids []string
	for i := range damagedKeys {
		e := at(fmt.Sprintf("k%d", i), fmt.Sprintf("id%d", i), 1).Entry
		ids = append(ids, e.ID)
		changes, err := v.Compare(ctx, []diffstore.Entry{e})
		if err != nil {
			return "", err
		}
		words = append(words, fmt.Sprintf("%s %d %+v", e.Key, changes[0].Verdict, changes[0].Known))
		if changes[0].Known != nil {
			words = append(words, fmt.Sprintf("%+v", *changes[0].Known))
			words[len(words)-2] = fmt.Sprintf("%s %d", e.Key, changes[0].Verdict)
		}
	}
	owners, err := v.Owners(ctx, ids)
	size, sizeErr := v.Size(ctx)
	version, versionErr := v.Version(ctx)
	words = append(words, fmt.Sprint(owners), fmt.Sprint(size), version)
	return strings.Join(words, "\n"), errors.Join(err, sizeErr, versionErr)
}

// damaged makes a snapshot with a base, one before it, and a journal with something in it.
func damaged(t *testing.T, dir string, options ...Option) {
	t.Helper()
	var attempts []diffstore.Attempt
	var taken []string
	for i := range damagedKeys {
		key := fmt.Sprintf("k%d", i)
		attempts = append(attempts, at(key, fmt.Sprintf("id%d", i), 1))
		if i%10 != 0 {
			taken = append(taken, key)
		}
	}
	p := &play{store: openTest(t, dir, append(options, Unsynced())...)}
	for i, s := range []step{
		begin, intends(attempts[:60]...), end,
		begin, intends(attempts...), settles(diffstore.Taken, taken...), end,
		begin, intends(at("k3", "id3", 2)), settles(diffstore.Taken, "k3"), end,
	} {
		if err := s(t.Context(), p); err != nil {
			t.Fatalf("step %d: %v", i, err)
		}
	}
	if m, err := parseManifest(keep(t, dir)["contacts.manifest"]); err != nil || m.Sealed <= headerSize || m.Previous == nil {
		t.Fatalf("the snapshot is not what the test is about: %+v, %v", m, err)
	}
}

// TestDamage damages every file of a snapshot in hundreds of places: that must be found, or make no difference.
func TestDamage(t *testing.T) {
	t.Parallel()
	for name, options := range map[string][]Option{"readable": nil, "encrypted": {WithEncryption(testKey)}} {
		whole := filepath.Join(t.TempDir(), "state")
		damaged(t, whole, options...)
		contents := keep(t, whole)
		want, err := tell(t.Context(), openTest(t, whole, options...))
		if err != nil {
			t.Fatal(err)
		}
		for file, content := range contents {
			t.Run(name+", "+file, func(t *testing.T) {
				t.Parallel()
				d := &damageTest{options: options, dir: filepath.Join(t.TempDir(), "state"), contents: contents, file: file, want: want}
				restore(t, d.dir, contents)
				for at := 0; at < len(content); at += 1 + len(content)/600 {
					flipped := bytes.Clone(content)
					flipped[at] ^= 1 << (at % 8)
					d.try(t, fmt.Sprintf("bit %d of byte %d is flipped", at%8, at), flipped)
				}
				for at := 0; at < len(content); at += 1 + len(content)/100 {
					d.try(t, fmt.Sprintf("it is cut at byte %d", at), content[:at])
				}
				d.try(t, "it is empty", nil)
				if err := os.Remove(filepath.Join(d.dir, file)); err != nil {
					t.Fatal(err)
				}
				d.look(t, "it is missing")
			})
		}
	}
}

type damageTest struct {
	options   []Option
	dir, file string
	contents  map[string][]byte
	want      string
}

func (d *damageTest) try(t *testing.T, how string, content []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(d.dir, d.file), content, fileMode); err != nil {
		t.Fatal(err)
	}
	d.look(t, how)
}

func (d *damageTest) look(t *testing.T, how string) {
	t.Helper()
	store := openTest(t, d.dir, d.options...)
	got, err := tell(t.Context(), store)
	if err == nil && got != d.want {
		t.Errorf("%s: it tells another story", how)
	}
	verified := store.Verify(t.Context(), "contacts")
	if verified == nil {
		t.Errorf("%s: it was not found", how)
	}
	for _, err := range []error{err, verified} {
		if err != nil && !errors.Is(err, diffstore.ErrCorrupt) && !strings.Contains(err.Error(), "format version") {
			t.Errorf("%s: the error is no damage: %v", how, err)
		}
	}
}

func TestOlderFilesAreRefused(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "state")
	run(t, dir, begin, intends(at("a", "1", 1)), settles(diffstore.Taken, "a"), end)
	older := keep(t, dir)
	run(t, dir, begin, intends(at("a", "1", 2)), settles(diffstore.Taken, "a"), end)
	newer := keep(t, dir)
	generationOf := func(contents map[string][]byte) string {
		m, err := parseManifest(contents["contacts.manifest"])
		if err != nil {
			t.Fatal(err)
		}
		return m.Base.Name
	}
	for name, change := range map[string]func(map[string][]byte){
		"an older manifest":   func(c map[string][]byte) { c["contacts.manifest"] = older["contacts.manifest"] },
		"an older generation": func(c map[string][]byte) { c[generationOf(newer)] = older[generationOf(older)] },
		"no manifest":         func(c map[string][]byte) { delete(c, "contacts.manifest") },
		"no key":              func(c map[string][]byte) { delete(c, keyFile) },
		"another key":         func(c map[string][]byte) { c[keyFile] = formatKey(testKey) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			mixed := maps.Clone(newer)
			change(mixed)
			at := filepath.Join(t.TempDir(), "state")
			restore(t, at, mixed)
			store := openTest(t, at, Unsynced())
			if _, err := tell(t.Context(), store); !errors.Is(err, diffstore.ErrCorrupt) {
				t.Errorf("looking: %v", err)
			}
			if _, err := store.Begin(t.Context(), "contacts"); !errors.Is(err, diffstore.ErrCorrupt) {
				t.Errorf("beginning: %v", err)
			}
			if err := store.Forget(t.Context(), "contacts"); err != nil {
				t.Errorf("forgetting: %v", err)
			}
		})
	}
}

func TestEncryption(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "state")
	run(t, dir, begin, intends(at("a-secret-key", "a-secret-identifier", 1)), settles(diffstore.Taken, "a-secret-key"), end)
	holds := func() bool {
		for _, b := range keep(t, dir) {
			if bytes.Contains(b, []byte("a-secret")) {
				return true
			}
		}
		return false
	}
	if !holds() {
		t.Fatal("what is not encrypted cannot be read")
	}
	p := &play{store: openTest(t, dir, Unsynced(), WithEncryption(testKey))}
	for _, s := range []step{begin, end} {
		if err := s(t.Context(), p); err != nil {
			t.Fatal(err)
		}
	}
	if holds() {
		t.Error("it can be read still, after a session with a key")
	}
	if k, err := p.store.Lookup(t.Context(), "contacts", "a-secret-key"); err != nil || k == nil {
		t.Errorf("with the key: %v, %v", k, err)
	}
	for name, options := range map[string][]Option{"no key": nil, "another key": {WithEncryption(bytes.Repeat([]byte{8}, 32))}} {
		_, err := openTest(t, dir, options...).Lookup(t.Context(), "contacts", "a-secret-key")
		if err == nil || errors.Is(err, diffstore.ErrCorrupt) || !strings.Contains(err.Error(), "encryption_key") {
			t.Errorf("with %s: %v", name, err)
		}
	}
}
