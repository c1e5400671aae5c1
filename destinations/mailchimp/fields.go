package mailchimp

import (
	"context"
	"fmt"
	"net/url"
	"slices"

	"spillway/destinations"
	"spillway/destinations/httpapi"
)

const (
	email        = "email_address"
	status       = "status"
	statusIfNew  = "status_if_new"
	tags         = "tags"
	mergePrefix  = "merge_fields."
	interestsDot = "interests."
	locationDot  = "location."
	birthday     = "birthday"
)

// consents are what a member may have agreed to.
var consents = []string{"subscribed", "unsubscribed", "cleaned", "pending", "transactional"}

// own are the fields that every member has.
var own = []destinations.Field{
	{Name: email, Label: "E-mail address", Type: destinations.String, Required: true},
	{Name: status, Label: "Consent, which replaces the member's own", Type: destinations.String, Enum: consents},
	{Name: statusIfNew, Label: "Consent of a member that is new", Type: destinations.String, Enum: consents},
	{Name: "email_type", Label: "Form of e-mails", Type: destinations.String, Enum: []string{"html", "text"}},
	{Name: "language", Label: "Language", Type: destinations.String},
	{Name: "vip", Label: "VIP", Type: destinations.Boolean},
	{Name: locationDot + "latitude", Label: "Latitude", Type: destinations.Number},
	{Name: locationDot + "longitude", Label: "Longitude", Type: destinations.Number},
	{Name: "ip_signup", Label: "IP address of the signup", Type: destinations.String},
	{Name: "timestamp_signup", Label: "Time of the signup", Type: destinations.DateTime},
	{Name: "ip_opt", Label: "IP address of the confirmation", Type: destinations.String},
	{Name: "timestamp_opt", Label: "Time of the confirmation", Type: destinations.DateTime},
	{Name: tags, Label: "Tags that are added", Type: destinations.List},
}

// schema is what an audience says of its members.
type schema struct {
	fields    []destinations.Field
	birthdays map[string]bool // the names of the fields that hold one
}

// mergeField is a field of an audience as Mailchimp lists it.
type mergeField struct {
	Tag      string `json:"tag"`
	Name     string `json:"name"`
	Type     string `json:"type"`
	Required bool   `json:"required"`
	Options  struct {
		Choices []string `json:"choices"`
	} `json:"options"`
}

// mergeTypes are the types of merge fields, by the page on merge fields, where they are not text. A birthday is a day
// without a year: of a date it is made, and a text is sent as it stands.
var mergeTypes = map[string]destinations.FieldType{
	"number": destinations.Number, "date": destinations.DateType, birthday: destinations.Any, "address": destinations.JSON,
}

func (m mergeField) field(skipRequired bool) destinations.Field {
	f := destinations.Field{Name: mergePrefix + m.Tag, Label: m.Name, Type: destinations.String, Required: m.Required && !skipRequired}
	if t, ok := mergeTypes[m.Type]; ok {
		f.Type = t
	}
	if m.Type == "radio" || m.Type == "dropdown" {
		f.Enum = m.Options.Choices
	}
	return f
}

// Fields lists what the members of an audience have, with its merge fields and interests.
func (d *destination) Fields(ctx context.Context, object string) ([]destinations.Field, error) {
	l, err := d.audience(ctx, object)
	if err != nil {
		return nil, err
	}
	s, err := d.schema(ctx, l.ID)
	return slices.Clone(s.fields), err
}

// schema is what the audience says of its members, as it said it ten minutes ago at most.
func (d *destination) schema(ctx context.Context, audience string) (schema, error) {
	return d.schemas.Get(audience, func() (schema, error) { return d.listFields(ctx, audience) })
}

func (d *destination) listFields(ctx context.Context, audience string) (schema, error) {
	s := schema{fields: slices.Clone(own), birthdays: map[string]bool{}}
	var reply struct {
		MergeFields []mergeField `json:"merge_fields"`
	}
	if err := d.read(ctx, audience, "/merge-fields", &reply); err != nil {
		return s, fmt.Errorf("list the merge fields: %w", err)
	}
	for _, m := range reply.MergeFields {
		s.fields = append(s.fields, m.field(d.config.SkipRequired))
		s.birthdays[mergePrefix+m.Tag] = m.Type == birthday
	}
	interests, err := d.interests(ctx, audience)
	if err != nil {
		return s, fmt.Errorf("list the interests: %w", err)
	}
	s.fields = append(s.fields, interests...)
	return s, nil
}

// knownBirthdays are the merge fields that hold a birthday, however long ago the audience said so.
func (d *destination) knownBirthdays(ctx context.Context, audience string) (map[string]bool, error) {
	s, known := d.schemas.Last(audience)
	var err error
	if !known {
		s, err = d.schema(ctx, audience)
	}
	return s.birthdays, err
}

// interests are the fields by which members join and leave the groups of an audience.
func (d *destination) interests(ctx context.Context, audience string) ([]destinations.Field, error) {
	var reply struct {
		Categories []struct {
			ID    string `json:"id"`
			Title string `json:"title"`
		} `json:"categories"`
	}
	if err := d.read(ctx, audience, "/interest-categories", &reply); err != nil {
		return nil, err
	}
	var fields []destinations.Field
	for _, category := range reply.Categories {
		var reply struct {
			Interests []list `json:"interests"`
		}
		if err := d.read(ctx, audience, "/interest-categories/"+url.PathEscape(category.ID)+"/interests", &reply); err != nil {
			return nil, err
		}
		for _, i := range reply.Interests {
			fields = append(fields, destinations.Field{
				Name: interestsDot + i.ID, Label: category.Title + ": " + i.Name, Type: destinations.Boolean,
			})
		}
	}
	return fields, nil
}

func (d *destination) read(ctx context.Context, audience, what string, into any) error {
	return d.client.Read(ctx, httpapi.Request{Path: path(audience) + what, Query: url.Values{"count": {page}}}, into)
}

func path(audience string) string { return "/3.0/lists/" + url.PathEscape(audience) }
