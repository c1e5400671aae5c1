package salesforce

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"spillway/destinations"
	"spillway/destinations/httpapi"
)

// fault is how Salesforce reports what is wrong, with a record by its statusCode, with a request by its errorCode.
type fault struct {
	StatusCode string   `json:"statusCode"`
	ErrorCode  string   `json:"errorCode"`
	Message    string   `json:"message"`
	Fields     []string `json:"fields"`
}

func (f fault) code() string {
	switch {
	case f.StatusCode != "":
		return f.StatusCode
	case f.ErrorCode != "":
		return f.ErrorCode
	}
	return "error"
}

func (f fault) reason() string {
	text := f.Message
	if text == "" {
		text = "Salesforce gave no reason"
	}
	if len(f.Fields) > 0 && !strings.Contains(text, f.Fields[0]) {
		text += " (" + strings.Join(f.Fields, ", ") + ")"
	}
	return text
}

const (
	codeLocked   = "UNABLE_TO_LOCK_ROW"
	codeLimit    = "REQUEST_LIMIT_EXCEEDED"
	codeAbsent   = "not_found"
	codeSeveral  = "DUPLICATE_EXTERNAL_ID"
	codeNoResult = "no_result"
)

// passing are the codes of faults that lie in the moment or in the org, and in no record, after the list of status codes
// in the SOAP API's guide, which the REST API's shares. A record that meets any other is refused for good.
var passing = []string{
	codeLocked, codeLimit, "REQUEST_RUNNING_TOO_LONG", "QUERY_TIMEOUT", "SERVER_UNAVAILABLE", "UNKNOWN_EXCEPTION",
	"ALL_OR_NONE_OPERATION_ROLLED_BACK", "API_CURRENTLY_DISABLED", "LIMIT_EXCEEDED", "EXCEEDED_QUOTA", "STORAGE_LIMIT_EXCEEDED",
	"TOO_MANY_APEX_REQUESTS",
}

// gone are the codes by which Salesforce says that a record that is to be deleted is not there.
var gone = []string{"ENTITY_IS_DELETED", "INVALID_CROSS_REFERENCE_KEY"}

// passes says whether the same may go well at another time. A trigger may wrap a lock that it met.
func (f fault) passes() bool {
	return slices.Contains(passing, f.code()) || strings.Contains(f.Message, codeLocked)
}

// result is what faults mean for a record that was to be given op.
func result(op destinations.Op, faults []fault) destinations.Result {
	if len(faults) == 0 {
		return destinations.Result{Code: codeNoResult, Reason: "Salesforce's answer does not say what became of this record"}
	}
	r := destinations.Result{Status: destinations.Deferred, Code: faults[0].code()}
	var reasons []string
	for _, f := range faults {
		reasons = append(reasons, f.reason())
		if op == destinations.Delete && slices.Contains(gone, f.code()) {
			return destinations.Result{Status: destinations.Accepted}
		}
		if !f.passes() && r.Status == destinations.Deferred {
			r.Status, r.Code = destinations.Rejected, f.code()
		}
		if strings.Contains(f.Message, codeLocked) && r.Status == destinations.Deferred {
			r.Code = codeLocked
		}
	}
	r.Reason = strings.Join(reasons, "; ")
	return r
}

// unfit are the codes of requests that no org takes, whatever the records hold.
var unfit = []string{"INVALID_FIELD", "INVALID_TYPE", "NOT_FOUND", "METHOD_NOT_ALLOWED", "UNSUPPORTED_API_VERSION", "INVALID_OPERATION"}

// hints are what to do about codes that concern the credentials or the org.
var hints = map[string]string{
	"INVALID_SESSION_ID":     "the access token has ended or was withdrawn: take a new one, or check the app's settings and that it has the scope api",
	"API_DISABLED_FOR_ORG":   "the org's edition or the user's profile has no API: give the user the permission API Enabled",
	"API_CURRENTLY_DISABLED": "the org's API is switched off for now",
	"INSUFFICIENT_ACCESS":    "give the user a permission set with create, edit and delete on the object",
}

const (
	concurrentWait = 10 * time.Second // for one of the long requests under way to end
	dailyWait      = 15 * time.Minute // the day's requests come back hour by hour; the rows wait for another run
)

// problem reads Salesforce's own form of errors, and how much of the day's requests is used.
func (d *destination) problem(a httpapi.Answer, usual httpapi.Problem) httpapi.Problem {
	d.usage.learn(a.Header, d.log)
	if a.Status < 300 {
		return usual
	}
	var faults []fault
	if decode(a.Body, &faults) != nil || len(faults) == 0 {
		return usual
	}
	f := faults[0]
	code := f.code()
	usual.Code, usual.Reason = code, f.reason()
	if hint := hints[code]; hint != "" {
		usual.Hint = hint
	}
	switch {
	case code == codeLimit: // with 403, and no Retry-After
		usual.Class, usual.Hint, usual.Throttled = httpapi.Later, "", true
		wait := dailyWait
		if strings.Contains(f.Message, "Concurrent") {
			wait = concurrentWait
		}
		usual.Wait = max(usual.Wait, wait)
	case f.passes() && (usual.Class == httpapi.Refused || usual.Class == httpapi.Denied):
		usual.Class, usual.Hint = httpapi.Later, ""
	case usual.Class == httpapi.Refused || usual.Class == httpapi.Unfit && a.Status >= http.StatusBadRequest:
		if slices.Contains(unfit, code) && !strings.Contains(f.Message, "Foreign key external ID") {
			usual.Class = httpapi.Unfit // every record has it: none is at fault
			usual.Hint = "the org lacks what this sync names, or hides it from the user; see the object's fields, and check api_version"
		}
	}
	return usual
}

// decode reads JSON with its numbers as they stand.
func decode(body []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	return decoder.Decode(into)
}

// undelivered defers the records of b, of which nothing was written because of err. It returns err where that ends the
// delivery.
func undelivered(b destinations.Batch, err error) ([]destinations.Result, error) {
	p, ok := errors.AsType[*httpapi.Problem](err)
	if !ok {
		return notSent(b), err
	}
	results := all(b, destinations.Result{Status: destinations.Deferred, Code: p.Code, Reason: "not written: " + p.Reason})
	return results, ending(err)
}

// ending returns err if it is one after which nothing further is sent.
func ending(err error) error {
	p, ok := errors.AsType[*httpapi.Problem](err)
	passes := ok && (p.Class == httpapi.Later || p.Class == httpapi.Lost || p.Class == httpapi.Refused)
	if passes && !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded) {
		return nil
	}
	return err
}
