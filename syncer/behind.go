package syncer

import "os"

// behindBytes is how many bytes are written at a time.
const behindBytes = 1 << 18

// behind writes to a file while its caller goes on, one block at a time and in their order. It is used by one goroutine,
// and an error comes with a later call, of which Flush is the last.
type behind struct {
	file   *os.File                 // nil until something is written, where open makes it
	open   func() (*os.File, error) // nil where there is a file from the start
	filled []byte
	spare  []byte
	done   chan error // of the block that is being written
	busy   bool       // there is one
	err    error      // of an earlier block
}

func newBehind(f *os.File) *behind {
	return &behind{
		file: f, done: make(chan error, 1),
		filled: make([]byte, 0, behindBytes+behindBytes/4), spare: make([]byte, 0, behindBytes+behindBytes/4),
	}
}

// Write takes b, which may be used again when it returns.
func (w *behind) Write(b []byte) (int, error) {
	w.filled = append(w.filled, b...)
	if len(w.filled) >= behindBytes {
		w.begin()
	}
	return len(b), w.err
}

// begin has what was filled written.
func (w *behind) begin() {
	if w.wait(); w.err != nil || len(w.filled) == 0 {
		w.filled = w.filled[:0]
		return
	}
	if w.file == nil {
		if w.file, w.err = w.open(); w.err != nil {
			return
		}
	}
	block := w.filled
	w.filled, w.spare = w.spare[:0], block
	w.busy = true
	go func() {
		_, err := w.file.Write(block)
		w.done <- err
	}()
}

// wait returns when no block is being written.
func (w *behind) wait() {
	if w.busy {
		w.err, w.busy = <-w.done, false
	}
}

// Flush returns when all is written, or with the error that not all of it is.
func (w *behind) Flush() error {
	w.begin()
	w.wait()
	return w.err
}
