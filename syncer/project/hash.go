package project

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"spillway/mappings"
	"spillway/syncer/settings"
)

// identity is everything that decides what a run of a sync reads and sends. What only decides when it runs, how fast,
// and what holds it back is left out, and so are secrets.
type identity struct {
	SQL         string
	Warehouse   system
	Destination system
	Object      string
	Mode        string
	Key         []string
	Identifier  string
	OnRemoved   string
	Fields      []fieldIdentity
	Sent        DeliveredFields `json:",omitempty"`
}

type system struct {
	Name, Type string
	Settings   map[string]any
}

type fieldIdentity struct {
	Name, Column, Expr string
	Value, Default     any
	Map                map[string]any
	Type               string
	OnNull             mappings.OnNull
	When               mappings.When
}

// Hash returns a sum, in hexadecimal, over all that decides what a run of s reads and sends: it stays the same however
// the files are laid out, and where only schedules, guards, limits or secrets change.
func (p *Project) Hash(s *Sync) string {
	w, d := p.Warehouses[s.Warehouse], p.Destinations[s.Destination]
	id := identity{
		SQL:         s.SQL,
		Warehouse:   system{Name: w.Name, Type: w.Kind.Name, Settings: settings.Public(w.Config)},
		Destination: system{Name: d.Name, Type: d.Kind.Name, Settings: settings.Public(d.Config)},
		Object:      s.Object, Mode: string(s.Mode), Key: s.Key, Identifier: s.Identifier, OnRemoved: s.OnRemoved,
	}
	if s.Delivery.Fields != AllFields {
		id.Sent = s.Delivery.Fields
	}
	for _, f := range s.Mapping.Fields {
		id.Fields = append(id.Fields, fieldIdentity{
			Name: f.Name, Column: f.Column, Expr: f.Expr, Value: typed(f.Value), Default: typed(f.Default),
			Map: typedMap(f.Map), Type: string(f.Type), OnNull: f.OnNull, When: f.When,
		})
	}
	slices.SortFunc(id.Fields, func(a, b fieldIdentity) int { return cmp.Compare(a.Name, b.Name) })
	text, err := json.Marshal(id)
	if err != nil {
		// Settings are made of what TOML can say, less what JSON cannot.
		panic(fmt.Sprintf("project: the identity of sync %s: %s", s.Name, err))
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// typed tells values apart that JSON would write alike: 1 and 1.0, a time and its text.
func typed(value any) any {
	switch v := value.(type) {
	case []any:
		list := make([]any, len(v))
		for i, element := range v {
			list[i] = typed(element)
		}
		return list
	case map[string]any:
		return typedMap(v)
	case time.Time:
		return []any{"time", v.UTC()}
	case float64:
		return []any{"float", v}
	}
	return value
}

func typedMap(m map[string]any) map[string]any {
	typedValues := make(map[string]any, len(m))
	for key, value := range m {
		typedValues[key] = typed(value)
	}
	return typedValues
}
