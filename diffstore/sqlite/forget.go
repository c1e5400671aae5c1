package sqlite

import (
	"errors"
	"io/fs"
	"os"
)

// forgottenEnding marks a snapshot that is being removed. Once a file bears it, what else there is of the snapshot
// counts for nothing, so that a crash half-way leaves either a whole snapshot or none.
const forgottenEnding = ".forgotten"

func (d *database) forget() error {
	err := os.Rename(d.path, d.path+forgottenEnding)
	if errors.Is(err, fs.ErrNotExist) {
		// A damaged snapshot may have no file but traces of one.
		err = write(d.path+forgottenEnding, nil)
	}
	if err == nil {
		err = d.syncDir()
	}
	if err != nil {
		return d.failure("forget", err)
	}
	return d.finishForgetting()
}

func (d *database) finishForgetting() error {
	err := removeAll(d.path+"-wal", d.path+"-shm", d.path+sealEnding)
	if err == nil {
		err = d.syncDir()
	}
	if err == nil {
		err = removeAll(d.path + forgottenEnding)
	}
	return d.failure("forget", err)
}
