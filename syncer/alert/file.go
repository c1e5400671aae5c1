package alert

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// fileName is the file in the state directory that holds what must outlast a restart.
const fileName = "alerts.json"

// memory is what must outlast a restart.
type memory struct {
	Version int               `json:"version"`
	Alerts  map[string]string `json:"alerts"` // what was declared of each when it last judged the runs
	Syncs   map[string]*past  `json:"syncs"`
	Marks   []*mark           `json:"marks"` // in the order in which they were made

	index map[markKey]*mark // of Marks
}

type markKey struct {
	alert   string
	trigger Trigger
	sync    string
}

const version = 1

// past is how far a sync was looked at.
type past struct {
	Seen      time.Time `json:"seen"`      // end of the newest run that was judged
	Timetable string    `json:"timetable"` // of its schedule
	Since     time.Time `json:"since"`     // from when on the schedule counts
	Paused    bool      `json:"paused,omitempty"`
}

// mark is how one trigger of one alert stands for one sync. Where it is clear and all is told there is none.
type mark struct {
	Alert   string    `json:"alert"`
	Trigger Trigger   `json:"trigger"`
	Sync    string    `json:"sync,omitempty"`
	Firing  bool      `json:"firing"`
	Changed time.Time `json:"changed"`
	Queue   []Notice  `json:"queue,omitempty"` // not acknowledged yet, in their order
	Tries   int       `json:"tries,omitempty"` // of the first one, since one was last acknowledged
	Next    time.Time `json:"next,omitzero"`   // when it is tried again
	Error   string    `json:"error,omitempty"` // why it was not acknowledged
}

func newMemory() *memory {
	return &memory{Version: version, Alerts: map[string]string{}, Syncs: map[string]*past{}, index: map[markKey]*mark{}}
}

func readMemory(dir string) (*memory, error) {
	m := newMemory()
	text, err := os.ReadFile(filepath.Join(dir, fileName))
	if errors.Is(err, fs.ErrNotExist) {
		return m, nil
	}
	if err == nil {
		err = json.Unmarshal(text, m)
	}
	if err == nil && m.Version != version {
		err = fmt.Errorf("it is of version %d, and this program knows version %d; upgrade spillway", m.Version, version)
	}
	if err != nil {
		return nil, fmt.Errorf("read how the alerts stand, %s in the state directory: %w; without the file, what holds now is told again", fileName, err)
	}
	for _, k := range m.Marks {
		m.index[k.key()] = k
	}
	return m, nil
}

// write puts m into the file, durably and as a whole.
func (m *memory) write(dir string) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("keep how the alerts stand: %w", err)
		}
	}()
	text, err := json.Marshal(m)
	if err != nil {
		return err
	}
	next, err := os.OpenFile(filepath.Join(dir, fileName+".new"), os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = next.Write(text)
	if err = errors.Join(err, next.Sync(), next.Close()); err != nil {
		return err
	}
	if err := os.Rename(next.Name(), filepath.Join(dir, fileName)); err != nil {
		return err
	}
	within, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(within.Sync(), within.Close())
}

// find returns the mark of a trigger of an alert for a sync, or nil.
func (m *memory) find(alert string, t Trigger, sync string) *mark {
	return m.index[markKey{alert, t, sync}]
}

// add makes a mark that there is not yet.
func (m *memory) add(alert string, t Trigger, sync string) *mark {
	k := &mark{Alert: alert, Trigger: t, Sync: sync}
	m.Marks = append(m.Marks, k)
	m.index[k.key()] = k
	return k
}

// drop drops the marks that useless says to be so.
func (m *memory) drop(useless func(*mark) bool) {
	m.Marks = slices.DeleteFunc(m.Marks, func(k *mark) bool {
		if !useless(k) {
			return false
		}
		delete(m.index, k.key())
		return true
	})
}

func (k *mark) key() markKey { return markKey{k.Alert, k.Trigger, k.Sync} }
