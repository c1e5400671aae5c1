package warehousetest

import (
	"errors"
	"testing"

	"spillway/warehouse"
)

// truncation holds every way in which a result can lose rows without a word from the driver to invariant 5: it never
// ends as a complete one does, however it is read.
func (s Suite) truncation(t *testing.T) {
	t.Parallel()
	for name, open := range s.Cut {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cut := s
			cut.Open = open
			w := cut.open(t)
			t.Run("decoded", func(t *testing.T) { s.truncated(t, w, false) })
			if s.Packs {
				t.Run("packed", func(t *testing.T) { s.truncated(t, w, true) })
			}
		})
	}
}

func (s Suite) truncated(t *testing.T, w warehouse.Warehouse, packed bool) {
	t.Helper()
	rows, err := w.Query(t.Context(), warehouse.Query{SQL: s.numbers(chunky)})
	if err == nil {
		defer func() { _ = rows.Close() }()
		if packed {
			p := packer(t, rows, 0)
			for err == nil {
				_, err = p.NextPacked(t.Context(), nil)
			}
		} else {
			for err == nil {
				_, err = rows.Next(t.Context())
			}
		}
		_, again := rows.Next(t.Context())
		mustNotEnd(t, again)
	}
	mustNotEnd(t, err)
	if !errors.Is(err, warehouse.ErrTruncated) {
		t.Errorf("the result ended with %v, want %v", err, warehouse.ErrTruncated)
	}
}
