package syncer

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"spillway/destinations"
	"spillway/diffstore"
	"spillway/syncer/runlog"
)

func sum(b byte) (s diffstore.Sum) {
	for i := range s {
		s[i] = b
	}
	return s
}

// sampleItems are items of every kind, with every value that a record may hold.
func sampleItems() []item {
	return []item{
		{
			Step: write, Verdict: diffstore.Changed, Op: destinations.Upsert, Key: `["a","b|c"]`, ID: "Ada@X.io", Folded: "ada@x.io",
			Moved: true, Quarantined: true, Refusals: 300, Code: "bad", Sum: sum(1), First: sum(2), Detail: []byte{0, 1, 2}, Batch: diffstore.Token(sum(3)),
			Old: []string{"", "b@x"}, Changed: []string{"email"},
			Fields: destinations.Fields{
				{Name: "null"},
				{Name: "text", Value: "čšž\x00\n"},
				{Name: "yes", Value: true},
				{Name: "no", Value: false},
				{Name: "number", Value: json.Number("12345678901234567890.10")},
				{Name: "day", Value: destinations.Date("2026-11-20")},
				{Name: "time", Value: time.Date(2026, 11, 20, 12, 0, 0, 123456789, time.UTC)},
				{Name: "doc", Value: json.RawMessage(`{"a":[1,null]}`)},
				{Name: "list", Value: []destinations.Value{"a", json.Number("1"), nil, true}},
			},
		},
		{Step: remove, Op: destinations.Delete, Key: "2", ID: "b", Folded: "b", Moved: true},
		{Step: leave, Key: "3"},
		{Step: candidate, Key: "4", ID: "d", Folded: "d", Batch: diffstore.Token(sum(9))},
		{Step: void, Key: "5"},
		{Step: contested, Verdict: diffstore.Changed, Op: destinations.Upsert, Key: "6"},
	}
}

func stagedAt(t *testing.T, path string, items []item) *changeset {
	t.Helper()
	c, err := createChangeset(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := range items {
		if err := c.add(&items[i]); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

func read(t *testing.T, c *changeset, steps ...step) []item {
	t.Helper()
	var items []item
	for i, err := range c.items(steps...) {
		if err != nil {
			t.Fatal(err)
		}
		items = append(items, i)
	}
	return items
}

var allSteps = []step{write, remove, leave, candidate, void, contested}

func TestAPlanIsReadBackAsItWasStaged(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "plans", "x.plan")
	items := sampleItems()
	c := stagedAt(t, path, items)
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("the file has mode %#o", info.Mode().Perm())
	}
	want := seal{Run: "r", Sync: "s", At: time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC), ConfigHash: "c", Snapshot: "v", Counts: runlog.Counts{Added: 7}, Doubtful: true}
	if err := c.finish(want); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(items, read(t, c, allSteps...), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("while it is open (-want +got):\n%s", diff)
	}
	if err := c.close(); err != nil {
		t.Fatal(err)
	}
	c, got, err := openChangeset(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the seal (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(items, read(t, c, allSteps...), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("opened again (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(items[1:2], read(t, c, remove), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("one step (-want +got):\n%s", diff)
	}
	if err := c.discard(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("after it is discarded: %v", err)
	}
}

func TestAPlanGrowsWhileItIsRead(t *testing.T) {
	t.Parallel()
	c := stagedAt(t, filepath.Join(t.TempDir(), "x.plan"), nil)
	for n := range 5000 {
		if err := c.add(&item{Step: candidate, Key: fmt.Sprint(n)}); err != nil {
			t.Fatal(err)
		}
	}
	seen := 0
	for i, err := range c.items(candidate) {
		if err != nil {
			t.Fatal(err)
		}
		seen++
		if err := c.add(&item{Step: candidate, Key: "again " + i.Key}); err != nil {
			t.Fatal(err)
		}
	}
	if again := len(read(t, c, candidate)); seen != 5000 || again != 10000 {
		t.Errorf("%d items were seen, and %d afterwards", seen, again)
	}
	if err := c.discard(); err != nil {
		t.Error(err)
	}
}

func TestWhatIsInDoubtIsReadByItsBatches(t *testing.T) {
	t.Parallel()
	c := stagedAt(t, filepath.Join(t.TempDir(), "x.plan"), nil)
	for n := range 12 {
		i := item{Step: write, Key: fmt.Sprint(n)}
		if n%4 > 0 {
			i.Batch = diffstore.Token(sum(byte(n % 4)))
		}
		if err := c.add(&i); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.add(&item{Step: remove, Key: "r", Batch: diffstore.Token(sum(1))}); err != nil {
		t.Fatal(err)
	}
	var keys []string
	for i, err := range c.doubtful(write) {
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, i.Key)
	}
	if diff := cmp.Diff([]string{"1", "5", "9", "2", "6", "10", "3", "7", "11"}, keys); diff != "" {
		t.Errorf("keys (-want +got):\n%s", diff)
	}
	if err := c.discard(); err != nil {
		t.Error(err)
	}
}

func TestADamagedPlanIsRefused(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "x.plan")
	c := stagedAt(t, path, sampleItems())
	if err := c.finish(seal{Run: "r"}); err != nil {
		t.Fatal(err)
	}
	if err := c.close(); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	refused := func(what string, content []byte) {
		t.Helper()
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		if c, _, err := openChangeset(path); err == nil {
			t.Errorf("%s: it was opened", what)
			_ = c.close() // the test has failed already
		} else if !errors.Is(err, errPlan) {
			t.Errorf("%s: %v", what, err)
		}
	}
	for n := range whole {
		flipped := append([]byte{}, whole...)
		flipped[n] ^= 1 << (n % 8)
		refused(fmt.Sprintf("bit %d of byte %d flipped", n%8, n), flipped)
		refused(fmt.Sprintf("cut to %d bytes", n), whole[:n])
	}
	refused("something after its end", append(append([]byte{}, whole...), 0))
	refused("twice", append(append([]byte{}, whole...), whole...))
}

func TestAPlanThatWasNotFinishedIsRefused(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "x.plan")
	c := stagedAt(t, path, sampleItems())
	if err := errors.Join(c.out.Flush(), c.close()); err != nil {
		t.Fatal(err)
	}
	if _, _, err := openChangeset(path); !errors.Is(err, errPlan) {
		t.Errorf("it gave the error %v", err)
	}
}

func TestAPlanThatIsOnlyLookedAtHasNoName(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	c, err := createScratchChangeset()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.add(&item{Step: leave, Key: "1"}); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) > 0 {
		t.Errorf("while it is open there are %v (%v)", entries, err)
	}
	if n := len(read(t, c, leave)); n != 1 {
		t.Errorf("%d items", n)
	}
	if err := c.discard(); err != nil {
		t.Error(err)
	}
}

func FuzzItems(f *testing.F) {
	c := &changeset{numbers: map[string]uint64{}}
	for _, i := range sampleItems() {
		f.Add(i.append(nil, c.number))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		i, err := decodeItem(b, c.names, form{})
		if err != nil {
			return
		}
		again, err := decodeItem(i.append(nil, c.number), c.names, form{})
		if err != nil {
			t.Fatalf("what was read cannot be written and read: %v", err)
		}
		if diff := cmp.Diff(i, again, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("(-first +second):\n%s", diff)
		}
	})
}
