package salesforce

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"spillway/destinations"
	"spillway/destinations/httpapi"
)

// recordID is Salesforce's own id of a record.
const recordID = "Id"

// field is a field as Salesforce describes it to the user, who does not see those that are hidden from it.
type field struct {
	Name          string   `json:"name"`
	Label         string   `json:"label"`
	Type          string   `json:"type"`
	Nillable      bool     `json:"nillable"`
	Createable    bool     `json:"createable"`
	Updateable    bool     `json:"updateable"`
	Defaulted     bool     `json:"defaultedOnCreate"`
	ExternalID    bool     `json:"externalId"`
	IDLookup      bool     `json:"idLookup"`
	CaseSensitive bool     `json:"caseSensitive"`
	Restricted    bool     `json:"restrictedPicklist"`
	Relationship  string   `json:"relationshipName"` // Account, where Name is AccountId
	Parents       []string `json:"referenceTo"`
	Choices       []struct {
		Value  string `json:"value"`
		Active bool   `json:"active"`
	} `json:"picklistValues"`
}

// schema is what the org says of an object.
type schema struct {
	object      string
	fields      []field
	identifiers []string
}

func (s schema) field(name string) (field, bool) {
	i := slices.IndexFunc(s.fields, func(f field) bool { return f.Name == name })
	if i < 0 {
		return field{}, false
	}
	return s.fields[i], true
}

// schema describes an object as it was ten minutes ago at most. Its request counts for the run of b.
func (d *destination) schema(ctx context.Context, object string, b destinations.Batch) (schema, error) {
	return d.schemas.Get(object, func() (schema, error) { return d.describe(ctx, object, b) })
}

func (d *destination) describe(ctx context.Context, object string, b destinations.Batch) (schema, error) {
	var reply struct {
		Fields []field `json:"fields"`
	}
	err := d.client.Read(ctx, httpapi.Request{
		Path: d.root + "/sobjects/" + url.PathEscape(object) + "/describe", Attempts: b.Attempts, Meter: b.Meter,
	}, &reply)
	if p, ok := errors.AsType[*httpapi.Problem](err); ok && p.Status == http.StatusNotFound {
		return schema{}, &destinations.Error{
			Kind: destinations.ErrNoObject, Message: fmt.Sprintf("the org has no object %q, or hides it from this user", object),
			Hint: "custom objects end in __c; the command destinations objects lists those that the user may write",
		}
	}
	if err != nil {
		return schema{}, fmt.Errorf("describe %s: %w", object, err)
	}
	s := schema{object: object, fields: reply.Fields}
	slices.SortFunc(s.fields, func(a, b field) int { return strings.Compare(a.Name, b.Name) })
	for _, f := range s.fields {
		if (f.ExternalID || f.IDLookup) && f.Name != recordID {
			s.identifiers = append(s.identifiers, f.Name)
		}
	}
	s.identifiers = append(s.identifiers, recordID)
	return s, nil
}

// Fields lists the fields of an object, and the external ids of other objects that its records can refer to.
func (d *destination) Fields(ctx context.Context, object string) ([]destinations.Field, error) {
	s, err := d.schema(ctx, object, destinations.Batch{})
	if err != nil {
		return nil, err
	}
	parents, err := d.parents(ctx, s)
	if err != nil {
		return nil, err
	}
	var fields []destinations.Field
	for _, f := range s.fields {
		fields = append(fields, f.describe())
	}
	for _, f := range s.fields {
		for _, parent := range f.references() {
			of := parents[parent]
			for _, name := range of.identifiers {
				key, ok := of.field(name)
				if !ok || name == recordID {
					continue // the field itself takes Salesforce's id
				}
				r := relation{name: f.Relationship, field: name}
				if len(f.Parents) > 1 {
					r.parent = parent
				}
				fields = append(fields, destinations.Field{Name: r.String(), Label: f.Label + " by " + key.Label, Type: key.fieldType()})
			}
		}
	}
	return fields, nil
}

// references are the objects whose records f can refer to by their external ids.
func (f field) references() []string {
	if f.Relationship == "" || !f.Createable && !f.Updateable {
		return nil
	}
	return f.Parents
}

// parents describes the objects that s refers to, but for those that the user may not see.
func (d *destination) parents(ctx context.Context, s schema) (map[string]schema, error) {
	var names []string
	for _, f := range s.fields {
		names = append(names, f.references()...)
	}
	slices.Sort(names)
	names = slices.Compact(names)
	found := make([]schema, len(names))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(connections)
	for i, name := range names {
		group.Go(func() error {
			var err error
			found[i], err = d.schema(ctx, name, destinations.Batch{})
			if errors.Is(err, destinations.ErrNoObject) {
				return nil
			}
			return err
		})
	}
	err := group.Wait()
	parents := make(map[string]schema, len(names))
	for i, name := range names {
		parents[name] = found[i]
	}
	return parents, err
}

func (f field) describe() destinations.Field {
	d := destinations.Field{Name: f.Name, Label: f.Label, Type: f.fieldType(), ReadOnly: !f.Createable && !f.Updateable}
	// A reference that must be there can be given by an external id as well, under another name.
	d.Required = f.Createable && !f.Nillable && !f.Defaulted && f.Relationship == ""
	if f.Restricted {
		for _, c := range f.Choices {
			if c.Active {
				d.Enum = append(d.Enum, c.Value)
			}
		}
	}
	return d
}

func (f field) fieldType() destinations.FieldType {
	switch f.Type {
	case "boolean":
		return destinations.Boolean
	case "int", "long":
		return destinations.Integer
	case "double", "currency", "percent":
		return destinations.Number
	case "date":
		return destinations.DateType
	case "datetime":
		return destinations.DateTime
	case "multipicklist":
		return destinations.List
	case "anyType":
		return destinations.Any
	}
	return destinations.String // text of all sorts, picklists, references, times of day
}

// clearable leaves of the fields of b those that Salesforce empties: no identifier, none that must hold something.
func (s schema) clearable(b destinations.Batch) destinations.Batch {
	return withFields(b, func(fields destinations.Fields) destinations.Fields {
		return slices.DeleteFunc(slices.Clone(fields), func(v destinations.FieldValue) bool {
			f, ok := s.field(v.Name)
			return ok && (!f.Nillable || !f.Updateable) || v.Name == b.Identifier
		})
	})
}

// orphaned gives a record that is to lose its parent a null in the field that refers to it, as a null external id of
// the parent means nothing to Salesforce.
func (s schema) orphaned(b destinations.Batch) destinations.Batch {
	return withFields(b, func(fields destinations.Fields) destinations.Fields {
		fields = slices.Clone(fields)
		for i, v := range fields {
			r, ok := parseRelation(v.Name)
			if !ok || !blank(v.Value) {
				continue
			}
			for _, f := range s.fields {
				if f.Relationship == r.name {
					fields[i] = destinations.FieldValue{Name: f.Name}
				}
			}
		}
		return fields
	})
}

func withFields(b destinations.Batch, change func(destinations.Fields) destinations.Fields) destinations.Batch {
	b.Records = slices.Clone(b.Records)
	for i, r := range b.Records {
		b.Records[i].Fields = change(r.Fields)
	}
	return b
}
