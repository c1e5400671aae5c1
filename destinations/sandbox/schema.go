package sandbox

import (
	"slices"

	"spillway/destinations"
)

// object is a kind of record that the sandbox keeps.
type object struct {
	name        string
	label       string
	identifiers []string // each value of each of these belongs to one record at most
	fold        bool     // identifiers are compared without case
	fields      []field
}

// field is a field of an object, with what its values must look like beyond their type.
type field struct {
	destinations.Field
	form form
	max  int // characters of a text, bytes of a document; 0 is the default of the type
}

// form is what a text must look like.
type form uint8

const (
	anyText form = iota
	emailAddress
	hostName
	webAddress
)

const maxText = 1000 // characters of a text field, unless the field says otherwise

var (
	plans     = []string{"Free", "Pro", "Team", "Enterprise"}
	lifecycle = []string{"subscriber", "lead", "opportunity", "customer", "churned"}
)

// objects is what the sandbox keeps, in the order in which the page shows it.
var objects = []object{
	{
		name: "contacts", label: "Contacts", identifiers: []string{"email", "external_id"}, fold: true,
		fields: []field{
			required(email("email", "E-mail")),
			text("external_id", "External ID"),
			text("firstname", "First name"),
			text("lastname", "Last name"),
			text("full_name", "Full name"),
			text("phone", "Phone"),
			text("job_title", "Job title"),
			text("company", "Company"),
			host("company_domain", "Company domain"),
			enum("plan", "Plan", plans...),
			enum("lifecycle_stage", "Lifecycle stage", lifecycle...),
			text("source", "Source"),
			of(destinations.DateType, "signup", "Signed up"),
			of(destinations.DateTime, "first_seen", "First seen"),
			of(destinations.DateTime, "last_seen", "Last seen"),
			of(destinations.Integer, "lead_score", "Lead score"),
			of(destinations.Integer, "orders", "Orders"),
			of(destinations.Number, "lifetime_value", "Lifetime value"),
			of(destinations.Boolean, "marketing_opt_in", "Marketing opt-in"),
			text("country", "Country"),
			text("city", "City"),
			text("postcode", "Postcode"),
			text("language", "Language"),
			text("timezone", "Time zone"),
			url("website", "Website"),
			of(destinations.List, "tags", "Tags"),
			long("notes", "Notes"),
			of(destinations.JSON, "custom", "Custom data"),
		},
	},
	{
		name: "companies", label: "Companies", identifiers: []string{"domain", "external_id"}, fold: true,
		fields: []field{
			host("domain", "Domain"),
			text("external_id", "External ID"),
			text("name", "Name"),
			text("industry", "Industry"),
			text("phone", "Phone"),
			url("website", "Website"),
			enum("plan", "Plan", plans...),
			enum("lifecycle_stage", "Lifecycle stage", lifecycle...),
			enum("health", "Health", "good", "watch", "at_risk"),
			of(destinations.Integer, "employees", "Employees"),
			of(destinations.Integer, "seats", "Seats"),
			of(destinations.Number, "annual_revenue", "Annual revenue"),
			of(destinations.Number, "mrr", "Monthly recurring revenue"),
			of(destinations.Boolean, "is_customer", "Is a customer"),
			of(destinations.DateType, "signup", "Signed up"),
			of(destinations.DateType, "renewal_date", "Renewal date"),
			of(destinations.DateTime, "last_seen", "Last seen"),
			email("owner_email", "Owner"),
			text("country", "Country"),
			text("city", "City"),
			of(destinations.List, "tags", "Tags"),
			long("notes", "Notes"),
			of(destinations.JSON, "custom", "Custom data"),
		},
	},
	{
		name: "deals", label: "Deals", identifiers: []string{"external_id"},
		fields: []field{
			text("external_id", "External ID"),
			required(text("name", "Name")),
			enum("stage", "Stage", "new", "qualified", "proposal", "negotiation", "won", "lost"),
			of(destinations.Number, "amount", "Amount"),
			text("currency", "Currency"),
			of(destinations.Number, "probability", "Probability"),
			of(destinations.DateType, "close_date", "Close date"),
			of(destinations.DateTime, "opened_at", "Opened"),
			of(destinations.Boolean, "renewal", "Is a renewal"),
			email("contact_email", "Contact"),
			host("company_domain", "Company domain"),
			email("owner_email", "Owner"),
			text("source", "Source"),
			of(destinations.List, "tags", "Tags"),
			long("notes", "Notes"),
			of(destinations.JSON, "custom", "Custom data"),
		},
	},
	{
		name: "tickets", label: "Tickets", identifiers: []string{"external_id"},
		fields: []field{
			text("external_id", "External ID"),
			required(text("subject", "Subject")),
			long("description", "Description"),
			enum("status", "Status", "new", "open", "pending", "solved", "closed"),
			enum("priority", "Priority", "low", "normal", "high", "urgent"),
			enum("channel", "Channel", "email", "chat", "phone", "web", "api"),
			email("contact_email", "Contact"),
			email("assignee_email", "Assignee"),
			of(destinations.DateTime, "opened_at", "Opened"),
			of(destinations.DateTime, "solved_at", "Solved"),
			of(destinations.DateType, "due_on", "Due"),
			of(destinations.Integer, "satisfaction", "Satisfaction"),
			of(destinations.Boolean, "escalated", "Escalated"),
			of(destinations.List, "tags", "Tags"),
			of(destinations.JSON, "custom", "Custom data"),
		},
	},
}

// operations are the ones that every object has.
var operations = []destinations.Op{
	destinations.Upsert, destinations.Update, destinations.Insert,
	destinations.Clear, destinations.Archive, destinations.Delete,
}

func of(t destinations.FieldType, name, label string) field {
	return field{Field: destinations.Field{Name: name, Label: label, Type: t}}
}

func text(name, label string) field { return of(destinations.String, name, label) }

func long(name, label string) field {
	f := text(name, label)
	f.max = 65_536
	return f
}

func email(name, label string) field {
	f := text(name, label)
	f.form, f.max = emailAddress, 254
	return f
}

func host(name, label string) field {
	f := text(name, label)
	f.form, f.max = hostName, 253
	return f
}

func url(name, label string) field {
	f := text(name, label)
	f.form, f.max = webAddress, 2_048
	return f
}

func enum(name, label string, options ...string) field {
	f := text(name, label)
	f.Enum = options
	return f
}

func required(f field) field {
	f.Required = true
	return f
}

func findObject(name string) (object, bool) {
	i := slices.IndexFunc(objects, func(o object) bool { return o.name == name })
	if i < 0 {
		return object{}, false
	}
	return objects[i], true
}

func (o object) field(name string) (field, bool) {
	i := slices.IndexFunc(o.fields, func(f field) bool { return f.Name == name })
	if i < 0 {
		return field{}, false
	}
	return o.fields[i], true
}

func (o object) identifiedBy(name string) bool { return slices.Contains(o.identifiers, name) }
