package mappings

import "slices"

// Columns returns the places of the columns that the mapping reads: those of the key in its order, then those that
// fields and expressions name, in the order of the model. No other column has any influence on a record.
func (m *Mapping) Columns() []int { return slices.Clone(m.reads) }

// findReads derives what Columns returns.
func (m *Mapping) findReads() {
	var fields []int
	for i := range m.fields {
		switch f := &m.fields[i]; f.kind {
		case fromColumn:
			fields = append(fields, f.column)
		case fromExpression:
			fields = append(fields, f.expression.reads...)
		case fromConstant:
		}
	}
	slices.Sort(fields)
	keys := make([]int, len(m.key))
	for i := range m.key {
		keys[i] = m.key[i].column
	}
	m.reads = keys
	for _, at := range slices.Compact(fields) {
		if !slices.Contains(keys, at) {
			m.reads = append(m.reads, at)
		}
	}
}
