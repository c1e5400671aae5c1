package snapshot

import (
	"unsafe"

	"spillway/diffstore"
)

// knowns makes the Knowns of plain records, of which there may be one for each row, a number of them at a time. They are
// their receiver's, like what they hold.
type knowns struct {
	items []diffstore.Known
	ids   []string
	texts []byte
}

const (
	knownsAtOnce = 64
	textsAtOnce  = 8 << 10
)

// known returns what callers may know of the key of a record.
func (m *knowns) known(r *record, key string, session uint64) (*diffstore.Known, error) {
	if r.kind != plain {
		s, err := r.stored(session)
		if err != nil {
			return nil, err
		}
		return s.state.Known(key), nil
	}
	if len(m.items) == cap(m.items) {
		m.items = make([]diffstore.Known, 0, knownsAtOnce)
	}
	m.items = append(m.items, diffstore.Known{Key: key, Accepted: true, Sum: toSum(r.sum), Detail: m.copied(r.detail)})
	k := &m.items[len(m.items)-1]
	if len(r.id) == 0 {
		return k, nil
	}
	if len(m.ids) == cap(m.ids) {
		m.ids = make([]string, 0, knownsAtOnce)
	}
	id := m.copied(r.id)
	m.ids = append(m.ids, unsafe.String(unsafe.SliceData(id), len(id)))
	k.IDs = m.ids[len(m.ids)-1 : len(m.ids) : len(m.ids)]
	return k, nil
}

// copied returns a copy of b, which nobody changes, or nil.
func (m *knowns) copied(b []byte) []byte {
	switch {
	case len(b) == 0:
		return nil
	case len(b) > textsAtOnce/8:
		return clone(b)
	case cap(m.texts)-len(m.texts) < len(b):
		m.texts = make([]byte, 0, textsAtOnce)
	}
	from := len(m.texts)
	m.texts = append(m.texts, b...)
	return m.texts[from:len(m.texts):len(m.texts)]
}
