package main

import (
	"fmt"
	"net/http"
	"strconv"
	"time"

	"spillway/destinations/brevo/brevotest"
	"spillway/destinations/customerio/customeriotest"
	"spillway/destinations/hubspot/hubspottest"
	"spillway/destinations/intercom/intercomtest"
	"spillway/destinations/mailchimp/mailchimptest"
	"spillway/destinations/salesforce/salesforcetest"
	"spillway/destinations/sendgrid/sendgridtest"
	"spillway/destinations/slack/slacktest"
	"spillway/destinations/zendesk/zendesktest"
)

// vendor is a service that only a stand-in can stand for, and a sync to it of the rows of the table people.
type vendor struct {
	standIn  func() recordKeeper
	settings string // the keys of its destination besides type; $URL is where the stand-in listens
	model    string // the SQL; the tests make a row bad by an e-mail without "@"
	sync     string // the keys of the sync besides model, destination and key; [fields] is the last table

	delivers string // a pattern of the method and the path of every request that a delivery makes

	// The least requests that deliver 1,000 rows, then one of them, changed, and then all of them, changed, with two
	// bad ones more.
	all, one, rest int

	id     func(row int) string        // by which the stand-in finds the record of a row
	name   string                      // the field of the record that holds the row's name
	reason string                      // the stand-in's words for a bad row
	quiet  time.Duration               // that a throttled account is to keep
	hush   func(w http.ResponseWriter) // asks for it, in the vendor's own form
	tokens string                      // the path that gives out access tokens, where they expire
	ended  func(w http.ResponseWriter) // says that a token has expired
}

func vendors() map[string]vendor {
	address := func(row int) string { return fmt.Sprintf("p%d@x.io", row) }
	return map[string]vendor{
		"hubspot": {
			standIn: func() recordKeeper { return hubspottest.New() },
			settings: `base_url = "$URL"
client_id = "app"
client_secret = { env = "VENDOR_SECRET" }
refresh_token = { env = "VENDOR_SECRET" }
`,
			model: "select id, email, name, plan, score from people",
			sync: `object = "contacts"
identifier = "email"
on_removed = "delete"

[fields]
email     = "email"
firstname = "name"
plan      = "plan"
score     = "score"
`,
			delivers: "/batch/", all: 10, one: 1, rest: 11,
			id: address, name: "firstname", reason: "Email address",
			quiet:  10 * time.Second,
			hush:   says(429, `{"status":"error","errorType":"RATE_LIMIT","policyName":"TEN_SECONDLY_ROLLING","message":"You have reached your ten_secondly_rolling limit."}`),
			tokens: "/oauth/",
			ended:  says(401, `{"status":"error","category":"EXPIRED_AUTHENTICATION","message":"The OAuth token used to make this call expired."}`),
		},
		"intercom": {
			standIn: func() recordKeeper { return intercomtest.New() },
			settings: `base_url = "$URL"
token = { env = "VENDOR_SECRET" }
rate = "20000/10s"
`,
			model: "select id, email, name, plan, score from people",
			sync: `object = "contacts"
identifier = "email"
on_removed = "delete"

[fields]
email = "email"
name  = "name"
"custom_attributes.plan"  = "plan"
"custom_attributes.score" = "score"
`,
			delivers: "(POST|PUT) /contacts", all: 1020, one: 2, rest: 1023,
			id: address, name: "name", reason: "email is not an email address",
			quiet: 2 * time.Second,
			hush: func(w http.ResponseWriter) {
				w.Header().Set("X-RateLimit-Reset", strconv.FormatInt(time.Now().Add(3*time.Second).Unix(), 10))
				says(429, `{"type":"error.list","errors":[{"code":"rate_limit_exceeded","message":"Exceeded rate limit"}]}`)(w)
			},
		},
		"customerio": {
			standIn: func() recordKeeper { return customeriotest.New() },
			settings: `base_url = "$URL"
site_id = "site-1"
api_key = { env = "VENDOR_SECRET" }
`,
			model: "select id, email, name, plan, score from people",
			sync: `object = "people"
identifier = "email"
on_removed = "delete"

[fields]
email = "email"
name  = "name"
plan  = "plan"
score = "score"
`,
			delivers: "/batch", all: 1, one: 1, rest: 2,
			id: address, name: "name", reason: "is not an email address",
			quiet: 2 * time.Second, hush: says(429, "", "Retry-After", "2"),
		},
		"salesforce": {
			standIn: func() recordKeeper { return salesforcetest.New() },
			settings: `base_url = "$URL"
client_id = "app"
client_secret = { env = "VENDOR_SECRET" }
`,
			model: "select id, email, name, score from people",
			sync: `object = "Contact"
identifier = "Number__c"
on_removed = "delete"

[fields]
Number__c = { column = "id", type = "string" }
Email     = "email"
LastName  = "name"
Score__c  = "score"
`,
			delivers: "/composite/", all: 5, one: 1, rest: 6,
			id: strconv.Itoa, name: "LastName", reason: "invalid email address",
			quiet:  10 * time.Second,
			hush:   says(403, `[{"message":"ConcurrentRequests (Concurrent API) Limit exceeded.","errorCode":"REQUEST_LIMIT_EXCEEDED"}]`),
			tokens: "/services/oauth2/token",
			ended:  says(401, `[{"message":"Session expired or invalid","errorCode":"INVALID_SESSION_ID"}]`),
		},
		"mailchimp": {
			standIn: func() recordKeeper { return mailchimptest.New() },
			settings: `base_url = "$URL"
api_key = { env = "VENDOR_SECRET" }
audience = "a1b2c3d4e5"
`,
			model: "select id, email, name from people",
			sync: `object = "members"
identifier = "email_address"
on_removed = "delete"

[fields]
email_address        = "email"
status_if_new        = { value = "subscribed" }
"merge_fields.FNAME" = "name"
"merge_fields.LNAME" = { value = "Lovelace" }
`,
			delivers: "POST /3.0/lists/", all: 2, one: 1, rest: 3,
			id: address, name: "merge_fields.FNAME", reason: "looks fake or invalid",
			quiet: 2 * time.Second, hush: says(429, `{"type":"about:blank","title":"Too Many Requests","status":429,"detail":"You have exceeded the limit of 10 simultaneous connections."}`, "Retry-After", "2"),
		},
		"sendgrid": {
			standIn: func() recordKeeper { return sendgridtest.New() },
			settings: `base_url = "$URL"
api_key = { env = "VENDOR_SECRET" }
`,
			model: "select id, email, name from people",
			sync: `object = "contacts"
identifier = "email"
on_removed = "delete"

[fields]
email      = "email"
first_name = "name"
`,
			delivers: "PUT /v3/marketing/contacts$|/contacts/imports/|/exports/", all: 2, one: 2, rest: 3,
			id: address, name: "first_name", reason: "is invalid",
			quiet: 2 * time.Second,
			hush: func(w http.ResponseWriter) {
				w.Header().Set("X-RateLimit-Reset", strconv.FormatInt(time.Now().Add(3*time.Second).Unix(), 10))
				says(429, `{"errors":[{"field":null,"message":"too many requests"}]}`)(w)
			},
		},
		"zendesk": {
			standIn: func() recordKeeper { return zendesktest.New() },
			settings: `base_url = "$URL"
token = { env = "VENDOR_SECRET" }
`,
			model: "select id, email, name from people",
			sync: `object = "users"
identifier = "external_id"
on_removed = "delete"

[fields]
external_id = { column = "id", type = "string" }
email       = "email"
name        = "name"
`,
			delivers: "/users/create_or_update_many|/job_statuses", all: 20, one: 2, rest: 22,
			id: strconv.Itoa, name: "name", reason: "is not properly formatted",
			quiet: 2 * time.Second, hush: says(429, `{"error":"APIRateLimitExceeded","description":"Number of allowed API requests per minute exceeded"}`, "Retry-After", "2"),
		},
		"brevo": {
			standIn: func() recordKeeper { return brevotest.New() },
			settings: `base_url = "$URL"
api_key = { env = "VENDOR_SECRET" }
rate = "1000/s"
`,
			model: "select id, email, name, score from people",
			sync: `object = "contacts"
identifier = "email"
on_removed = "delete"

[fields]
email = "email"
"attributes.FIRSTNAME" = "name"
"attributes.SCORE"     = "score"
`,
			delivers: "/v3/contacts($|/[^/]*@|/[^/]*%40)", all: 1000, one: 1, rest: 1002,
			id: address, name: "attributes.FIRSTNAME", reason: "email is not valid",
			quiet: 2 * time.Second, hush: says(429, `{"code":"too_many_requests","message":"Rate limit exceeded"}`, "X-Sib-Ratelimit-Reset", "2"),
		},
		"http":    httpVendor(address),
		"sandbox": sandboxVendor(address),
		"slack": {
			standIn: func() recordKeeper { return slacktest.New() },
			settings: `base_url = "$URL/api"
token = { env = "VENDOR_SECRET" }
rate = "1000/s"
`,
			model: "select id, email, name, case when email like '%@%' then '#sales' else '#gone' end as channel from people",
			sync: `object = "posts"
identifier = "post_id"
on_removed = "delete"

[fields]
post_id  = { column = "id", type = "string" }
channel  = "channel"
username = "email"
text     = "name"
`,
			delivers: `/chat\.`, all: 1000, one: 1, rest: 1002,
			id: address, name: "text", reason: "channel_not_found",
			quiet: 2 * time.Second, hush: says(429, `{"ok":false,"error":"ratelimited"}`, "Retry-After", "2"),
		},
	}
}
