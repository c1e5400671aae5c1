package snapshot

import (
	"cmp"
	"slices"
)

// merge goes through the newest records of several cursors, each older than the one before it.
type merge struct {
	heap    []standing // the one with the least hash first, of those the newest
	current []*cursor  // those that stand at the record that was returned, or at an older one of its key
}

// standing is a cursor with the hash that it stands at.
type standing struct {
	hash uint64
	age  int
	*cursor
}

func (a *standing) before(b *standing) bool {
	return a.hash < b.hash || (a.hash == b.hash && a.age < b.age)
}

func newMerge(cursors []*cursor) *merge {
	m := &merge{}
	for age, c := range cursors {
		if c.age = age; c.first() {
			m.push(c)
		}
	}
	return m
}

// next returns the cursor that stands at the next record, or nil after the last.
func (m *merge) next() (*cursor, error) {
	m.advance()
	switch {
	case len(m.heap) == 0:
		return nil, nil
	case (len(m.heap) > 1 && m.heap[1].hash == m.heap[0].hash) || (len(m.heap) > 2 && m.heap[2].hash == m.heap[0].hash):
		return m.newest()
	}
	m.current = append(m.current, m.heap[0].cursor)
	return m.heap[0].cursor, nil
}

// advance moves on from the record that was returned.
func (m *merge) advance() {
	if len(m.current) == 1 && len(m.heap) > 0 && m.heap[0].cursor == m.current[0] {
		if c := m.current[0]; c.next() {
			m.heap[0].hash = c.hash
			m.down()
		} else {
			m.pop()
		}
	} else {
		for _, c := range m.current {
			if c.next() {
				m.push(c)
			}
		}
	}
	m.current = m.current[:0]
}

// newest picks, of several records whose keys have one hash, the first key and the newest record of it. The cursors at
// that key are taken off the heap.
func (m *merge) newest() (*cursor, error) {
	var least []byte
	var of, others []*cursor
	for hash := m.heap[0].hash; len(m.heap) > 0 && m.heap[0].hash == hash; {
		c := m.pop()
		r, err := c.record()
		if err != nil {
			return nil, err
		}
		order := cmp.Compare(string(r.key), string(least))
		switch {
		case of == nil || order < 0:
			least, of, others = r.key, []*cursor{c}, append(others, of...)
		case order == 0:
			of = append(of, c)
		default:
			others = append(others, c)
		}
	}
	for _, c := range others {
		m.push(c)
	}
	slices.SortFunc(of, func(a, b *cursor) int { return cmp.Compare(a.age, b.age) })
	m.current = of
	return of[0], nil
}

func (m *merge) push(c *cursor) {
	m.heap = append(m.heap, standing{c.hash, c.age, c})
	for i := len(m.heap) - 1; i > 0; {
		up := (i - 1) / 2
		if !m.heap[i].before(&m.heap[up]) {
			return
		}
		m.heap[i], m.heap[up] = m.heap[up], m.heap[i]
		i = up
	}
}

func (m *merge) pop() *cursor {
	c, last := m.heap[0].cursor, len(m.heap)-1
	m.heap[0] = m.heap[last]
	m.heap = m.heap[:last]
	m.down()
	return c
}

// down puts the first of the heap where it belongs.
func (m *merge) down() {
	if len(m.heap) == 0 {
		return
	}
	h, moved, i := m.heap, m.heap[0], 0
	for {
		least := 2*i + 1
		if least >= len(h) {
			break
		}
		if least+1 < len(h) && h[least+1].before(&h[least]) {
			least++
		}
		if !h[least].before(&moved) {
			break
		}
		h[i] = h[least]
		i = least
	}
	h[i] = moved
}
