package hubspot

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"spillway/destinations"
	"spillway/destinations/httpapi"
)

// failure is how HubSpot reports a fault, of a request as well as of a record. Every part of it may be missing, as
// developers.hubspot.com/docs/api-reference/error-handling says.
type failure struct {
	Category string                     `json:"category"`
	Message  string                     `json:"message"`
	Policy   string                     `json:"policyName"` // which limit was passed
	Context  map[string]json.RawMessage `json:"context"`
	Errors   []detail                   `json:"errors"`
}

type detail struct {
	Message string `json:"message"`
	Code    string `json:"code"`
}

// invalid is one of the property values that a message lists after the words below.
type invalid struct {
	Message string `json:"message"`
	Error   string `json:"error"`
}

const invalidValues = "Property values were not valid: "

// details are the single faults that f consists of, those inside its message included.
func (f failure) details() []detail {
	list, ok := strings.CutPrefix(f.Message, invalidValues)
	var values []invalid
	if !ok || json.Unmarshal([]byte(list), &values) != nil {
		return f.Errors
	}
	details := slices.Clone(f.Errors)
	for _, v := range values {
		details = append(details, detail{Message: v.Message, Code: v.Error})
	}
	return details
}

func (f failure) code() string {
	for _, d := range f.details() {
		if d.Code != "" {
			return d.Code
		}
	}
	if f.Category != "" {
		return f.Category
	}
	return "error"
}

func (f failure) reason() string {
	var parts []string
	if !strings.HasPrefix(f.Message, invalidValues) {
		parts = append(parts, f.Message)
	}
	for _, d := range f.details() {
		if d.Message != "" && !slices.Contains(parts, d.Message) {
			parts = append(parts, d.Message)
		}
	}
	if reason := strings.Join(slices.DeleteFunc(parts, func(p string) bool { return p == "" }), "; "); reason != "" {
		return reason
	}
	return "HubSpot gave no reason"
}

// names are the records that f is about, by their trace ids or by HubSpot's own.
func (f failure) names() []written {
	var names []written
	for _, id := range f.context("objectWriteTraceId") {
		names = append(names, written{TraceID: id})
	}
	for _, key := range []string{"id", "ids"} {
		for _, id := range f.context(key) {
			names = append(names, written{ID: id})
		}
	}
	return names
}

func (f failure) context(key string) []string {
	var list []string
	if json.Unmarshal(f.Context[key], &list) == nil {
		return list
	}
	var one string
	if json.Unmarshal(f.Context[key], &one) == nil {
		return []string{one}
	}
	return nil
}

// passing are the categories of faults that lie in the moment or in the account, and in no record. VALIDATION_ERROR,
// OBJECT_NOT_FOUND and CONFLICT, which the page on error handling names besides, are a record's own; so is taken
// whatever else comes, as a record that is refused for good must reach quarantine.
var passing = []string{"RATE_LIMITS", "MISSING_SCOPES", "INVALID_AUTHENTICATION", "EXPIRED_AUTHENTICATION", "INTERNAL_ERROR"}

func (f failure) result() destinations.Result {
	r := destinations.Result{Status: destinations.Rejected, Code: f.code(), Reason: f.reason()}
	if slices.Contains(passing, f.Category) {
		r.Status = destinations.Deferred
	}
	return r
}

// The statuses that HubSpot gives a meaning of its own, on the page on error handling.
const (
	statusLocked    = 423 // another request holds the records; wait two seconds at least
	statusMigrating = 477 // the account moves to another data centre; Retry-After says how long

	lockedWait    = 2 * time.Second
	migratingWait = 30 * time.Second
	dailyWait     = time.Hour // a day's requests are used up until midnight in the account's time zone
	rollingWait   = 10 * time.Second
	secondlyWait  = time.Second
)

// problem reads HubSpot's own form of errors.
func (d *destination) problem(a httpapi.Answer, usual httpapi.Problem) httpapi.Problem {
	usual.Limit = d.pace.learn(a.Header, d.log)
	if a.Status < 300 {
		usual.Wait = usedUp(a.Header, usual.Limit)
		usual.Throttled = usual.Wait > 0
		return usual
	}
	var f failure
	if json.Unmarshal(a.Body, &f) == nil && f.Category+f.Message != "" {
		usual.Reason = f.reason()
		if code := f.code(); code != "error" {
			usual.Code = code
		}
	}
	switch a.Status {
	case http.StatusUnauthorized:
		usual.Hint = "the token was refused: take a current service key or private app token from HubSpot's settings"
	case http.StatusForbidden:
		usual.Hint = "give the token the scopes that HubSpot names, such as crm.objects.contacts.write"
	case http.StatusNotFound:
		usual.Hint = "check base_url and api_version"
	case statusLocked:
		return pause(usual, max(lockedWait, httpapi.RetryAfter(a.Header, time.Now())))
	case statusMigrating:
		wait := httpapi.RetryAfter(a.Header, time.Now())
		if wait == 0 {
			wait = migratingWait
		}
		return pause(usual, wait)
	case http.StatusTooManyRequests:
		return pause(usual, limitWait(a, f, usual.Wait))
	}
	if usual.Class == httpapi.Refused && f.noSuchProperty() {
		usual.Class = httpapi.Unfit // every record has it: none is at fault
		usual.Hint = "the account no longer has a property that this sync maps; see its fields"
	}
	return usual
}

// pause makes p one that leaves the account alone for a while.
func pause(p httpapi.Problem, wait time.Duration) httpapi.Problem {
	p.Class, p.Hint, p.Throttled, p.Wait = httpapi.Later, "", true, wait
	return p
}

// limitWait is how long the limit that was passed lasts, as the page on usage guidelines says. HubSpot promises no
// Retry-After; a given one holds.
func limitWait(a httpapi.Answer, f failure, given time.Duration) time.Duration {
	switch f.Policy {
	case "DAILY":
		return max(given, dailyWait)
	case "SECONDLY":
		return max(given, secondlyWait)
	}
	if given > 0 {
		return given
	}
	if r, ok := allowed(a.Header); ok {
		return min(r.Per, time.Minute)
	}
	if f.Policy != "" {
		return rollingWait
	}
	return 0
}

func (f failure) noSuchProperty() bool {
	details := f.details()
	return len(details) > 0 && !slices.ContainsFunc(details, func(d detail) bool { return d.Code != "PROPERTY_DOESNT_EXIST" })
}
