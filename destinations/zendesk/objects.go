package zendesk

import (
	"spillway/destinations"
)

const (
	users         = "users"
	organizations = "organizations"
	tickets       = "tickets"

	ownID      = "id" // Zendesk's own
	externalID = "external_id"
	email      = "email"

	ticketFields = "custom_fields"
)

// kind is an object that records can be delivered to.
type kind struct {
	name, one string
	fields    []destinations.Field // that every account has and a request can hold
	listed    string               // the request that lists the account's own fields, and the member of its answer
	custom    string               // the member of a record that holds their values
}

func of(t destinations.FieldType, name, label string, enum ...string) destinations.Field {
	return destinations.Field{Name: name, Label: label, Type: t, Enum: enum}
}

func required(f destinations.Field) destinations.Field {
	f.Required = true
	return f
}

// kinds are the objects by their names, with the fields that the reference of each lists as writable.
var kinds = map[string]kind{
	users: {users, "user", []destinations.Field{
		required(of(destinations.String, "name", "Name")),
		of(destinations.String, email, "E-mail"),
		of(destinations.String, externalID, "External id"),
		of(destinations.String, "phone", "Phone"),
		of(destinations.Boolean, "shared_phone_number", "The phone number is shared"),
		of(destinations.String, "alias", "Alias"),
		of(destinations.String, "details", "Details"),
		of(destinations.String, "notes", "Notes"),
		of(destinations.Integer, "organization_id", "Organization"),
		of(destinations.List, "tags", "Tags"),
		of(destinations.String, "role", "Role", "end-user", "agent", "admin"),
		of(destinations.Integer, "custom_role_id", "Custom role"),
		of(destinations.Integer, "default_group_id", "Default group"),
		of(destinations.String, "time_zone", "Time zone"),
		of(destinations.String, "locale", "Language"),
		of(destinations.String, "signature", "Signature"),
		of(destinations.String, "remote_photo_url", "Address of a picture"),
		of(destinations.String, "ticket_restriction", "Tickets that are seen", "organization", "groups", "assigned", "requested"),
		of(destinations.Boolean, "verified", "Verified"),
		of(destinations.Boolean, "suspended", "Suspended"),
		of(destinations.Boolean, "moderator", "Moderator"),
		of(destinations.Boolean, "only_private_comments", "Only private comments"),
	}, "user_fields", "user_fields"},
	organizations: {organizations, "organization", []destinations.Field{
		required(of(destinations.String, "name", "Name")),
		of(destinations.String, externalID, "External id"),
		of(destinations.List, "domain_names", "Domains"),
		of(destinations.String, "details", "Details"),
		of(destinations.String, "notes", "Notes"),
		of(destinations.Integer, "group_id", "Group"),
		of(destinations.List, "tags", "Tags"),
		of(destinations.Boolean, "shared_tickets", "Members see each other's tickets"),
		of(destinations.Boolean, "shared_comments", "Members comment on each other's tickets"),
	}, "organization_fields", "organization_fields"},
	tickets: {tickets, "ticket", []destinations.Field{
		of(destinations.String, "subject", "Subject"),
		required(of(destinations.String, "comment.body", "Text")),
		of(destinations.Boolean, "comment.public", "The requester sees the text"),
		of(destinations.Integer, "comment.author_id", "Author of the text"),
		of(destinations.String, "requester.email", "E-mail of the requester"),
		of(destinations.String, "requester.name", "Name of the requester"),
		of(destinations.Integer, "requester_id", "Requester"),
		of(destinations.Integer, "submitter_id", "Submitter"),
		of(destinations.Integer, "assignee_id", "Assignee"),
		of(destinations.String, "assignee_email", "E-mail of the assignee"),
		of(destinations.Integer, "group_id", "Group"),
		of(destinations.Integer, "organization_id", "Organization"),
		of(destinations.String, externalID, "External id"),
		of(destinations.String, "type", "Type", "problem", "incident", "question", "task"),
		of(destinations.String, "priority", "Priority", "urgent", "high", "normal", "low"),
		of(destinations.String, "status", "Status", "new", "open", "pending", "hold", "solved", "closed"),
		of(destinations.Integer, "custom_status_id", "Custom status"),
		of(destinations.Integer, "problem_id", "Problem that the incident is of"),
		of(destinations.DateTime, "due_at", "Due"),
		of(destinations.List, "tags", "Tags"),
		of(destinations.Integer, "ticket_form_id", "Form"),
		of(destinations.Integer, "brand_id", "Brand"),
		of(destinations.String, "recipient", "Address that the ticket was sent to"),
	}, "ticket_fields", ticketFields},
}

// lists are fields that hold what they were last given, and nothing when that is an empty list.
var lists = []string{"tags", "domain_names"}

// customTypes are the types of fields that an account may add. Tickets also list those that every account has, whose
// types are others.
var customTypes = map[string]destinations.FieldType{
	"text": destinations.String, "textarea": destinations.String, "regexp": destinations.String,
	"dropdown": destinations.String, "tagger": destinations.String, "partialcreditcard": destinations.String,
	"integer": destinations.Integer, "lookup": destinations.Integer, "decimal": destinations.Number,
	"checkbox": destinations.Boolean, "date": destinations.DateType, "multiselect": destinations.List,
}

func objects(r destinations.Rate) []destinations.Object {
	written := func(name, label string, identifiers ...string) destinations.Object {
		return destinations.Object{
			Name: name, Label: label, Identifiers: identifiers, FoldIdentifier: true, // as Zendesk compares external ids too
			Operations:   []destinations.Op{destinations.Upsert, destinations.Update, destinations.Clear, destinations.Delete},
			Irreversible: []destinations.Op{destinations.Delete},
			MaxBatch:     maxBatch, Rate: r.PerSecond(), Concurrency: connections, Clears: true,
		}
	}
	return []destinations.Object{
		written(users, "Users", externalID, email),
		written(organizations, "Organizations", externalID),
		{
			Name: tickets, Label: "Tickets", Operations: []destinations.Op{destinations.Insert}, AppendOnly: true,
			MaxBatch: maxBatch, Rate: r.PerSecond(), Concurrency: 2,
		},
	}
}
