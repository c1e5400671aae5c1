package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// whereabouts are where a daemon can be reached by the commands of its user on its machine, and the token that it takes
// from them. They stand in the state directory, to which nobody else has access, as long as the daemon runs.
type whereabouts struct {
	URL   string `json:"url"` // of a loopback address
	Token string `json:"token"`
	PID   int    `json:"pid"`
}

func whereaboutsFile(dir string) string { return filepath.Join(dir, "daemon.json") }

func readWhereabouts(dir string) (at whereabouts, err error) {
	text, err := os.ReadFile(whereaboutsFile(dir))
	if err == nil {
		err = json.Unmarshal(text, &at)
	}
	return at, err
}

func (at whereabouts) write(dir string) error {
	text, err := json.Marshal(at)
	if err != nil {
		return err
	}
	temporary, err := os.CreateTemp(dir, "daemon-*") // with mode 0600
	if err != nil {
		return fmt.Errorf("say in the state directory where the daemon is: %w", err)
	}
	_, err = temporary.Write(text)
	if err = errors.Join(err, temporary.Close()); err == nil {
		err = os.Rename(temporary.Name(), whereaboutsFile(dir))
	}
	if err != nil {
		return errors.Join(fmt.Errorf("say in the state directory where the daemon is: %w", err), os.Remove(temporary.Name()))
	}
	return nil
}
