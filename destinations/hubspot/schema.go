package hubspot

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"spillway/destinations"
	"spillway/destinations/httpapi"
)

// schema is what an account says of an object.
type schema struct {
	fields      []destinations.Field
	identifiers []string // the properties whose values HubSpot keeps unique, and its own id
	closed      bool     // the credentials may not read it
}

// property is a property as HubSpot lists it.
type property struct {
	Name            string `json:"name"`
	Label           string `json:"label"`
	Type            string `json:"type"`
	FieldType       string `json:"fieldType"`
	HasUniqueValue  bool   `json:"hasUniqueValue"`
	Calculated      bool   `json:"calculated"`
	ExternalOptions bool   `json:"externalOptions"` // the options are those of another system, such as its users
	Options         []struct {
		Value string `json:"value"`
	} `json:"options"`
	Modification struct {
		ReadOnlyValue bool `json:"readOnlyValue"`
	} `json:"modificationMetadata"`
}

// Fields lists the properties of an object, as the account had them ten minutes ago at most, and the unique ones of all
// objects, by which its records can be associated with theirs.
func (d *destination) Fields(ctx context.Context, object string) ([]destinations.Field, error) {
	k, err := d.kind(ctx, object)
	if err != nil {
		return nil, err
	}
	s, err := d.schema(ctx, k)
	if err != nil {
		return nil, err
	}
	fields := slices.Clone(s.fields)
	others, err := d.kinds(ctx)
	if err != nil {
		return nil, err
	}
	for _, other := range others {
		unique, err := d.readable(ctx, other)
		if err != nil {
			return nil, err
		}
		for _, identifier := range unique.identifiers {
			fields = append(fields, link{object: other.name, identifier: identifier}.field(other.label))
		}
	}
	return fields, nil
}

// schema is what the account says of k. Its error is of refused credentials where they may not read that.
func (d *destination) schema(ctx context.Context, k kind) (schema, error) {
	s, err := d.readable(ctx, k)
	if err != nil || !s.closed {
		return s, err
	}
	return d.schemas.Renew(k.name, func() (schema, error) { return d.list(ctx, k) })
}

// readable is what the account says of k, which is nothing where the credentials may not read it.
func (d *destination) readable(ctx context.Context, k kind) (schema, error) {
	return d.schemas.Get(k.name, func() (schema, error) { return d.list(ctx, k, http.StatusForbidden, http.StatusNotFound) })
}

// list asks for the properties of k. Answers of the statuses closed say that the credentials may not read them.
func (d *destination) list(ctx context.Context, k kind, closed ...int) (schema, error) {
	var reply struct {
		Status  string     `json:"status"` // of an error
		Results []property `json:"results"`
	}
	r := httpapi.Request{Path: "/crm/properties/" + d.version + "/" + url.PathEscape(k.name), Fine: closed}
	if err := d.client.Read(ctx, r, &reply); err != nil {
		return schema{}, fmt.Errorf("list the properties of %s: %w", k.name, err)
	}
	s := newSchema(k, reply.Results)
	if s.closed = len(closed) > 0 && len(reply.Results) == 0; s.closed {
		s.identifiers = nil
	}
	return s, nil
}

func newSchema(k kind, properties []property) schema {
	s := schema{identifiers: slices.Clone(k.identifiers)}
	slices.SortFunc(properties, func(a, b property) int { return strings.Compare(a.Name, b.Name) })
	for _, p := range properties {
		s.fields = append(s.fields, p.field())
		if p.HasUniqueValue && !p.readOnly() && !slices.Contains(s.identifiers, p.Name) {
			s.identifiers = append(s.identifiers, p.Name)
		}
	}
	if !slices.Contains(s.identifiers, recordID) {
		s.identifiers = append(s.identifiers, recordID)
	}
	return s
}

func (p property) readOnly() bool { return p.Calculated || p.Modification.ReadOnlyValue }

func (p property) field() destinations.Field {
	f := destinations.Field{Name: p.Name, Label: p.Label, Type: p.fieldType(), ReadOnly: p.readOnly()}
	if p.Type == "enumeration" && !p.ExternalOptions {
		for _, o := range p.Options {
			f.Enum = append(f.Enum, o.Value)
		}
	}
	return f
}

func (p property) fieldType() destinations.FieldType {
	switch p.Type {
	case "number":
		return destinations.Number
	case "bool":
		return destinations.Boolean
	case "date":
		return destinations.DateType
	case "datetime":
		return destinations.DateTime
	case "enumeration":
		if p.FieldType == "checkbox" {
			return destinations.List // several options may be chosen
		}
	}
	return destinations.String
}

// identifies reports an identifier that HubSpot would not take. Those that every account has cost no request.
func (d *destination) identifies(ctx context.Context, k kind, b destinations.Batch) error {
	switch {
	case slices.Contains(k.identifiers, b.Identifier), b.Identifier == recordID && b.Op != destinations.Upsert:
		return nil
	case b.Identifier == recordID:
		return &destinations.Error{
			Kind: destinations.ErrConfig, Message: "HubSpot gives " + recordID + " itself, so that no record can be made with it",
			Hint: "write mode = \"update\", or use a property with unique values",
		}
	}
	s, err := d.schema(ctx, k)
	if err != nil || slices.Contains(s.identifiers, b.Identifier) {
		return err
	}
	return &destinations.Error{
		Kind:    destinations.ErrConfig,
		Message: fmt.Sprintf("%s cannot be found by %s, whose values HubSpot does not keep unique", k.name, b.Identifier),
		Hint: "use " + strings.Join(s.identifiers, " or ") +
			"; a new property can be made unique in HubSpot, an existing one cannot",
	}
}
