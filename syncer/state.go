package syncer

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"
)

// ErrLocked is wrapped by the error of a second process that wants to write to a state directory.
var ErrLocked = errors.New("the state directory is in use")

// LockedError names the process that has a state directory. It wraps ErrLocked.
type LockedError struct {
	Dir string
	PID int // 0 where it is not known

	holder string
}

func (e *LockedError) Error() string {
	return fmt.Sprintf("%v: %s is held by %s; wait for it, or stop it", ErrLocked, e.Dir, e.holder)
}

func (e *LockedError) Unwrap() error { return ErrLocked }

// state is the directory in which a project keeps its snapshots, its run log and the plans of held runs.
type state struct {
	dir  string
	lock *flock.Flock
}

// holder says who holds the lock of a state directory.
type holder struct {
	PID     int       `json:"pid"`
	Host    string    `json:"host"`
	Command string    `json:"command"`
	Since   time.Time `json:"since"`
}

// lockState makes dir where there is none and takes it for this process alone. Its error is a *LockedError when another
// process has it.
func lockState(dir, command string, now time.Time) (*state, error) {
	if err := checkPrivate(dir); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the state directory: %w", err)
	}
	if err := checkWritable(dir); err != nil {
		return nil, err
	}
	s := &state{dir: dir, lock: flock.New(filepath.Join(dir, "lock"), flock.SetPermissions(0o600))}
	taken, err := s.lock.TryLock()
	if err != nil {
		return nil, fmt.Errorf("lock the state directory: %w", err)
	}
	if !taken {
		pid, words := readHolder(s.lock.Path())
		return nil, &LockedError{Dir: dir, PID: pid, holder: words}
	}
	host, err := os.Hostname()
	if err != nil {
		host = "an unnamed host"
	}
	text, err := json.Marshal(holder{PID: os.Getpid(), Host: host, Command: command, Since: now.UTC().Truncate(time.Second)})
	if err == nil {
		err = os.WriteFile(s.lock.Path(), text, 0o600)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("write the lock of the state directory: %w", err), s.lock.Unlock())
	}
	return s, nil
}

// readHolder returns which process has a lock, and says it in words.
func readHolder(file string) (pid int, words string) {
	const unnamed = "another process"
	text, err := os.ReadFile(file)
	if err != nil {
		return 0, unnamed
	}
	var h holder
	if err := json.Unmarshal(text, &h); err != nil {
		return 0, unnamed
	}
	return h.PID, fmt.Sprintf("process %d on %s (%s, since %s)", h.PID, h.Host, h.Command, h.Since.Format(time.RFC3339))
}

// checkPrivate refuses a state directory that others can enter. One that does not exist is well.
func checkPrivate(dir string) error {
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("look at the state directory: %w", err)
	case !info.IsDir():
		return fmt.Errorf("the state directory %s is a file; remove it or set [state] dir", dir)
	case info.Mode().Perm()&0o077 != 0:
		return fmt.Errorf("the state directory %s is open to others (mode %#o): chmod 700 %s", dir, info.Mode().Perm(), dir)
	}
	return nil
}

// checkWritable refuses a state directory in which no file can be made: SQLite would report it in words of its own.
func checkWritable(dir string) error {
	probe, err := os.CreateTemp(dir, "probe-*")
	if err == nil {
		err = errors.Join(probe.Close(), os.Remove(probe.Name()))
	}
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		err = e.Err // the name of the probe says nothing
	}
	if err != nil {
		return fmt.Errorf("the state directory %s cannot be written: %w", dir, err)
	}
	return nil
}

func (s *state) release() error {
	if err := errors.Join(os.Truncate(s.lock.Path(), 0), s.lock.Unlock()); err != nil {
		return fmt.Errorf("unlock the state directory: %w", err)
	}
	return nil
}

// The rooms of a state directory.
func snapshotDir(dir string) string { return filepath.Join(dir, "snapshots") }
func planDir(dir string) string     { return filepath.Join(dir, "plans") }
func destinationDir(dir, destination string) string {
	return filepath.Join(dir, "destinations", destination)
}

// tokenFile is where a destination's access tokens are kept. A process that only reads uses it too: a refresh token that
// it replaced and did not keep would be lost to all others.
func tokenFile(dir, destination string) string {
	return filepath.Join(dir, "tokens", destination+".json")
}
