package slack

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"spillway/destinations"
)

// kept is for how long a message that was sent once is remembered. Long before, the snapshot knows that it was accepted.
const kept = 30 * 24 * time.Hour

// spent is how many entries are added at least, and as many as it holds, before the journal is written anew.
const spent = 10_000

// entry is what the journal knows of a message: that it was about to be sent, and where it stands.
type entry struct {
	Name    string    `json:"name"`
	At      time.Time `json:"at"`
	Channel string    `json:"channel,omitempty"`
	TS      string    `json:"ts,omitempty"`   // of a webhook's message "-"
	Gone    bool      `json:"gone,omitempty"` // it certainly was not sent, or was deleted
}

func (e entry) sending() bool { return e.Name != "" && e.TS == "" }

// id names the message to Slack, as ts alone is unique in its channel only. A webhook does not tell it.
func (e entry) id() string {
	if e.Channel == "" {
		return ""
	}
	return e.Channel + "/" + e.TS
}

// name is what the journal calls the message of r. A message that is sent once is another one whenever a verdict came
// for it; a post stays the same.
func name(b destinations.Batch, r destinations.Record) string {
	if b.Object == posts {
		return "post " + r.ID
	}
	return "message " + b.Sync + " " + r.Key + " " + r.Token
}

// journal is a file to which entries are added, the latest of a name holding. Without a path it is in memory alone.
type journal struct {
	path string

	mu      sync.Mutex
	entries map[string]entry
	file    *os.File
	added   int // entries since the file was written anew
}

// open reads the journal at its first use, and writes it anew without what is of no use any more.
func (j *journal) open() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.entries != nil {
		return nil
	}
	entries, err := j.read()
	if err == nil && j.path != "" {
		err = j.rewrite(entries)
	}
	if err != nil {
		return fmt.Errorf("open the journal of sent messages: %w", err)
	}
	j.entries = entries
	return nil
}

func (j *journal) read() (map[string]entry, error) {
	entries := map[string]entry{}
	if j.path == "" {
		return entries, nil
	}
	file, err := os.Open(j.path)
	if errors.Is(err, fs.ErrNotExist) {
		return entries, nil
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }() // it was only read
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		var e entry
		if json.Unmarshal(lines.Bytes(), &e) != nil {
			continue // cut off when the machine stopped: nothing was sent after it
		}
		entries[e.Name] = e
		if e.Gone {
			delete(entries, e.Name)
		}
	}
	return entries, lines.Err()
}

// old says that nobody asks for e any more.
func (e entry) old() bool { return strings.HasPrefix(e.Name, "message ") && time.Since(e.At) > kept }

// rewrite begins a new file with those of entries that are of use, and takes the others out of them.
func (j *journal) rewrite(entries map[string]entry) error {
	if err := os.MkdirAll(filepath.Dir(j.path), 0o700); err != nil {
		return err
	}
	file, err := os.OpenFile(j.path+".new", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	before := j.file
	j.file = file
	maps.DeleteFunc(entries, func(_ string, e entry) bool { return e.old() })
	if err := j.append(slices.Collect(maps.Values(entries))); err != nil {
		return err
	}
	if err := os.Rename(file.Name(), j.path); err != nil {
		return err
	}
	j.added = 0
	dir, err := os.Open(filepath.Dir(j.path))
	if err != nil {
		return err
	}
	err = errors.Join(dir.Sync(), dir.Close())
	if before != nil {
		err = errors.Join(err, before.Close())
	}
	return err
}

// append writes entries durably.
func (j *journal) append(entries []entry) error {
	if j.file == nil {
		return nil
	}
	var text []byte
	for _, e := range entries {
		line, err := json.Marshal(e)
		if err != nil {
			return err
		}
		text = append(append(text, line...), '\n')
	}
	if _, err := j.file.Write(text); err != nil {
		return fmt.Errorf("write the journal of sent messages: %w", err)
	}
	return j.file.Sync()
}

func (j *journal) find(name string) entry {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.entries[name]
}

// begin notes that the records of b are about to be sent (invariant 2).
func (j *journal) begin(b destinations.Batch) error {
	return j.note(b, func(int) (entry, bool) { return entry{}, true })
}

// settle notes what became of the records of b. One of which nothing is known stays as it is.
func (j *journal) settle(b destinations.Batch, what action, results []destinations.Result) error {
	return j.note(b, func(i int) (entry, bool) {
		r := results[i]
		switch {
		case r.Status == destinations.Accepted && what == remove:
			return entry{Gone: true}, true
		case r.Status == destinations.Accepted:
			at, ts, ok := strings.Cut(r.RemoteID, "/")
			if !ok {
				ts = "-"
			}
			return entry{Channel: at, TS: ts}, true
		case what == post && r.Status != destinations.Unknown && !r.Doubt:
			return entry{Gone: true}, true
		}
		return entry{}, false
	})
}

func (j *journal) note(b destinations.Batch, of func(i int) (entry, bool)) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	var entries []entry
	for i, r := range b.Records {
		e, ok := of(i)
		if !ok {
			continue
		}
		e.Name, e.At = name(b, r), time.Now()
		entries = append(entries, e)
		j.entries[e.Name] = e
		if e.Gone {
			delete(j.entries, e.Name)
		}
	}
	if len(entries) == 0 {
		return nil
	}
	if j.added += len(entries); j.path != "" && j.added > max(spent, len(j.entries)) {
		return j.rewrite(j.entries)
	}
	return j.append(entries)
}

func (j *journal) close() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.file == nil {
		return nil
	}
	return j.file.Close()
}
