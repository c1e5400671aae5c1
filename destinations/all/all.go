// Package all lists every kind of destination that Spillway has.
package all

import (
	"spillway/destinations"
	"spillway/destinations/brevo"
	"spillway/destinations/customerio"
	"spillway/destinations/http"
	"spillway/destinations/hubspot"
	"spillway/destinations/intercom"
	"spillway/destinations/mailchimp"
	"spillway/destinations/salesforce"
	"spillway/destinations/sandbox"
	"spillway/destinations/sendgrid"
	"spillway/destinations/slack"
	"spillway/destinations/zendesk"
)

// Definitions returns the kinds of destinations in the order of their names.
func Definitions() []destinations.Definition {
	return []destinations.Definition{
		brevo.Definition(),
		customerio.Definition(),
		http.Definition(),
		hubspot.Definition(),
		intercom.Definition(),
		mailchimp.Definition(),
		salesforce.Definition(),
		sandbox.Definition(),
		sendgrid.Definition(),
		slack.Definition(),
		zendesk.Definition(),
	}
}
