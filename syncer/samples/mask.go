package samples

import (
	"encoding/json"
	"slices"
	"strings"
)

// Hidden stands in a sample where a value was cut out.
const Hidden = "•••"

// Mask cuts values out of what is kept: those of some fields wherever they stand, by the fields' names, and other values
// by what they are.
type Mask struct {
	fields []string // lower-case
}

// NewMask returns a mask of the fields called so. A name with dots is a path in nested records.
func NewMask(fields []string) *Mask {
	m := &Mask{}
	for _, f := range fields {
		m.fields = append(m.fields, strings.ToLower(strings.TrimSpace(f)))
	}
	return m
}

// Covers says whether the field at a path, its steps joined by dots, is one of the mask's.
func (m *Mask) Covers(path string) bool {
	path = strings.ToLower(path)
	return slices.ContainsFunc(m.fields, func(f string) bool { return path == f || strings.HasSuffix(path, "."+f) })
}

// document cuts what is to be hidden out of a value of JSON that stands at a path.
func (m *Mask) document(value any, path string, values finder) any {
	switch value := value.(type) {
	case object:
		named := m.named(value)
		for n := range value {
			at := join(path, value[n].name)
			if m.Covers(at) || named && (value[n].name == "value" || value[n].name == "values") {
				value[n].value = hide(value[n].value)
			} else {
				value[n].value = m.document(value[n].value, at, values)
			}
			value[n].name = values.cut(value[n].name)
		}
		return value
	case []any:
		for n := range value {
			value[n] = m.document(value[n], path, values)
		}
		return value
	case string:
		return values.cut(value)
	case json.Number:
		if text := values.cut(value.String()); text != value.String() {
			return text
		}
	}
	return value
}

// named says whether an object gives the value of a masked field beside its name, as {"name":"email","value":"…"} does.
func (m *Mask) named(o object) bool {
	return slices.ContainsFunc(o, func(member member) bool {
		text, ok := member.value.(string)
		return ok && member.name != "value" && m.Covers(text)
	})
}

// hide hides a value; that there is none may be seen.
func hide(value any) any {
	if value == nil {
		return nil
	}
	return Hidden
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// Leaves calls visit with each text and number in a document of JSON that stands at a path of the mask.
func (m *Mask) Leaves(text []byte, visit func(value string)) {
	document, err := parse(text)
	if err != nil {
		return
	}
	m.leaves(document, "", false, visit)
}

func (m *Mask) leaves(value any, path string, covered bool, visit func(string)) {
	switch value := value.(type) {
	case object:
		for _, member := range value {
			at := join(path, member.name)
			m.leaves(member.value, at, covered || m.Covers(at), visit)
		}
	case []any:
		for _, element := range value {
			m.leaves(element, path, covered, visit)
		}
	case string:
		if covered {
			visit(value)
		}
	case json.Number:
		if covered {
			visit(value.String())
		}
	}
}
