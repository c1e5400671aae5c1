package sandbox

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sync/errgroup"

	"spillway/destinations"
)

func TestTheStoreBelongsToItsOwnerAlone(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "a", "b?c%20d#e")
	s := openTestServer(t, Options{Dir: dir})
	send(t, s, "deals", destinations.Upsert, "external_id", "1", `{"name":"Big"}`)
	files, err := os.ReadDir(dir)
	if err != nil || len(files) == 0 {
		t.Fatalf("%v, %v", files, err)
	}
	for _, f := range files {
		info, err := f.Info()
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 || !strings.HasPrefix(f.Name(), fileName) {
			t.Errorf("%s has mode %04o", f.Name(), info.Mode().Perm())
		}
	}
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the directory: %v, %v", info.Mode(), err)
	}
}

func TestAStoreThatCannotBeTrustedIsRefused(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		spoil func(t *testing.T, dir string) error
		want  string
	}{
		{"a directory that others may read", func(_ *testing.T, dir string) error { return os.Chmod(dir, 0o755) }, "chmod 700"},
		{"a file that others may read", func(_ *testing.T, dir string) error {
			return os.Chmod(filepath.Join(dir, fileName), 0o640)
		}, "chmod 600"},
		{"a file that is no database", func(_ *testing.T, dir string) error {
			return os.WriteFile(filepath.Join(dir, fileName), []byte(strings.Repeat("this is no database\n", 100)), 0o600)
		}, "damaged"},
		{"a later layout", func(t *testing.T, dir string) error {
			t.Helper()
			s, err := openStore(t.Context(), dir)
			if err != nil {
				return err
			}
			if _, err := s.db.ExecContext(t.Context(), "pragma user_version = 99"); err != nil {
				return err
			}
			return s.close()
		}, "later version"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			if err := os.Chmod(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			s, err := NewServer(Options{Dir: dir})
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			if err := test.spoil(t, dir); err != nil {
				t.Fatal(err)
			}
			if _, err := NewServer(Options{Dir: dir}); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want an error with %q", err, test.want)
			}
		})
	}
}

// killed names the directory in which the test process, started anew, writes until it is killed.
const killed = "SANDBOX_WRITE_UNTIL_KILLED"

func TestMain(m *testing.M) {
	if dir := os.Getenv(killed); dir != "" {
		if err := writeUntilKilled(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// writeUntilKilled prints the number of each batch once it was accepted.
func writeUntilKilled(dir string) error {
	s, err := NewServer(Options{Dir: dir})
	if err != nil {
		return err
	}
	o, _ := findObject("contacts")
	for n := 0; ; n++ {
		b := batchRequest{Operation: "upsert", Identifier: "email"}
		for i := range 10 {
			b.Records = append(b.Records, batchRecord{Ref: strconv.Itoa(i), ID: fmt.Sprintf("c%d.%d@x.io", n, i)})
		}
		if _, err := s.store.apply(context.Background(), o, b, time.Now()); err != nil {
			return err
		}
		if _, err := fmt.Fprintln(os.Stdout, n); err != nil {
			return err
		}
	}
}

func TestWhatWasAcceptedSurvivesAKill(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "sandbox")
	accepted := 0
	for round := range 5 {
		cmd := exec.CommandContext(t.Context(), os.Args[0])
		cmd.Env = append(os.Environ(), killed+"="+dir)
		cmd.Stderr = os.Stderr
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		for range 3 + round {
			if !lines.Scan() {
				t.Fatal("the writer ended by itself")
			}
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		accepted = max(accepted, 10*(3+round))
		_ = cmd.Wait() // it was killed
		checkWhole(t, dir, accepted)
	}
}

// checkWhole opens the store and finds whole batches in it, at least as many records as were accepted.
func checkWhole(t *testing.T, dir string, accepted int) {
	t.Helper()
	s, err := NewServer(Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	records, _, err := s.Records(t.Context(), Query{})
	if err != nil {
		t.Fatal(err)
	}
	if len(records) < accepted || len(records)%10 != 0 {
		t.Errorf("%d records of %d that were accepted", len(records), accepted)
	}
	var broken []string
	if err := s.store.db.SelectContext(t.Context(), &broken, "pragma integrity_check"); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"ok"}, broken); diff != "" {
		t.Error(diff)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestTwoServersShareOneStore(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "sandbox")
	one, other := openTestServer(t, Options{Dir: dir}), openTestServer(t, Options{Dir: dir})
	o, _ := findObject("contacts")
	var group errgroup.Group
	for i, s := range []*Server{one, other} {
		group.Go(func() error {
			for n := range 20 {
				b := batchRequest{Operation: "upsert", Identifier: "email"}
				b.Records = []batchRecord{{Ref: "1", ID: fmt.Sprintf("c%d.%d@x.io", i, n)}}
				results, err := s.store.apply(t.Context(), o, b, time.Now())
				if err != nil {
					return err
				}
				if results[0].Outcome != outcomeCreated {
					return fmt.Errorf("record %d: %+v", n, results[0])
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		t.Error(err)
	}
	if got := kept(t, one, "contacts"); len(got) != 40 {
		t.Errorf("kept %d", len(got))
	}
}

func TestTheHistoryOfARecordIsBounded(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	for n := range keptChanges + 15 {
		send(t, s, "contacts", destinations.Upsert, "email", "ada@x.io", fmt.Sprintf(`{"lead_score":%d}`, n))
	}
	_, changes, err := s.store.history(t.Context(), "contacts", 1)
	if err != nil {
		t.Fatal(err)
	}
	if len(changes) != keptChanges || string(changes[0].Edits[0].New) != strconv.Itoa(keptChanges+14) {
		t.Errorf("kept %d changes, the latest %+v", len(changes), changes[0])
	}
}

func TestADeletedRecordLeavesNoValueBehind(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "sandbox")
	s := openTestServer(t, Options{Dir: dir})
	const canary = "canary-7261"
	send(t, s, "contacts", destinations.Insert, "email", "ada@x.io", `{"firstname":"`+canary+`"}`)
	send(t, s, "contacts", destinations.Update, "email", "ada@x.io", `{"firstname":"Ada"}`)
	send(t, s, "contacts", destinations.Delete, "email", "ada@x.io", ``)
	var dump []string
	for _, table := range []string{"select fields || search from records", "select edits from changes", "select value from identifiers", "select rejections from requests"} {
		var rows []string
		if err := s.store.db.SelectContext(t.Context(), &rows, table); err != nil {
			t.Fatal(err)
		}
		dump = append(dump, rows...)
	}
	if all := strings.Join(dump, " "); strings.Contains(all, canary) || strings.Contains(all, "ada@x.io") {
		t.Errorf("left behind: %s", all)
	}
}

func TestServeEndsWithItsContext(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx, l) }()
	d := openDestination(t, Config{URL: "http://" + l.Addr().String()}, destinations.Env{})
	if err := d.Check(t.Context()); err != nil {
		t.Errorf("check: %v", err)
	}
	if got := write(t, d, contacts(destinations.Upsert, record("ada@x.io"))); got[0].Status != destinations.Accepted {
		t.Errorf("%+v", got)
	}
	stop()
	if err := <-ended; err != nil {
		t.Errorf("ended with %v", err)
	}
}
