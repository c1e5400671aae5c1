package zendesk

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"spillway/destinations"
	"spillway/destinations/httpapi"
)

// custom is a field of the account's own, as Zendesk lists it.
type custom struct {
	ID      int64  `json:"id"`
	Key     string `json:"key"` // none for tickets, whose custom fields go by their ids
	Type    string `json:"type"`
	Title   string `json:"title"`
	Active  bool   `json:"active"`
	Options []struct {
		Value string `json:"value"`
	} `json:"custom_field_options"`
}

// Fields lists the fields of an object, with the custom ones that the account has active.
func (d *destination) Fields(ctx context.Context, object string) ([]destinations.Field, error) {
	k, ok := kinds[object]
	if !ok {
		return nil, noObject(object)
	}
	known, err := d.fields.Get(object, func() ([]destinations.Field, error) { return d.listFields(ctx, object, k) })
	return slices.Clone(known), err
}

func (d *destination) listFields(ctx context.Context, object string, k kind) ([]destinations.Field, error) {
	fields := slices.Clone(k.fields)
	query := url.Values{"page[size]": {"100"}}
	for more := true; more; {
		var page map[string]json.RawMessage
		if err := d.client.Read(ctx, httpapi.Request{Path: "/api/v2/" + k.listed, Query: query}, &page); err != nil {
			return nil, fmt.Errorf("list the custom fields of %s: %w", object, err)
		}
		var list []custom
		var meta struct {
			More  bool   `json:"has_more"`
			After string `json:"after_cursor"`
		}
		if err := json.Unmarshal(page[k.listed], &list); err != nil {
			return nil, fmt.Errorf("list the custom fields of %s: the answer is not what was expected: %w", object, err)
		}
		_ = json.Unmarshal(page["meta"], &meta) // without it there is one page
		for _, c := range list {
			if t, ok := customTypes[c.Type]; ok && c.Active {
				fields = append(fields, c.field(k.custom, t))
			}
		}
		query.Set("page[after]", meta.After)
		more = meta.More && meta.After != "" && len(list) > 0
	}
	return fields, nil
}

func (c custom) field(group string, t destinations.FieldType) destinations.Field {
	name := c.Key
	if group == ticketFields {
		name = strconv.FormatInt(c.ID, 10)
	}
	f := destinations.Field{Name: group + "." + name, Label: c.Title, Type: t}
	for _, o := range c.Options {
		f.Enum = append(f.Enum, o.Value)
	}
	return f
}

// object is r as a request has it, with what finds it. What stands before the dot of a field's name is an object in the
// record, but for the custom fields of tickets, which are a list.
func object(b destinations.Batch, r destinations.Record, more ...destinations.FieldValue) (json.RawMessage, error) {
	var top destinations.Fields
	var groups []string
	nested := map[string]destinations.Fields{}
	if _, has := r.Fields.Get(b.Identifier); b.Identifier != "" && !has {
		top = append(top, identifier(b, r))
	}
	for _, f := range append(slices.Clone(r.Fields), more...) {
		group, name, ok := strings.Cut(f.Name, ".")
		if f.Value == nil && slices.Contains(lists, f.Name) {
			f.Value = []destinations.Value{}
		}
		if !ok {
			top = append(top, f)
			continue
		}
		if nested[group] == nil {
			groups = append(groups, group)
		}
		nested[group] = append(nested[group], destinations.FieldValue{Name: name, Value: f.Value})
	}
	for _, group := range groups {
		text, err := nested[group].AppendJSON(nil)
		if group == ticketFields {
			text, err = pairs(nested[group])
		}
		if err != nil {
			return nil, err
		}
		top = append(top, destinations.FieldValue{Name: group, Value: json.RawMessage(text)})
	}
	return top.AppendJSON(nil)
}

func identifier(b destinations.Batch, r destinations.Record) destinations.FieldValue {
	if b.Identifier == ownID {
		return destinations.FieldValue{Name: ownID, Value: json.Number(r.ID)}
	}
	return destinations.FieldValue{Name: b.Identifier, Value: r.ID}
}

// pairs writes custom fields of a ticket as the list that Zendesk has them in.
func pairs(fields destinations.Fields) ([]byte, error) {
	list := make([]destinations.Value, len(fields))
	for i, f := range fields {
		text, err := destinations.Fields{{Name: "id", Value: json.Number(f.Name)}, {Name: "value", Value: f.Value}}.AppendJSON(nil)
		if err != nil {
			return nil, err
		}
		list[i] = json.RawMessage(text)
	}
	return destinations.AppendJSON(nil, list)
}
