// Package notify lists the services that alerts can be given to.
package notify

import (
	"spillway/cmd/spillway/notify/email"
	"spillway/cmd/spillway/notify/pagerduty"
	"spillway/cmd/spillway/notify/slack"
	"spillway/cmd/spillway/notify/webhook"
	"spillway/syncer/alert"
)

// Definitions returns every kind of service, by name.
func Definitions() []alert.Definition {
	return []alert.Definition{email.Definition(), pagerduty.Definition(), slack.Definition(), webhook.Definition()}
}
