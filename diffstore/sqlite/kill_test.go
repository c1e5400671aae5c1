package sqlite_test

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
	"spillway/diffstore/sqlite"
)

const (
	victimDir   = "SPILLWAY_VICTIM_DIR"
	victimRound = "SPILLWAY_VICTIM_ROUND"
	kills       = "SPILLWAY_KILLS"

	victimKeys  = 40
	victimBatch = 7
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(victimDir); dir != "" {
		fmt.Fprintln(os.Stderr, victim(context.Background(), dir))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// victim intends and settles round after round until it is killed, and tells each call that returned.
func victim(ctx context.Context, dir string) error {
	round, err := strconv.Atoi(os.Getenv(victimRound))
	if err != nil {
		return err
	}
	store, err := sqlite.Open(dir, discard())
	if err != nil {
		return err
	}
	s, err := store.Begin(ctx, "contacts")
	if err != nil {
		return err
	}
	for ; ; round++ {
		sum := s.Sum([]byte(strconv.Itoa(round)))
		var attempts []diffstore.Attempt
		var fates []diffstore.Fate
		for _, key := range roundKeys(round) {
			attempts = append(attempts, diffstore.Attempt{Entry: diffstore.Entry{Key: key, ID: key, Sum: sum, First: sum}})
			fates = append(fates, diffstore.Fate{Key: key, Outcome: diffstore.Taken})
		}
		if _, err := s.Intend(ctx, attempts); err != nil {
			return err
		}
		fmt.Fprintln(os.Stdout, "intended", round)
		if round%3 == 0 {
			continue // the answer is lost
		}
		if err := s.Settle(ctx, fates); err != nil {
			return err
		}
		fmt.Fprintln(os.Stdout, "settled", round)
	}
}

// roundKeys returns the keys of a round. Rounds overlap.
func roundKeys(round int) []string {
	keys := make([]string, victimBatch)
	for i := range keys {
		keys[i] = fmt.Sprint("key-", (round*3+i)%victimKeys)
	}
	return keys
}

// Whatever the instant of a SIGKILL, every Settle that returned holds, and every Intend that returned is at least in
// doubt (invariants 1 and 2).
func TestWhatReturnedOutlivesAKill(t *testing.T) {
	t.Parallel()
	times := 20
	if text, ok := os.LookupEnv(kills); ok {
		var err error
		if times, err = strconv.Atoi(text); err != nil {
			t.Fatalf("%s: %v", kills, err)
		}
	}
	dir := filepath.Join(t.TempDir(), "state")
	random := rand.New(rand.NewPCG(5, 6))
	heard := ledger{intended: map[string]int{}, settled: map[string]int{}}
	for range times {
		heard.run(t, dir, 1+random.IntN(120))
		heard.check(t, dir)
	}
	t.Logf("%d rounds in %d lives", heard.last, times)
}

// ledger holds, for each key, the last round that was heard to be intended and to be settled.
type ledger struct {
	intended, settled map[string]int
	last              int // the last round that was heard of
}

// run starts a victim, listens to so many of its calls and kills it.
func (l *ledger) run(t *testing.T, dir string, calls int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^$")
	cmd.Env = append(os.Environ(), victimDir+"="+dir, victimRound+"="+strconv.Itoa(l.last+2))
	cmd.WaitDelay = time.Minute
	var complaint strings.Builder
	cmd.Stderr = &complaint
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(out)
	for n := 0; ; n++ {
		line, err := lines.ReadString('\n')
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		l.hear(t, line)
		if n == calls {
			// What it says until it is dead counts as well.
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := cmd.Wait(); err == nil || complaint.Len() > 0 {
		t.Fatalf("the victim ended by itself: %v: %s", err, complaint.String())
	}
}

func (l *ledger) hear(t *testing.T, line string) {
	t.Helper()
	what, number, _ := strings.Cut(strings.TrimSpace(line), " ")
	round, err := strconv.Atoi(number)
	if err != nil {
		t.Fatalf("the victim said %q", line)
	}
	l.last = round
	heard := l.intended
	if what == "settled" {
		heard = l.settled
	}
	for _, key := range roundKeys(round) {
		heard[key] = round
	}
}

// check compares what the victim said with what its snapshot holds. One call may have been done and not said.
func (l *ledger) check(t *testing.T, dir string) {
	t.Helper()
	store := open(t, dir)
	view, err := store.View(t.Context(), "contacts")
	if err != nil {
		t.Fatal(err)
	}
	rounds := map[diffstore.Sum]int{}
	for r := range l.last + 3 {
		rounds[view.Sum([]byte(strconv.Itoa(r)))] = r
	}
	known := map[string]diffstore.Known{}
	for k, err := range view.Removed(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		known[k.Key] = k
	}
	for key, round := range l.settled {
		k := known[key]
		if !k.Accepted || rounds[k.Sum] < round {
			t.Errorf("key %s was settled in round %d, and the snapshot holds round %d", key, round, rounds[k.Sum])
		}
	}
	for key, round := range l.intended {
		k := known[key]
		if accepted := k.Accepted && rounds[k.Sum] >= round; !accepted && (!k.Tried.Doubt || rounds[k.Tried.Sum] < round) {
			t.Errorf("key %s was intended in round %d, and is not in doubt", key, round)
		}
	}
	if err := errors.Join(view.Close(), store.Close()); err != nil {
		t.Fatal(err)
	}
}
