package sqlite

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/zeebo/xxh3"
)

// A seal is a small file beside the database that holds the size and the hash of the database as it was closed. It is
// removed, durably, before the first write of a session. So damage to a file at rest is found whatever bit it hits,
// while SQLite alone finds what breaks the structure.
const sealEnding = ".seal"

// checkSeal reports whether the file is sealed, and fails if it is not what was sealed.
func (d *database) checkSeal() (sealed bool, err error) {
	want, err := d.readSeal()
	if err != nil || want == nil {
		return false, err
	}
	have, err := d.hashFile()
	if err != nil {
		return false, d.failure("check", err)
	}
	if bytes.Equal(want, have) {
		return true, nil
	}
	// A session in another process may have broken the seal and written meanwhile.
	if again, err := d.readSeal(); err != nil || !bytes.Equal(again, want) {
		return false, err
	}
	return false, d.damaged("its content is not what was written")
}

func (d *database) readSeal() ([]byte, error) {
	seal, err := os.ReadFile(d.path + sealEnding)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err == nil && len(seal) == 0 {
		return nil, d.damaged("its seal is empty")
	}
	return seal, d.failure("check", err)
}

func (d *database) hashFile() (seal []byte, err error) {
	f, err := os.Open(d.path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	h := xxh3.New()
	size, err := io.CopyBuffer(h, onlyReader{f}, make([]byte, 1<<20))
	if err != nil {
		return nil, err
	}
	sum := h.Sum128()
	return fmt.Appendf(nil, "spillway-seal-1 %d %016x%016x\n", size, sum.Hi, sum.Lo), nil
}

type onlyReader struct{ io.Reader }

// breakSeal allows the file to be written.
func (d *database) breakSeal() error {
	err := os.Remove(d.path + sealEnding)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = d.syncDir()
	}
	return d.failure("write to", err)
}

// closeSealed closes a file that was written to. It is sealed unless a reader keeps it from being complete.
func (d *database) closeSealed(ctx context.Context) error {
	complete, err := d.checkpoint(ctx)
	if err = errors.Join(err, d.failure("close", d.Close())); err != nil || !complete {
		return err
	}
	seal, err := d.hashFile()
	if err == nil {
		err = publish(d.path+sealEnding, seal)
	}
	return d.failure("close", err)
}

// checkpoint moves what is in the write-ahead log to the file and empties the log. It does not wait for readers: where
// one is in the way it reports false, and a later session completes it.
func (d *database) checkpoint(ctx context.Context) (complete bool, err error) {
	var state struct{ Busy, Log, Checkpointed int }
	_, err = d.ExecContext(ctx, "pragma busy_timeout = 0")
	if err == nil {
		err = d.GetContext(ctx, &state, "pragma wal_checkpoint(truncate)")
	}
	if err == nil {
		_, err = d.ExecContext(ctx, fmt.Sprintf("pragma busy_timeout = %d", patience.Milliseconds()))
	}
	return state.Busy == 0, d.failure("write to", err)
}
