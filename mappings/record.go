package mappings

import "spillway/destinations"

// Record is a rendered row. It belongs to its caller, who may hand the same one to Render again and again: what
// it holds, and the slices its methods return, are valid until then. The zero Record is ready for use.
type Record struct {
	Key       string // the model's primary key as text
	ID        string // the identifier's value; empty for objects that only append
	CompareID string // ID in the form in which two that mean the same record are equal

	// Fields is what an insert sends: all fields that the record has, in the order of the mapping.
	Fields destinations.Fields

	mapping *Mapping
	slots   []int // for each field of the mapping its place in Fields, or -1
	update  destinations.Fields
	scratch scratch
}

// Update returns the fields of a record that was accepted before: those without when = "insert".
func (r *Record) Update() destinations.Fields {
	if r.mapping == nil || !r.mapping.insertOnly {
		return r.Fields
	}
	return r.update
}

// AppendCanonical appends the canonical form of Update: two records have the same one exactly if they send the
// same, whatever the warehouse's driver or the order in which the fields are declared.
func (r *Record) AppendCanonical(dst []byte) []byte { return r.appendCanonical(dst, false) }

// AppendCanonicalInsert appends the canonical form of Fields. It is that of AppendCanonical for a mapping
// without fields of when = "insert".
func (r *Record) AppendCanonicalInsert(dst []byte) []byte { return r.appendCanonical(dst, true) }

func (r *Record) appendCanonical(dst []byte, inserting bool) []byte {
	dst = append(dst, canonicalVersion)
	if r.mapping == nil {
		return dst
	}
	for _, i := range r.mapping.sorted {
		f := &r.mapping.fields[i]
		at := r.slots[i]
		if at < 0 || f.insertOnly && !inserting {
			continue
		}
		dst = appendText(dst, f.name)
		dst = appendCanonicalValue(dst, r.Fields[at].Value)
	}
	return dst
}

// EachField calls yield with the name and the canonical form of each field of Update, sorted by name, until
// yield returns false. The form is valid during the call.
func (r *Record) EachField(yield func(name string, canonical []byte) bool) {
	if r.mapping == nil {
		return
	}
	for _, i := range r.mapping.sorted {
		f := &r.mapping.fields[i]
		if at := r.slots[i]; at >= 0 && !f.insertOnly {
			r.scratch.field = appendCanonicalValue(append(r.scratch.field[:0], canonicalVersion), r.Fields[at].Value)
			if !yield(f.name, r.scratch.field) {
				return
			}
		}
	}
}

// reset makes r an empty record of m.
func (r *Record) reset(m *Mapping) {
	r.Key = ""
	r.mapping = m
	if len(r.slots) != len(m.fields) {
		r.slots = make([]int, len(m.fields))
	}
	r.drop()
}

// drop leaves nothing of r but its key.
func (r *Record) drop() {
	r.ID, r.CompareID = "", ""
	r.Fields = r.Fields[:0]
	r.update = r.update[:0]
	for i := range r.slots {
		r.slots[i] = -1
	}
}

// scratch is memory that rendering uses again from row to row.
type scratch struct {
	key   []byte
	field []byte
	frame frame
}
