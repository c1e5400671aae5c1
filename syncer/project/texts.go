package project

import (
	"strings"

	"spillway/destinations"
	"spillway/mappings"
)

// texts are the short texts of a project's syncs, each kept once: thousands of syncs use the same few names. What is read
// of a file would else keep the whole of its text in memory.
type texts map[string]string

func (t texts) one(s string) string {
	if kept, ok := t[s]; ok {
		return kept
	}
	s = strings.Clone(s)
	t[s] = s
	return s
}

func (t texts) list(list []string) []string {
	for i := range list {
		list[i] = t.one(list[i])
	}
	return list
}

// share brings a sync to the texts that are kept.
func (t texts) share(s *Sync) {
	for _, text := range []*string{&s.Warehouse, &s.Destination, &s.Object, &s.Identifier, &s.OnRemoved, &s.Schedule, &s.Model, &s.Table} {
		*text = t.one(*text)
	}
	s.Mode = destinations.Op(t.one(string(s.Mode)))
	s.Overlap, s.CatchUp = Overlap(t.one(string(s.Overlap))), CatchUp(t.one(string(s.CatchUp)))
	s.Delivery.Fields = DeliveredFields(t.one(string(s.Delivery.Fields)))
	s.Key, s.After, s.Tags = t.list(s.Key), t.list(s.After), t.list(s.Tags)
	m := &s.Mapping
	m.Destination, m.Object, m.Key, m.Identifier, m.Mode, m.OnRemoved = s.Destination, s.Object, s.Key, s.Identifier, s.Mode, s.OnRemoved
	for i := range m.Lines {
		m.Lines[i].Key = t.one(m.Lines[i].Key)
	}
	fields := make([]mappings.Field, len(m.Fields)) // without the room that appending left
	for i, f := range m.Fields {
		f.Name, f.Column, f.Expr = t.one(f.Name), t.one(f.Column), t.one(f.Expr)
		f.Type = destinations.FieldType(t.one(string(f.Type)))
		f.Value, f.Default = t.value(f.Value), t.value(f.Default)
		if f.Map != nil {
			f.Map = t.table(f.Map)
		}
		fields[i] = f
	}
	m.Fields = fields
}

// value is a constant of a mapping with its texts shared.
func (t texts) value(value any) any {
	switch v := value.(type) {
	case string:
		return t.one(v)
	case []any:
		for i := range v {
			v[i] = t.value(v[i])
		}
	case map[string]any:
		return t.table(v)
	}
	return value
}

func (t texts) table(m map[string]any) map[string]any {
	shared := make(map[string]any, len(m))
	for key, value := range m {
		shared[t.one(key)] = t.value(value)
	}
	return shared
}
