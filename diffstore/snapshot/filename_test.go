package snapshot

import (
	"path/filepath"
	"strings"
	"testing"
)

func TestFileNames(t *testing.T) {
	t.Parallel()
	for sync, want := range map[string]string{
		"contacts": "contacts", "con-tacts_2": "con-tacts_2", "Contacts": "=43ontacts", "../x": "=2e=2e=2fx", "a.b": "a=2eb",
		"é": "=c3=a9", "=43": "=3d43", "\x00": "=00", `a\b`: "a=5cb", "a b": "a=20b",
	} {
		if got := fileName(sync); got != want {
			t.Errorf("the files of sync %q are called %q, not %q", sync, got, want)
		}
	}
}

func FuzzFileName(f *testing.F) {
	for _, s := range []string{"contacts", "Contacts", "..", "/", "=43ontacts", strings.Repeat("A", 300)} {
		f.Add(s, s+"x")
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		name, other := fileName(a), fileName(b)
		if a != b && strings.EqualFold(name, other) {
			t.Errorf("syncs %q and %q share the files %q", a, b, name)
		}
		if a != "" && (filepath.Base(name) != name || len(name) > longestName || strings.Contains(name, ".")) {
			t.Errorf("the files of sync %q are called %q", a, name)
		}
		if sync, ok := syncName(name); ok && sync != a || !ok && !strings.HasPrefix(name, "==") {
			t.Errorf("%q is taken for the files of sync %q, not %q", name, sync, a)
		}
	})
}
