package slack

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"spillway/destinations"
)

func openJournal(t *testing.T, path string) *journal {
	t.Helper()
	j := &journal{path: path}
	if err := j.open(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := j.close(); err != nil {
			t.Error(err)
		}
	})
	return j
}

func notes(n int, token string) destinations.Batch {
	b := batch()
	for i := range n {
		b.Records = append(b.Records, destinations.Record{Key: fmt.Sprint(i), Token: token})
	}
	return b
}

func accepted(b destinations.Batch) []destinations.Result {
	results := make([]destinations.Result, len(b.Records))
	for i := range results {
		results[i] = destinations.Result{Status: destinations.Accepted, RemoteID: fmt.Sprintf("C1/%d", i)}
	}
	return results
}

func TestTheJournalDoesNotGrowForEver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "chat", "sent.jsonl")
		j := openJournal(t, path)
		for day := range 50 {
			b := notes(500, fmt.Sprint("day ", day))
			if err := j.begin(b); err != nil {
				t.Fatal(err)
			}
			if err := j.settle(b, post, accepted(b)); err != nil {
				t.Fatal(err)
			}
			<-time.After(10 * 24 * time.Hour)
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if n := bytes.Count(text, []byte("\n")); n > spent+3000 {
			t.Errorf("the journal has %d entries", n)
		}
		again := openJournal(t, path)
		latest, first := notes(1, "day 49"), notes(1, "day 0")
		if got := again.find(name(latest, latest.Records[0])); got.TS != "0" {
			t.Errorf("the latest message is forgotten: %+v", got)
		}
		if got := again.find(name(first, first.Records[0])); got.Name != "" {
			t.Errorf("a message of long ago is remembered: %+v", got)
		}
	})
}

func TestAJournalThatIsCutOffIsReadUpToThere(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "sent.jsonl")
	j := openJournal(t, path)
	b := notes(2, "x")
	if err := j.begin(b); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, text[:len(text)-7], 0o600); err != nil {
		t.Fatal(err)
	}
	again := openJournal(t, path)
	if !again.find(name(b, b.Records[0])).sending() || again.find(name(b, b.Records[1])).sending() {
		t.Errorf("entries: %v", again.entries)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
}
