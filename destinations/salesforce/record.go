package salesforce

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"spillway/destinations"
)

// instant is how Salesforce writes a time: ISO 8601 to the millisecond.
const instant = "2006-01-02T15:04:05.000Z"

// relation is a field that names the parent of a record by an external id of it: Account.Number__c. Where the parent may
// be of several objects, its own stands in front, as in the header of a CSV: User:Owner.Username.
type relation struct{ parent, name, field string }

func parseRelation(text string) (relation, bool) {
	path, field, ok := strings.Cut(text, ".")
	r := relation{name: path, field: field}
	if parent, name, several := strings.Cut(path, ":"); several {
		r.parent, r.name = parent, name
	}
	return r, ok
}

func (r relation) String() string {
	if r.parent != "" {
		return r.parent + ":" + r.name + "." + r.field
	}
	return r.name + "." + r.field
}

// losesParent says whether r is to have no parent of some kind any more.
func losesParent(r destinations.Record) bool {
	return slices.ContainsFunc(r.Fields, func(f destinations.FieldValue) bool {
		return blank(f.Value) && strings.Contains(f.Name, ".")
	})
}

// blank says whether v empties a field: Salesforce has no empty texts.
func blank(v destinations.Value) bool { return v == nil || v == "" }

// named are the fields that r is sent with, and Salesforce's id where r is known by that. The identifier stands among the
// fields of a record that may be made.
func named(b destinations.Batch, r destinations.Record) (id string, fields destinations.Fields) {
	switch b.Op {
	case destinations.Delete:
		return r.ID, nil
	case destinations.Update, destinations.Clear:
		return r.ID, without(r.Fields, b.Identifier)
	default:
	}
	fields = without(r.Fields, "")
	if _, ok := fields.Get(b.Identifier); !ok && b.Identifier != "" {
		fields = append(destinations.Fields{{Name: b.Identifier, Value: r.ID}}, fields...)
	}
	return "", fields
}

// without leaves out the field called name, and the id that is Salesforce's to give.
func without(fields destinations.Fields, name string) destinations.Fields {
	return slices.DeleteFunc(slices.Clone(fields), func(f destinations.FieldValue) bool { return f.Name == name || f.Name == recordID })
}

// appendRecord appends r as sObject Collections take it.
func appendRecord(dst []byte, b destinations.Batch, r destinations.Record) ([]byte, error) {
	id, fields := named(b, r)
	dst = appendType(append(dst, '{'), b.Object)
	if id != "" {
		dst = destinations.AppendText(append(dst, `,"id":`...), id)
	}
	for _, f := range fields {
		parent, nested := parseRelation(f.Name)
		var err error
		if !nested {
			dst = append(destinations.AppendText(append(dst, ','), f.Name), ':')
			if dst, err = destinations.AppendJSON(dst, plain(f.Value)); err != nil {
				return nil, err
			}
			continue
		}
		dst = append(destinations.AppendText(append(dst, ','), parent.name), ':', '{')
		if parent.parent != "" {
			dst = append(appendType(dst, parent.parent), ',')
		}
		dst = append(destinations.AppendText(dst, parent.field), ':')
		if dst, err = destinations.AppendJSON(dst, plain(f.Value)); err != nil {
			return nil, err
		}
		dst = append(dst, '}')
	}
	return append(dst, '}'), nil
}

func appendType(dst []byte, object string) []byte {
	return append(destinations.AppendText(append(dst, `"attributes":{"type":`...), object), '}')
}

// plain is v as JSON holds it for Salesforce, which knows no lists and no documents.
func plain(v destinations.Value) destinations.Value {
	switch v := v.(type) {
	case time.Time, []destinations.Value, json.RawMessage:
		return text(v)
	default:
		return v
	}
}

// text is v as a cell of a CSV holds it; the options of a multi-select picklist stand with semicolons between them.
func text(v destinations.Value) string {
	switch v := v.(type) {
	case string:
		return v
	case bool:
		return strconv.FormatBool(v)
	case json.Number:
		return v.String()
	case destinations.Date:
		return string(v)
	case time.Time:
		return v.UTC().Format(instant)
	case json.RawMessage:
		return string(v)
	case []destinations.Value:
		var options []string
		for _, o := range v {
			if t := text(o); t != "" {
				options = append(options, t)
			}
		}
		return strings.Join(options, ";")
	}
	return ""
}
