package diffstoretest

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"spillway/diffstore"
)

// row is one row of a source.
type row struct {
	key, id, value string
	first          string // a field that is only sent on insert
	unmapped       bool
}

func (r row) entry(sum func(string) diffstore.Sum) diffstore.Entry {
	if r.unmapped {
		return diffstore.Entry{Key: r.key, Unmapped: true}
	}
	record := r.id + "\x00" + r.value
	return diffstore.Entry{
		Key: r.key, ID: r.id, Sum: sum(record), First: sum(record + "\x00" + r.first), Detail: []byte("detail of " + r.value),
	}
}

// source is a table that is edited at random. Its keys, identifiers and values are few, so that what was left behind
// is met again.
type source struct {
	rand *rand.Rand
	rows map[string]row
}

const (
	sourceKeys   = 6
	sourceIDs    = 7
	sourceValues = 3
)

func newSource(r *rand.Rand) *source {
	s := &source{rand: r, rows: map[string]row{}}
	for range sourceKeys {
		s.edit()
	}
	return s
}

func (s *source) key() string   { return fmt.Sprintf("k%d", s.rand.IntN(sourceKeys)) }
func (s *source) id() string    { return fmt.Sprintf("id%d", s.rand.IntN(sourceIDs)) }
func (s *source) value() string { return fmt.Sprintf("v%d", s.rand.IntN(sourceValues)) }

// edit changes one thing.
func (s *source) edit() {
	key := s.key()
	r, there := s.rows[key]
	if !there {
		s.rows[key] = row{key: key, id: s.id(), value: s.value(), first: s.value()}
		return
	}
	switch s.rand.IntN(8) {
	case 0, 1:
		r.value = s.value()
	case 2:
		r.first = s.value()
	case 3, 4:
		r.id = s.id() // perhaps one that another key stands under
	case 5:
		if other, ok := s.rows[s.key()]; ok {
			r.id, other.id = other.id, r.id
			s.rows[other.key] = other
			if other.key == key {
				return
			}
		}
	default:
		delete(s.rows, key)
		return
	}
	s.rows[key] = r
}

// read returns the rows in a random order, some of them unmapped, some keys twice.
func (s *source) read(unmapped, twice int) []row {
	var rows []row
	for _, key := range sorted(s.rows) {
		r := s.rows[key]
		r.unmapped = s.rand.IntN(100) < unmapped
		rows = append(rows, r)
		for s.rand.IntN(100) < twice {
			again := r
			again.unmapped, again.value, again.id = s.rand.IntN(3) == 0, s.value(), s.id()
			rows = append(rows, again)
		}
	}
	s.rand.Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
	return rows
}

// separate gives every key an identifier of its own.
func (s *source) separate() {
	used := map[string]bool{}
	for _, key := range sorted(s.rows) {
		r := s.rows[key]
		for used[r.id] {
			r.id = s.id()
		}
		used[r.id] = true
		s.rows[key] = r
	}
}

// standing returns the rows by identifier that count: mapped, and alone with their key.
func standing(rows []row) map[string][]row {
	keys := map[string]int{}
	for _, r := range rows {
		keys[r.key]++
	}
	at := map[string][]row{}
	for _, r := range rows {
		if !r.unmapped && keys[r.key] == 1 {
			at[r.id] = append(at[r.id], r)
		}
	}
	return at
}

// unsure reports whether key is present in rows without an identifier that counts.
func unsure(rows []row, key string) bool {
	mine := slices.DeleteFunc(slices.Clone(rows), func(r row) bool { return r.key != key })
	return len(mine) > 1 || (len(mine) == 1 && mine[0].unmapped)
}
