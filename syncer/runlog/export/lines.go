package export

import (
	"encoding/json"
	"io"
)

// lines writes a JSON object a line.
type lines[T any] struct{ encoder *json.Encoder }

func newLines[T any](w io.Writer) *lines[T] {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return &lines[T]{e}
}

func (l *lines[T]) write(record *T) error { return l.encoder.Encode(record) }

func (l *lines[T]) close() error { return nil }
