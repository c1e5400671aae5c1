package intercom

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"spillway/destinations"
)

const (
	companyID = "company_id"
	tagsField = "tags"
	custom    = "custom_attributes."
)

// attribute is one as Intercom lists it.
type attribute struct {
	Name     string   `json:"full_name"`
	Label    string   `json:"label"`
	Type     string   `json:"data_type"`
	Options  []string `json:"options"`
	Writable *bool    `json:"api_writable"`
	Archived bool     `json:"archived"`
}

// model is an object as Intercom's attributes know it.
type model struct {
	name   string
	fields []destinations.Field // that can be written, by the reference of the requests
}

func of(t destinations.FieldType, name, label string) destinations.Field {
	return destinations.Field{Name: name, Label: label, Type: t}
}

var models = map[string]model{
	contacts: {"contact", []destinations.Field{
		of(destinations.String, "external_id", "External id"),
		of(destinations.String, "email", "E-mail"),
		of(destinations.String, "name", "Name"),
		of(destinations.String, "phone", "Phone"),
		{Name: "role", Label: "Role", Type: destinations.String, Enum: []string{"user", "lead"}},
		of(destinations.String, "avatar", "Address of a picture"),
		of(destinations.String, "owner_id", "Owner"),
		of(destinations.DateTime, "signed_up_at", "Signed up"),
		of(destinations.DateTime, "last_seen_at", "Last seen"),
		of(destinations.Boolean, "email_verified", "E-mail is verified"),
		of(destinations.Boolean, "unsubscribed_from_emails", "Unsubscribed from e-mails"),
		of(destinations.List, tagsField, "Tags that are added"),
	}},
	companies: {"company", []destinations.Field{
		of(destinations.String, companyID, "Company id"),
		of(destinations.String, "name", "Name"),
		of(destinations.String, "plan", "Plan"),
		of(destinations.Integer, "size", "Employees"),
		of(destinations.String, "website", "Website"),
		of(destinations.String, "industry", "Industry"),
		of(destinations.Integer, "monthly_spend", "Monthly spend, in whole units"),
		of(destinations.DateTime, "remote_created_at", "Created"),
	}},
}

// describe adds the attributes that the workspace has to the model's own fields.
func (m model) describe(listed []attribute) []destinations.Field {
	fields := slices.Clone(m.fields)
	for _, a := range listed {
		if a.Archived || a.Name == "" || slices.ContainsFunc(fields, func(f destinations.Field) bool { return f.Name == a.Name }) {
			continue
		}
		f := of(a.fieldType(), a.Name, a.Label)
		f.Enum = a.Options
		f.ReadOnly = a.Writable != nil && !*a.Writable || !strings.HasPrefix(a.Name, custom)
		fields = append(fields, f)
	}
	return fields
}

func (a attribute) fieldType() destinations.FieldType {
	switch a.Type {
	case "integer":
		return destinations.Integer
	case "float":
		return destinations.Number
	case "boolean":
		return destinations.Boolean
	case "date":
		return destinations.DateTime
	}
	return destinations.String
}

// body is r as a request has it, with its custom attributes as an object of their own. left names a field that is not
// to be sent.
func body(r destinations.Record, left string) ([]byte, error) {
	var fields, customs destinations.Fields
	for _, f := range r.Fields {
		if f.Name == left || f.Name == tagsField {
			continue
		}
		if t, ok := f.Value.(time.Time); ok {
			f.Value = json.Number(strconv.FormatInt(t.Unix(), 10))
		}
		if name, ok := strings.CutPrefix(f.Name, custom); ok {
			customs = append(customs, destinations.FieldValue{Name: name, Value: f.Value})
			continue
		}
		fields = append(fields, f)
	}
	if len(customs) > 0 {
		text, err := customs.AppendJSON(nil)
		if err != nil {
			return nil, err
		}
		fields = append(fields, destinations.FieldValue{Name: strings.TrimSuffix(custom, "."), Value: json.RawMessage(text)})
	}
	return fields.AppendJSON(nil)
}
