package mappings

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"
	"unicode/utf8"

	"spillway/destinations"
	"spillway/warehouse"
)

// Encode renders a row into e as Render renders one into a Record, and with the same outcome; but what a column holds
// goes straight into the forms that are compared and stored, and no value is boxed where that can be helped. Cells has
// an element for each column of the model, of which those that the mapping reads count.
func (m *Mapping) Encode(cells []warehouse.Cell, e *Encoded) error {
	e.reset(m)
	if len(cells) == m.width && m.encode(cells, e) {
		return nil
	}
	return m.encodeLong(cells, e)
}

// encodeLong leaves the row to Render, which alone decides what is wrong with one.
func (m *Mapping) encodeLong(cells []warehouse.Cell, e *Encoded) error {
	row := make(warehouse.Row, len(cells))
	for _, at := range m.reads {
		if at < len(cells) {
			row[at] = cells[at].Value()
		}
	}
	err := m.Render(row, &e.record)
	e.reset(m)
	e.setKey(append(e.text, e.record.Key...))
	if err != nil {
		return err
	}
	e.setIdentifier(e.record.ID, e.record.CompareID)
	for _, i := range m.sorted {
		if at := e.record.slots[i]; at >= 0 {
			e.open(i)
			e.putValue(e.record.Fields[at].Value)
			e.close(i)
		}
	}
	e.finish()
	return nil
}

// encode is not ok where a row is not valid, or is not certain to be.
func (m *Mapping) encode(cells []warehouse.Cell, e *Encoded) (ok bool) {
	if !m.encodeKey(cells, e) {
		return false
	}
	for _, i := range m.sorted {
		e.open(i)
		put, ok := m.fields[i].encode(cells, e)
		if !ok {
			return false
		}
		if put {
			e.close(i)
		} else {
			e.cancel(i)
		}
	}
	e.finish()
	return m.encodeIdentifier(e)
}

// encode puts the field's value, unless the record is not to have it.
func (f *field) encode(cells []warehouse.Cell, e *Encoded) (put, ok bool) {
	if f.direct {
		c := &cells[f.column]
		switch null := isNullCell(c); {
		case null && !f.hasFallback && f.onNull == leaveOut:
			return false, true
		case null && !f.hasFallback:
			e.canonical = append(e.canonical, tagNull)
			return true, true
		case !null && e.putCell(c, f.target):
			return true, true
		}
		e.reopen()
	}
	return f.encodeValue(cells, e)
}

// encodeValue renders the value as Render does.
func (f *field) encodeValue(cells []warehouse.Cell, e *Encoded) (put, ok bool) {
	switch f.kind {
	case fromColumn:
		e.row[f.column] = cells[f.column].Value()
	case fromExpression:
		for _, at := range f.expression.reads {
			e.row[at] = cells[at].Value()
		}
	case fromConstant:
	}
	value, failed := f.value(e.row, &e.record)
	if failed != nil || !f.takes(value) {
		return false, false
	}
	if value == nil && f.onNull == leaveOut {
		return false, true
	}
	e.putValue(value)
	return true, true
}

// encodeKey sets the key if it is valid.
func (m *Mapping) encodeKey(cells []warehouse.Cell, e *Encoded) bool {
	if m.HasTextKey() {
		e.keys.cells, e.keys.columns = cells, m.key
		if key, ok := m.AppendKey(e.text, &e.keys); ok {
			e.setKey(key)
			return true
		}
	}
	for _, k := range m.key {
		e.row[k.column] = cells[k.column].Value()
	}
	key, scratch, failed := m.keyText(e.row, e.record.scratch.key)
	e.record.scratch.key = scratch
	e.setKey(append(e.text, key...))
	return failed == nil
}

// encodeIdentifier takes the identifier from the value that was put for it. Values that are not text, which it seldom
// has, are left to Render.
func (m *Mapping) encodeIdentifier(e *Encoded) bool {
	if m.identifier < 0 {
		return true
	}
	stored := e.Stored(m.identifier)
	if len(stored) == 0 || stored[0] != tagString && stored[0] != tagNumber && stored[0] != tagDate {
		return false
	}
	n, size := binary.Uvarint(stored[1:])
	id := stored[1+size:][:n]
	if len(id) > maxKey || len(bytes.TrimSpace(id)) == 0 {
		return false
	}
	from := len(e.text)
	e.text = append(e.text, id...)
	e.ID = e.text[from:]
	e.CompareID = e.ID
	if m.fold {
		from = len(e.text)
		e.text = appendLower(e.text, e.ID)
		e.ID, e.CompareID = e.text[from-len(id):from], e.text[from:]
	}
	e.Key = e.text[:len(e.Key)]
	return true
}

// appendLower appends strings.ToLower of text.
func appendLower(dst, text []byte) []byte {
	for _, c := range text {
		if c >= utf8.RuneSelf {
			return append(dst, strings.ToLower(string(text))...)
		}
	}
	from := len(dst)
	dst = append(dst, text...)
	for i, c := range dst[from:] {
		if c >= 'A' && c <= 'Z' {
			dst[from+i] = c + 'a' - 'A'
		}
	}
	return dst
}

// takes reports whether the field may hold a value of its source.
func (f *field) takes(v destinations.Value) bool {
	return f.enum == nil || f.kind == fromConstant || v == nil && f.onNull == leaveOut || f.enum.has(v)
}

// Encoded is a rendered row in the forms in which it is compared and stored. It belongs to its caller, who may hand the
// same one to Encode again and again: all that it returns is valid until then. The zero Encoded is ready for use.
type Encoded struct {
	Key       []byte // as in Record; empty where the key is not valid
	ID        []byte
	CompareID []byte

	mapping   *Mapping
	text      []byte // holds key and identifiers
	canonical []byte // of all fields
	update    []byte // of those that are not only sent on insert, where there are others
	stored    []byte // the stored forms that differ from the canonical ones
	places    []place
	count     int    // of the fields that it has
	begin     [2]int // where the value that is being put begins, in canonical and in stored

	row    warehouse.Row
	record Record
	keys   cellTexts
}

// place is where a field stands.
type place struct {
	has      bool
	from, to int  // its canonical form
	own      bool // it has a stored form of its own
	at, end  int  // which stands here
}

func (e *Encoded) reset(m *Mapping) {
	if e.mapping != m {
		e.mapping = m
		e.places = make([]place, len(m.fields))
		e.row = make(warehouse.Row, m.width)
		e.record.reset(m)
	}
	e.text, e.stored = e.text[:0], e.stored[:0]
	e.Key, e.ID, e.CompareID = nil, nil, nil
	e.canonical = append(e.canonical[:0], canonicalVersion)
	clear(e.places)
	e.count = 0
}

// Shrink lets go of memory that few rows need so much of.
func (e *Encoded) Shrink() {
	const most = 16 << 10
	if cap(e.canonical)+cap(e.update)+cap(e.stored)+cap(e.record.scratch.field) > most {
		*e = Encoded{}
	}
}

func (e *Encoded) setKey(text []byte) {
	e.text = text
	e.Key = text
}

func (e *Encoded) setIdentifier(id, compare string) {
	key, from := len(e.Key), len(e.text)
	e.text = append(append(e.text, id...), compare...)
	e.Key, e.ID, e.CompareID = e.text[:key], e.text[from:from+len(id)], e.text[from+len(id):]
}

// open begins a field, whose value is then put and which is then closed or cancelled.
func (e *Encoded) open(i int) {
	p := &e.places[i]
	*p = place{at: len(e.stored)}
	e.canonical = append(e.canonical, e.mapping.fields[i].prefix...)
	p.from = len(e.canonical)
	e.mark(p.from, p.at)
}

func (e *Encoded) close(i int) {
	p := &e.places[i]
	p.has, p.to, p.end = true, len(e.canonical), len(e.stored)
	p.own = p.end > p.at
	e.count++
}

func (e *Encoded) cancel(i int) {
	e.reopen()
	e.canonical = e.canonical[:len(e.canonical)-len(e.mapping.fields[i].prefix)]
}

// finish derives the form of the fields that are not only sent on insert.
func (e *Encoded) finish() {
	m := e.mapping
	if !m.insertOnly {
		return
	}
	e.update = append(e.update[:0], canonicalVersion)
	for _, i := range m.sorted {
		if f, p := &m.fields[i], &e.places[i]; p.has && !f.insertOnly {
			e.update = append(e.update, e.canonical[p.from-len(f.prefix):p.to]...)
		}
	}
}

// Canonical returns what Record.AppendCanonical appends.
func (e *Encoded) Canonical() []byte {
	if e.mapping.insertOnly {
		return e.update
	}
	return e.canonical
}

// CanonicalInsert returns what Record.AppendCanonicalInsert appends.
func (e *Encoded) CanonicalInsert() []byte { return e.canonical }

// HasInsertOnly reports whether CanonicalInsert is another form than Canonical.
func (e *Encoded) HasInsertOnly() bool {
	m := e.mapping
	return m.insertOnly && slices.ContainsFunc(m.sorted, func(i int) bool { return e.places[i].has && m.fields[i].insertOnly })
}

// Has reports whether the record has the i-th field of the mapping.
func (e *Encoded) Has(i int) bool { return e.places[i].has }

// AppendForm appends the canonical form of the i-th field of the mapping, if the record has it, as EachField gives it.
func (e *Encoded) AppendForm(dst []byte, i int) []byte {
	p := &e.places[i]
	return append(append(dst, canonicalVersion), e.canonical[p.from:p.to]...)
}

// Stored returns the i-th field's value in the form that AppendValue appends, or nothing where the record has not the
// field.
func (e *Encoded) Stored(i int) []byte {
	p := &e.places[i]
	if p.own {
		return e.stored[p.at:p.end]
	}
	if !p.has {
		return nil
	}
	return e.canonical[p.from:p.to]
}

// cellTexts gives the texts of a row's key.
type cellTexts struct {
	cells   []warehouse.Cell
	columns []keyColumn
}

// AppendKeyText implements KeyTexts.
func (t *cellTexts) AppendKeyText(dst []byte, n int) ([]byte, bool) {
	k := &t.columns[n]
	c := &t.cells[k.column]
	if c.Type != k.class {
		return dst, false
	}
	return appendCellText(dst, c)
}

// EachUpdate calls yield with the place in the mapping and the name of each field that EachField of the record gives, in
// the same order.
func (e *Encoded) EachUpdate(yield func(i int, name string)) {
	for _, i := range e.mapping.sorted {
		if f := &e.mapping.fields[i]; e.places[i].has && !f.insertOnly {
			yield(i, f.name)
		}
	}
}

// UpdateName returns the name of the n-th field that EachUpdate gives.
func (e *Encoded) UpdateName(n int) string {
	if e.count == len(e.mapping.fields) {
		return e.mapping.updates[n]
	}
	found := ""
	e.EachUpdate(func(_ int, name string) {
		if n == 0 {
			found = name
		}
		n--
	})
	return found
}

// EachMember calls yield with the name and the value of each field that EachUpdate gives, as they stand one after the
// other in the canonical form, in the same order. No member is the beginning of another.
func (e *Encoded) EachMember(yield func(member []byte)) {
	for _, i := range e.mapping.sorted {
		if f, p := &e.mapping.fields[i], &e.places[i]; p.has && !f.insertOnly {
			yield(e.canonical[p.from-len(f.prefix) : p.to])
		}
	}
}

// AppendStored appends what EachStored gives of each field: its place in the mapping, and its value.
func (e *Encoded) AppendStored(dst []byte, update bool) []byte {
	for i := range e.places {
		p := &e.places[i]
		if !p.has || update && e.mapping.fields[i].insertOnly {
			continue
		}
		dst = binary.AppendUvarint(dst, uint64(i))
		if p.own {
			dst = append(dst, e.stored[p.at:p.end]...)
		} else {
			dst = append(dst, e.canonical[p.from:p.to]...)
		}
	}
	return dst
}

// EachStored calls yield with the place in the mapping, the name and the stored value of each field of the record, in
// the order of the mapping: all fields, or with update those that are not only sent on insert.
func (e *Encoded) EachStored(update bool, yield func(i int, name string, stored []byte)) {
	for i := range e.places {
		if f := &e.mapping.fields[i]; e.places[i].has && (!update || !f.insertOnly) {
			yield(i, f.name, e.Stored(i))
		}
	}
}
