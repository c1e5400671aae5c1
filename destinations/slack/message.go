package slack

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"spillway/destinations"
	"spillway/destinations/httpapi"
)

// The fields of a message, by the names of chat.postMessage, and one more.
const (
	fieldChannel = "channel"
	fieldText    = "text"
	fieldMarkup  = "mrkdwn"
)

var channel = destinations.Field{
	Name: fieldChannel, Label: "Channel: its id or #name, a person's id or e-mail address", Type: destinations.String, Required: true,
}

// contents are what a message says.
var contents = []destinations.Field{
	{Name: fieldText, Label: "Text, shown as it is", Type: destinations.String},
	{Name: fieldMarkup, Label: "Text in Slack's markup, in the place of text", Type: destinations.String},
	{Name: "blocks", Label: "Blocks", Type: destinations.JSON},
}

// asides are what else can be said of one.
var asides = []destinations.Field{
	{Name: "thread_ts", Label: "The message that it answers", Type: destinations.String},
	{Name: "reply_broadcast", Label: "Show an answer in the channel too", Type: destinations.Boolean},
	{Name: "unfurl_links", Label: "Unfold links", Type: destinations.Boolean},
	{Name: "unfurl_media", Label: "Unfold media", Type: destinations.Boolean},
	{Name: "username", Label: "Name of the sender", Type: destinations.String},
	{Name: "icon_emoji", Label: "Emoji of the sender", Type: destinations.String},
	{Name: "metadata", Label: "Metadata", Type: destinations.JSON},
}

// escaper makes Slack show a text as it is: https://docs.slack.dev/messaging/formatting-message-text
var escaper = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

// body is the message of r to a channel, which is empty for a webhook. ts names a message to be changed.
func body(r destinations.Record, to, ts string) ([]byte, error) {
	var fields destinations.Fields
	add := func(name string, v destinations.Value) {
		fields = append(fields, destinations.FieldValue{Name: name, Value: v})
	}
	if to != "" {
		add(fieldChannel, to)
	}
	if ts != "" {
		add("ts", ts)
	}
	_, marked := r.Fields.Get(fieldMarkup)
	for _, f := range r.Fields {
		text, isText := f.Value.(string)
		switch {
		case f.Value == nil, f.Name == fieldChannel, f.Name == postID, f.Name == fieldText && marked:
		case f.Name == fieldMarkup:
			add(fieldText, f.Value)
		case f.Name == fieldText && isText:
			add(fieldText, escaper.Replace(text))
		default:
			add(f.Name, f.Value)
		}
	}
	return fields.AppendJSON(nil)
}

// reply is what Slack's methods answer, with 200 whether they did what was asked or not.
type reply struct {
	OK       bool   `json:"ok"`
	Error    string `json:"error"`
	Needed   string `json:"needed"`  // scopes that the method wants, if it is they that are missing
	Channel  string `json:"channel"` // to which the message went
	TS       string `json:"ts"`      // that names it there
	Team     string `json:"team"`    // of auth.test
	User     any    `json:"user"`    // of auth.test a name, of users.lookupByEmail an object
	Response struct {
		Messages []string `json:"messages"` // what a block got wrong
	} `json:"response_metadata"`
}

// read takes an answer that says ok apart.
func read(a httpapi.Answer) (reply, error) {
	var r reply
	if err := json.Unmarshal(a.Body, &r); err != nil {
		return r, fmt.Errorf("the answer of Slack is not the JSON that was expected: %w", err)
	}
	if !r.OK {
		return r, errors.New("the answer of Slack does not say that all is well")
	}
	return r, nil
}
