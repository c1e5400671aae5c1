package mappings

import (
	"crypto/sha256"
	"encoding/binary"

	"spillway/destinations"
)

// renderVersion is part of every fingerprint. It is raised whenever Render makes another record of the same row, so
// that rows which were rendered by an older release are rendered again instead of being taken as unchanged.
const renderVersion = 1

// Fingerprint is a sum over all that decides which record the mapping makes of given values: the columns that it
// reads, what it does with them, and what the destination told of its object and fields. Columns that it does not read
// and their places have no part in it.
type Fingerprint [sha256.Size]byte

// Fingerprint returns the mapping's fingerprint.
func (m *Mapping) Fingerprint() Fingerprint { return m.fingerprint }

// sum derives the fingerprint.
func (m *Mapping) sum(columns columnSet) Fingerprint {
	b := []byte{renderVersion, canonicalVersion}
	b = appendFlag(b, m.fold)
	b = binary.AppendUvarint(b, uint64(len(m.reads)))
	ordinal := make(map[int]uint64, len(m.reads))
	for i, at := range m.reads {
		ordinal[at] = uint64(i)
		b = append(appendText(b, columns[at].Name), byte(columns[at].Type))
	}
	b = binary.AppendUvarint(b, uint64(len(m.key)))
	for _, k := range m.key {
		b = binary.AppendUvarint(b, ordinal[k.column])
	}
	identifier := ""
	if m.identifier >= 0 {
		identifier = m.fields[m.identifier].name
	}
	b = appendText(b, identifier)
	b = binary.AppendUvarint(b, uint64(len(m.fields)))
	for _, i := range m.sorted {
		b = m.fields[i].appendTo(b, ordinal)
	}
	return sha256.Sum256(b)
}

// appendTo appends all that decides the field's value.
func (f *field) appendTo(b []byte, ordinal map[int]uint64) []byte {
	b = appendText(b, f.name)
	b = appendFlag(b, f.insertOnly)
	b = append(b, byte(f.onNull), byte(f.kind))
	b = appendText(b, string(f.target))
	switch f.kind {
	case fromColumn:
		b = binary.AppendUvarint(b, ordinal[f.column])
	case fromExpression:
		b = appendText(b, f.expression.source)
	case fromConstant:
		b = appendConstant(b, f.constant)
	}
	b = appendFlag(b, f.values != nil)
	b = binary.AppendUvarint(b, uint64(len(f.values)))
	for _, text := range sortedKeys(f.values) {
		b = appendConstant(appendText(b, text), f.values[text])
	}
	b = appendFlag(b, f.hasFallback)
	b = appendConstant(b, f.fallback)
	b = appendFlag(b, f.enum != nil)
	if f.enum != nil {
		b = binary.AppendUvarint(b, uint64(len(f.enum.names)))
		for _, name := range f.enum.names {
			b = appendText(b, name)
		}
	}
	return b
}

func appendFlag(b []byte, set bool) []byte {
	if set {
		return append(b, 1)
	}
	return append(b, 0)
}

// appendConstant appends the stored form of v, which keeps apart what is sent in different ways.
func appendConstant(b []byte, v destinations.Value) []byte {
	form := AppendFields(nil, destinations.Fields{{Value: v}})
	return append(binary.AppendUvarint(b, uint64(len(form))), form...)
}
