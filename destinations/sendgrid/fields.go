package sendgrid

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"spillway/destinations"
	"spillway/destinations/httpapi"
)

const (
	customDot = "custom_fields."
	alternate = "alternate_emails"
)

// definition is a field as SendGrid lists it.
type definition struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	Type     string `json:"field_type"`
	ReadOnly bool   `json:"read_only"`
}

// types are those of SendGrid's fields. A date is a point in time.
var types = map[string]destinations.FieldType{"Number": destinations.Number, "Date": destinations.DateTime}

func (f definition) field(name string) destinations.Field {
	out := destinations.Field{Name: name, Label: f.Name, Type: destinations.String, ReadOnly: f.ReadOnly}
	if t, ok := types[f.Type]; ok {
		out.Type = t
	}
	if name == alternate {
		out.Type = destinations.List
	}
	return out
}

// schema is what the account says of its contacts.
type schema struct {
	fields []destinations.Field
	ids    map[string]string // SendGrid's ids of the custom fields, by the name in lower case, as no two differ by case alone
}

// Fields lists the fields that every contact has and the account's own, which are named by their names.
func (d *destination) Fields(ctx context.Context, object string) ([]destinations.Field, error) {
	id, err := listID(object)
	if err != nil {
		return nil, err
	}
	if id != "" {
		lists, err := d.allLists(ctx)
		if err != nil {
			return nil, err
		}
		if !slices.ContainsFunc(lists, func(l list) bool { return l.ID == id }) {
			return nil, noObject(object)
		}
	}
	s, err := d.fields(ctx)
	return slices.Clone(s.fields), err
}

// fields are those of contacts, as the account had them ten minutes ago at most.
func (d *destination) fields(ctx context.Context) (schema, error) {
	return d.schema.Get(contacts, func() (schema, error) { return d.listFields(ctx) })
}

func (d *destination) listFields(ctx context.Context) (schema, error) {
	var reply struct {
		Custom   []definition `json:"custom_fields"`
		Reserved []definition `json:"reserved_fields"`
	}
	if err := d.client.Read(ctx, httpapi.Request{Path: "/v3/marketing/field_definitions"}, &reply); err != nil {
		return schema{}, fmt.Errorf("list the fields of contacts: %w", err)
	}
	s := schema{ids: map[string]string{}}
	for _, name := range identifiers {
		s.fields = append(s.fields, definition{Name: name}.field(name))
	}
	for _, f := range reply.Reserved {
		if !slices.Contains(identifiers, f.Name) {
			s.fields = append(s.fields, f.field(f.Name))
		}
	}
	for _, f := range reply.Custom {
		s.fields = append(s.fields, f.field(customDot+f.Name))
		s.ids[strings.ToLower(f.Name)] = f.ID
	}
	return s, nil
}

// customIDs are SendGrid's ids of the custom fields that b has, by their names in lower case. It asks for them where one
// is not known yet.
func (d *destination) customIDs(ctx context.Context, b destinations.Batch) (map[string]string, error) {
	s, _ := d.schema.Last(contacts)
	missing := missingField(b, s.ids)
	if missing == "" {
		return s.ids, nil
	}
	s, err := d.schema.Renew(contacts, func() (schema, error) { return d.listFields(ctx) })
	if err != nil {
		return nil, err
	}
	if missing = missingField(b, s.ids); missing != "" {
		return nil, &destinations.Error{
			Kind: destinations.ErrConfig, Message: "the account has no custom field " + missing, Hint: "make it in SendGrid, or map another one",
		}
	}
	return s.ids, nil
}

// missingField is the name of a custom field in b that ids lacks.
func missingField(b destinations.Batch, ids map[string]string) string {
	for _, r := range b.Records {
		for _, f := range r.Fields {
			if name, ok := strings.CutPrefix(f.Name, customDot); ok && ids[strings.ToLower(name)] == "" {
				return name
			}
		}
	}
	return ""
}

// list is a list of contacts.
type list struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// allLists are those of the account, as it had them ten minutes ago at most.
func (d *destination) allLists(ctx context.Context) ([]list, error) {
	return d.lists.Get("", func() ([]list, error) { return d.listLists(ctx) })
}

func (d *destination) listLists(ctx context.Context) ([]list, error) {
	var lists []list
	query := url.Values{"page_size": {"1000"}}
	for {
		var reply struct {
			Result   []list `json:"result"`
			Metadata struct {
				Next string `json:"next"`
			} `json:"_metadata"`
		}
		if err := d.client.Read(ctx, httpapi.Request{Path: "/v3/marketing/lists", Query: query}, &reply); err != nil {
			return nil, fmt.Errorf("list the lists: %w", err)
		}
		lists = append(lists, reply.Result...)
		token := pageToken(reply.Metadata.Next)
		if token == "" || len(reply.Result) == 0 {
			return lists, nil
		}
		query.Set("page_token", token)
	}
}

// pageToken is that in the address of the next page, empty where there is none.
func pageToken(address string) string {
	next, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return next.Query().Get("page_token")
}

// Objects are the contacts of the account, and those of each list.
func (d *destination) Objects(ctx context.Context) ([]destinations.Object, error) {
	lists, err := d.allLists(ctx)
	if err != nil {
		return nil, err
	}
	objects := []destinations.Object{object(contacts, "Contacts", d.config.Rate)}
	for _, l := range lists {
		objects = append(objects, object(contacts+"."+l.ID, "Members of the list "+l.Name, d.config.Rate))
	}
	return objects, nil
}

// listID is the id of the list whose members object is, empty for contacts of any.
func listID(object string) (string, error) {
	id, listed := strings.CutPrefix(object, contacts+".")
	if object != contacts && (!listed || id == "") {
		return "", noObject(object)
	}
	if !listed {
		return "", nil
	}
	return id, nil
}

func noObject(name string) error {
	return &destinations.Error{
		Kind: destinations.ErrNoObject, Message: fmt.Sprintf("there is no object %q", name),
		Hint: "there are contacts and, by the id of a list, its members: contacts.0123abcd-...",
	}
}
