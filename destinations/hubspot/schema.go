package hubspot

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"spillway/destinations"
	"spillway/destinations/httpapi"
)

// schemaLasts is how long the properties of an object are taken to be the ones that were listed.
const schemaLasts = 10 * time.Minute

// schema is what an account says of an object.
type schema struct {
	fields      []destinations.Field
	identifiers []string // the properties whose values HubSpot keeps unique
	at          time.Time
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

// Fields lists the properties of an object, as the account had them ten minutes ago at most.
func (d *destination) Fields(ctx context.Context, object string) ([]destinations.Field, error) {
	k, err := findKind(object)
	if err != nil {
		return nil, err
	}
	s, err := d.schema(ctx, k)
	return slices.Clone(s.fields), err
}

func (d *destination) schema(ctx context.Context, k kind) (schema, error) {
	d.mu.Lock()
	s, known := d.schemas[k.name]
	d.mu.Unlock()
	if known && time.Since(s.at) < schemaLasts {
		return s, nil
	}
	var reply struct {
		Results []property `json:"results"`
	}
	if err := d.client.Read(ctx, httpapi.Request{Path: "/crm/properties/" + d.version + "/" + k.name}, &reply); err != nil {
		return schema{}, fmt.Errorf("list the properties of %s: %w", k.name, err)
	}
	s = newSchema(k, reply.Results)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.schemas[k.name] = s
	return s, nil
}

func newSchema(k kind, properties []property) schema {
	s := schema{identifiers: slices.Clone(k.identifiers), at: time.Now()}
	slices.SortFunc(properties, func(a, b property) int { return strings.Compare(a.Name, b.Name) })
	for _, p := range properties {
		s.fields = append(s.fields, p.field())
		if p.HasUniqueValue && !p.readOnly() && !slices.Contains(s.identifiers, p.Name) {
			s.identifiers = append(s.identifiers, p.Name)
		}
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
func (d *destination) identifies(ctx context.Context, k kind, identifier string) error {
	if slices.Contains(k.identifiers, identifier) {
		return nil
	}
	s, err := d.schema(ctx, k)
	if err != nil || slices.Contains(s.identifiers, identifier) {
		return err
	}
	hint := "create a property with unique values in HubSpot and use it; an existing one cannot be made unique"
	if len(s.identifiers) > 0 {
		hint = "use " + strings.Join(s.identifiers, " or ")
	}
	return &destinations.Error{
		Kind:    destinations.ErrConfig,
		Message: fmt.Sprintf("%s cannot be found by %s, whose values HubSpot does not keep unique", k.name, identifier),
		Hint:    hint,
	}
}
