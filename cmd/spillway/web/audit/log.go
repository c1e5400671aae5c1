// Package audit keeps who did what at a daemon, in a file that is only appended to. Each entry holds the hash of the one
// before it, so that an entry that is changed, inserted or removed breaks the chain. Cutting the end off does not: keep a
// copy of the newest hash elsewhere where that matters.
package audit

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/gofrs/flock"
)

// FileName is the name of the log in the state directory.
const FileName = "audit.jsonl"

// Action is what somebody did.
type Action string

// The actions that are kept.
const (
	Start   Action = "serve.start"
	Stop    Action = "serve.stop"
	Reload  Action = "project.reload"
	Run     Action = "run.start"
	Cancel  Action = "run.cancel"
	Approve Action = "run.approve"
	Discard Action = "run.discard"
	Retry   Action = "run.retry"
	Pause   Action = "sync.pause"
	Resume  Action = "sync.resume"
	Reset   Action = "sync.reset"
	Forget  Action = "sync.forget"
	Login   Action = "login"
	Logout  Action = "logout"
	Create  Action = "token.create"
	Revoke  Action = "token.revoke"
)

// Actions are all of them.
func Actions() []Action {
	return []Action{Start, Stop, Reload, Run, Cancel, Approve, Retry, Pause, Resume, Login, Logout, Create, Revoke, Reset, Forget}
}

// Entry is one line of the log.
type Entry struct {
	Seq     int64     `json:"seq"` // from 1
	At      time.Time `json:"at"`
	Action  Action    `json:"action"`
	By      string    `json:"by"`             // a token's name, cli, local, or the system's user
	From    string    `json:"from,omitempty"` // the address that asked
	Sync    string    `json:"sync,omitempty"`
	Run     string    `json:"run,omitempty"`
	Detail  string    `json:"detail,omitempty"`
	Refused string    `json:"refused,omitempty"` // the code of the refusal; empty: it was done
	Prev    string    `json:"prev"`              // the hash of the entry before, empty in the first
	Hash    string    `json:"hash"`              // SHA-256 of this line with an empty hash, in hexadecimal digits
}

// Log is a project's audit log. Several processes may append to it.
type Log struct {
	file string
	now  func() time.Time
	mu   sync.Mutex
}

// New returns the log that is kept in the state directory dir, which must exist when something is appended.
func New(dir string, now func() time.Time) *Log {
	return &Log{file: filepath.Join(dir, FileName), now: now}
}

// Append adds an entry; its Seq, At and hashes are set here.
func (l *Log) Append(ctx context.Context, e Entry) (err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	lock := flock.New(l.file+".lock", flock.SetPermissions(0o600))
	if _, err := lock.TryLockContext(ctx, 20*time.Millisecond); err != nil {
		return fmt.Errorf("lock the audit log: %w", err)
	}
	defer func() { err = errors.Join(err, lock.Unlock()) }()
	if err := l.append(e); err != nil {
		return fmt.Errorf("append to the audit log %s: %w", l.file, err)
	}
	return nil
}

func (l *Log) append(e Entry) (err error) {
	f, err := os.OpenFile(l.file, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	last, end, err := tail(f)
	if err != nil {
		return err
	}
	e.Seq, e.Prev, e.At = last.Seq+1, last.Hash, l.now().UTC()
	line, err := seal(e)
	if err != nil {
		return err
	}
	if err := f.Truncate(end); err != nil { // what a crash left half-written was never acknowledged
		return err
	}
	if _, err := f.WriteAt(line, end); err != nil {
		return err
	}
	return f.Sync()
}

// seal writes an entry with its hash.
func seal(e Entry) ([]byte, error) {
	e.Hash = ""
	text, err := json.Marshal(e)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(text)
	e.Hash = hex.EncodeToString(sum[:])
	text, err = json.Marshal(e)
	return append(text, '\n'), err
}

// longest is more than a line can have.
const longest = 64 << 10

// tail returns the last whole entry, and where it ends.
func tail(f *os.File) (last Entry, end int64, err error) {
	info, err := f.Stat()
	if err != nil {
		return Entry{}, 0, err
	}
	start := max(0, info.Size()-2*longest)
	text := make([]byte, info.Size()-start)
	if _, err := f.ReadAt(text, start); err != nil && !errors.Is(err, io.EOF) {
		return Entry{}, 0, err
	}
	text = text[:bytes.LastIndexByte(text, '\n')+1]
	end = start + int64(len(text))
	if len(text) == 0 {
		return Entry{}, end, nil
	}
	line := text[bytes.LastIndexByte(text[:len(text)-1], '\n')+1:]
	if err := json.Unmarshal(line, &last); err != nil {
		return Entry{}, 0, fmt.Errorf("its last line is damaged (%w): move the file away to begin a new one", err)
	}
	return last, end, nil
}
