package zendesk

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"spillway/destinations"
)

// outcome is what a job says of one record. Which members it has depends on the job: an index where records are made, an
// id where they are changed or deleted, identifiers where either may be, and of a failure there the index as id.
type outcome struct {
	ID          json.RawMessage `json:"id"`
	Index       *int            `json:"index"`
	Email       string          `json:"email"`
	ExternalID  json.RawMessage `json:"external_id"`
	Status      string          `json:"status"` // Created, Updated, Deleted or Failed
	Success     *bool           `json:"success"`
	Error       json.RawMessage `json:"error"`
	Details     json.RawMessage `json:"details"`
	Description string          `json:"description"`
}

func (o outcome) id() string { return text(o.ID) }

func (o outcome) failed() bool {
	return text(o.Error) != "" || strings.EqualFold(o.Status, "failed") || o.Success != nil && !*o.Success
}

func (o outcome) done() bool {
	done := []string{"created", "updated", "deleted"}
	return o.Success != nil && *o.Success || slices.Contains(done, strings.ToLower(o.Status)) || o.Index != nil && o.id() != ""
}

// passing are codes of failures that lie in the moment: those that the references of users and organizations name with
// 409, 429 and 500. Every other one is the record's own, as what is refused for good must reach quarantine.
var passing = []string{"DatabaseConflict", "UpdateConflict", "TooManyRequests", "TooManyJobs", "Unavailable"}

func (o outcome) result(op destinations.Op) destinations.Result {
	code, reason := text(o.Error), text(o.Details)
	switch {
	case !o.failed() && o.done():
		return destinations.Result{Status: destinations.Accepted, RemoteID: o.id()}
	case !o.failed():
		return destinations.Result{Code: "unclear", Reason: "Zendesk's job says of this record neither that it was written nor that it failed"}
	case op == destinations.Delete && strings.HasSuffix(code, "NotFound"):
		return destinations.Result{Status: destinations.Accepted}
	}
	r := destinations.Result{Status: destinations.Rejected, Code: code, Reason: reason}
	if slices.Contains(passing, code) {
		r.Status = destinations.Deferred
	}
	for _, words := range []string{o.Description, o.Status} {
		if r.Reason == "" {
			r.Reason = words
		}
	}
	return r
}

// place is where in b the record stands that o is of, -1 if o does not tell.
func (o outcome) place(b destinations.Batch) int {
	own := text(o.ExternalID)
	switch b.Identifier {
	case email:
		own = o.Email
	case ownID:
		own = o.id()
	}
	if own != "" {
		at := slices.IndexFunc(b.Records, func(r destinations.Record) bool { return strings.EqualFold(r.ID, own) })
		if at >= 0 {
			return at
		}
	}
	if o.Index != nil && *o.Index >= 0 && *o.Index < len(b.Records) {
		return *o.Index
	}
	// Zendesk has not written down that the id of a failed upsert is the index, from 0. Its staff shows one where it is.
	if at, err := strconv.Atoi(o.id()); err == nil && o.failed() && b.Identifier != ownID && at >= 0 && at < len(b.Records) {
		return at
	}
	return -1
}

// outcomes gives each record of b what the job says of it, in whatever order. One of which it says nothing is unknown.
func (j job) outcomes(b destinations.Batch) []destinations.Result {
	results := make([]destinations.Result, len(b.Records))
	list, silence := j.list(), destinations.Result{Code: "no_result", Reason: "Zendesk's job says nothing of this record"}
	if j.Status != "completed" {
		silence.Reason = "Zendesk's job is " + j.Status + ": " + j.Message
	}
	places, inOrder := make([]int, len(list)), len(list) == len(results)
	for n, o := range list {
		places[n] = o.place(b)
		inOrder = inOrder && (places[n] == n || places[n] < 0)
	}
	for n, o := range list {
		r := o.result(b.Op)
		switch i := places[n]; {
		case i < 0 && inOrder: // it is, as Zendesk's staff says, and nothing here speaks against it
			results[n] = r
		case i >= 0 && (results[i].Code == "" && results[i].Status == destinations.Unknown || r.Status != destinations.Accepted):
			results[i] = r
		case i < 0 && r.Status == destinations.Rejected:
			silence = destinations.Result{Code: "unplaced", Reason: "a record of the job failed, and Zendesk did not say which: " + r.Reason}
		}
	}
	whole := j.whole() && b.Op == destinations.Delete
	for i := range results {
		switch {
		case results[i].Status != destinations.Unknown || results[i].Code != "":
		case whole:
			results[i] = destinations.Result{Status: destinations.Accepted}
		default:
			results[i] = silence
		}
	}
	return results
}

// list is what the job says of single records. What is no outcome is kept as an empty one, for the order's sake.
func (j job) list() []outcome {
	var raw []json.RawMessage
	if json.Unmarshal(j.Results, &raw) != nil {
		return nil
	}
	list := make([]outcome, len(raw))
	for i := range raw {
		if json.Unmarshal(raw[i], &list[i]) != nil {
			list[i] = outcome{}
		}
	}
	return list
}

// whole says that the job did all that it was asked for, in the form that the page on jobs shows for some deletions.
func (j job) whole() bool {
	var all struct {
		Success bool `json:"success"`
	}
	return j.Status == "completed" && json.Unmarshal(j.Results, &all) == nil && all.Success
}

// text is v as text: a string as it is, anything else as JSON. Null and false are none.
func text(v json.RawMessage) string {
	var s string
	if json.Unmarshal(v, &s) == nil {
		return strings.TrimSpace(s)
	}
	if s = string(v); s == "false" {
		return ""
	}
	return s
}
