package snapshot

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"spillway/diffstore"
)

const childDir = "SPILLWAY_SNAPSHOT_CHILD_DIR"

// TestMain turns the test binary into the process that is killed, if it is told so.
func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		fmt.Fprintln(os.Stderr, live(context.Background(), dir, os.Stdout))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// live records intents and outcomes until it is killed, and says so after each. Each key has its numbers in turn.
func live(ctx context.Context, dir string, out io.Writer) error {
	memory := WithMemory(DefaultMemory)
	if rand.IntN(2) == 0 {
		memory = tiny
	}
	store, err := Open(dir, discard(), memory)
	if err != nil {
		return err
	}
	for round := uint64(1); ; round++ {
		s, err := store.Begin(ctx, "contacts")
		if err != nil {
			return err
		}
		for range 4 {
			if err := liveBatch(ctx, store, s, out); err != nil {
				return err
			}
		}
		if round%3 == 0 {
			if _, err := s.Erase(ctx, "nobody"); err != nil {
				return err
			}
		}
		if err := s.Close(); err != nil {
			return err
		}
	}
}

const keysOfChild = 8

// liveBatch gives three keys the number after the last that the snapshot has of them.
func liveBatch(ctx context.Context, store *Store, s diffstore.Session, out io.Writer) error {
	var attempts []diffstore.Attempt
	var fates []diffstore.Fate
	from := rand.IntN(keysOfChild)
	for i := range 3 {
		key := fmt.Sprintf("k%d", (from+i)%keysOfChild)
		k, err := store.Lookup(ctx, "contacts", key)
		if err != nil {
			return err
		}
		attempts = append(attempts, at(key, "id of "+key, last(k)+1))
		fates = append(fates, diffstore.Fate{Key: key, Outcome: diffstore.Taken})
	}
	tokens, err := s.Intend(ctx, attempts)
	if err != nil {
		return err
	}
	for i := range fates {
		fates[i].Token = tokens[i]
	}
	for _, a := range attempts {
		fmt.Fprintf(out, "i %s %d\n", a.Entry.Key, a.Entry.Source)
	}
	if err := s.Settle(ctx, fates); err != nil {
		return err
	}
	for _, a := range attempts {
		fmt.Fprintf(out, "s %s %d\n", a.Entry.Key, a.Entry.Source)
	}
	return nil
}

// last returns the last number that a key was given.
func last(k *diffstore.Known) uint64 {
	if k == nil {
		return 0
	}
	accepted, _ := fromSum(k.Sum)
	tried, _ := fromSum(k.Tried.Sum)
	return max(accepted, tried) >> 1
}

// TestKill kills a process that records, again and again over the same files. What it had been told was recorded must
// be there. SPILLWAY_KILLS says how often.
func TestKill(t *testing.T) {
	t.Parallel()
	kills := 20
	if text, ok := os.LookupEnv("SPILLWAY_KILLS"); ok {
		var err error
		if kills, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	dir := filepath.Join(t.TempDir(), "state")
	intended, settled := map[string]uint64{}, map[string]uint64{}
	for n := range kills {
		killOne(t, dir, 1+rand.IntN(60), intended, settled)
		store := openTest(t, dir, tiny)
		if err := store.Verify(t.Context(), "contacts"); err != nil {
			t.Fatalf("kill %d: %v", n, err)
		}
		for i := range keysOfChild {
			key := fmt.Sprintf("k%d", i)
			k, err := store.Lookup(t.Context(), "contacts", key)
			if err != nil {
				t.Fatalf("kill %d: %v", n, err)
			}
			if err := holds(k, intended[key], settled[key]); err != nil {
				t.Errorf("kill %d: key %s: %v", n, key, err)
			}
		}
	}
}

// killOne lets a process say a number of things, and kills it.
func killOne(t *testing.T, dir string, words int, intended, settled map[string]uint64) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), childDir+"="+dir)
	var complaint strings.Builder
	cmd.Stderr = &complaint
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for n := 0; lines.Scan(); n++ {
		var what, key string
		var number uint64
		if _, err := fmt.Sscan(lines.Text(), &what, &key, &number); err != nil {
			break // the line that it was killed at
		}
		if what == "i" {
			intended[key] = number
		} else {
			settled[key] = number
		}
		if n == words {
			after := time.Duration(rand.IntN(3000)) * time.Microsecond
			time.AfterFunc(after, func() { _ = cmd.Process.Kill() })
		}
	}
	var exit *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &exit) || exit.Exited() {
		t.Fatalf("the process ended by itself: %v: %s", err, complaint.String())
	}
}

// holds returns an error if what is known contradicts what was acknowledged.
func holds(k *diffstore.Known, intended, settled uint64) error {
	if k == nil {
		if intended+settled > 0 {
			return fmt.Errorf("nothing is known, though %d was intended", intended)
		}
		return nil
	}
	accepted, _ := fromSum(k.Sum)
	if accepted >>= 1; accepted < settled {
		return fmt.Errorf("%d is accepted, though %d was settled", accepted, settled)
	}
	if accepted < intended && (!k.Tried.Doubt || last(k) < intended) {
		return fmt.Errorf("%d is accepted and %d in doubt, though %d was intended", accepted, last(k), intended)
	}
	return nil
}
