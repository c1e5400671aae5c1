package diffstoretest

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"spillway/diffstore"
)

// testErasure tests that a person can be forgotten.
func testErasure(t *testing.T, open Opener) {
	const key, id = "customer-Adalovelace-4711", "ada.lovelace@analytical.example"
	setups := map[string][]step{
		"accepted":            steps(write(key, id, "v1", takes)),
		"moved":               steps(write(key, id, "v1", takes), write(key, id+".uk", "v2", takes)),
		"in doubt":            steps(write(key, id, "v1", takes), write(key, id+".uk", "v2", silence)),
		"refused":             steps(write(key, id, "v1", refuses)),
		"left":                steps(write(key, id, "v1", takes), leave(key)),
		"being removed":       steps(write(key, id, "v1", takes), remove(key, id, silence)),
		"sharing":             steps(write(key, id, "v1", takes), write("other", "b", "v1", takes), write("third", "c", "v2", takes)),
		"written many times":  steps(write(key, id, "v1", takes), write(key, id, "v2", takes), write(key, id, "v3", takes), write(key, id, "v1", refuses)),
		"already gone itself": steps(write(key, id, "v1", takes), gone(key, id), write(key, id, "v1", takes)),
	}
	for name, setup := range setups {
		each(t, "a key that is "+name, open, func(b *bench, next between) {
			for i := range 50 { // so that the key is not alone on its page
				write(string(rune('a'+i)), string(rune('A'+i)), "v1", takes)(b)
			}
			b.take(setup, next)
			size := b.size()
			counted := int64(0)
			b.glance(func(v diffstore.View) {
				if removed(b.t, v)[key] != "" {
					counted = 1
				}
			})
			if !must(b.begin().Erase(b.t.Context(), key))(b.t) {
				b.t.Error("there was no trace of it")
			}
			if must(b.begin().Erase(b.t.Context(), key))(b.t) {
				b.t.Error("there is a trace of it after it was erased")
			}
			next(b)
			b.end()
			if diff := cmp.Diff("unknown", b.known(key)); diff != "" {
				b.t.Errorf("what is known (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(size-counted, b.size()); diff != "" {
				b.t.Errorf("size (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff("v1 at A", b.known("a")); diff != "" {
				b.t.Errorf("what is known of another key (-want +got):\n%s", diff)
			}
			b.reopen()
			for _, trace := range []string{key, id} {
				if file := find(b.t, b.dir(), trace); file != "" {
					b.t.Errorf("%s still holds %q", file, trace)
				}
			}
		})
	}
	t.Run("a key that is not known has no trace", func(t *testing.T) {
		t.Parallel()
		b := newBench(t, open)
		write("k", "a", "v1", takes)(b)
		if must(b.begin().Erase(t.Context(), "unknown"))(t) {
			t.Error("there was a trace of it")
		}
	})
	t.Run("release counts the keys that it puts back in line", func(t *testing.T) {
		t.Parallel()
		b := newBench(t, open)
		write("refused", "a", "v1", refuses)(b)
		write("refused too", "b", "v1", refuses)(b)
		write("accepted", "c", "v1", takes)(b)
		write("returned", "d", "v1", returns)(b)
		write("in doubt", "e", "v1", silence)(b)
		write("not removed", "f", "v1", takes)(b)
		remove("not removed", "f", refuses)(b)
		write("passed over", "g", "v1", refuses)(b)
		var asked []string
		n := must(b.begin().Release(t.Context(), func(k diffstore.Known) bool {
			asked = append(asked, k.Key)
			return k.Key != "passed over"
		}))(t)
		if diff := cmp.Diff(3, n); diff != "" {
			t.Errorf("released (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]string{"refused", "refused too", "not removed", "passed over"}, asked); diff != "" {
			t.Errorf("asked about (-want +got):\n%s", diff)
		}
		if n := must(b.begin().Release(t.Context(), func(diffstore.Known) bool { return true }))(t); n != 1 {
			t.Errorf("%d keys were released again", n)
		}
	})
}

// find returns the name of a file in dir that holds text, or nothing.
func find(t *testing.T, dir, text string) string {
	t.Helper()
	for _, f := range must(os.ReadDir(dir))(t) {
		if bytes.Contains(must(os.ReadFile(filepath.Join(dir, f.Name())))(t), []byte(text)) {
			return f.Name()
		}
	}
	return ""
}
