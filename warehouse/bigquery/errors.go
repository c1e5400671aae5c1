package bigquery

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"cloud.google.com/go/auth"
	bq "google.golang.org/api/bigquery/v2"
	"google.golang.org/api/googleapi"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"spillway/warehouse"
)

// failure turns an error of the clients into one that says what to do, or into that of the context that caused it.
func failure(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if _, ok := errors.AsType[*warehouse.Error](err); ok {
		return err
	}
	if e, ok := errors.AsType[*googleapi.Error](err); ok {
		reason, message := reasonOf(e)
		out := refused(reason, message)
		out.Err, out.Temporary = e, out.Temporary || e.Code >= http.StatusInternalServerError || e.Code == http.StatusTooManyRequests
		if e.Code == http.StatusUnauthorized {
			out.Hint = checkCredentials
		}
		return out
	}
	if e, ok := errors.AsType[*auth.Error](err); ok {
		return unauthorized(e)
	}
	if s, ok := grpcStatus(err); ok {
		return streamRefused(s)
	}
	if isNetwork(err) {
		return unreachable(err)
	}
	return err
}

const checkCredentials = "check credentials: the key may have been deleted, or the account disabled"

// unauthorized is an error of the server that gives out tokens. Its answer is not shown, for it may quote what was sent.
func unauthorized(e *auth.Error) error {
	if e.Response == nil || e.Temporary() {
		return &warehouse.Error{
			Code: "authError", Message: "no access token was given out for these credentials", Hint: "try again", Temporary: true,
		}
	}
	return &warehouse.Error{
		Code: "authError", Message: fmt.Sprintf("the credentials were refused with status %d", e.Response.StatusCode), Hint: checkCredentials,
	}
}

// unidentified is an error of making a client, which is one of finding or reading credentials.
func unidentified(err error) error {
	return &warehouse.Error{
		Code: "authError", Message: "the credentials cannot be used: " + oneLine(err.Error()),
		Hint: "set credentials, or log in with gcloud auth application-default login",
	}
}

func grpcStatus(err error) (*status.Status, bool) {
	var e interface{ GRPCStatus() *status.Status }
	if !errors.As(err, &e) {
		return nil, false
	}
	return e.GRPCStatus(), true
}

// streamRefused is an error of the Storage Read API.
func streamRefused(s *status.Status) error {
	out := &warehouse.Error{Code: s.Code().String(), Message: oneLine(s.Message())}
	switch s.Code() {
	case codes.Unavailable, codes.Aborted, codes.Internal, codes.DeadlineExceeded, codes.ResourceExhausted, codes.Unknown, codes.Canceled:
		out.Temporary, out.Hint = true, "try again"
	case codes.PermissionDenied:
		out.Hint = "grant the role BigQuery Read Session User, or set storage_read = \"never\""
	case codes.Unauthenticated:
		out.Hint = checkCredentials
	default: // what else is refused stays refused
	}
	return out
}

func isNetwork(err error) bool {
	_, network := errors.AsType[net.Error](err)
	_, request := errors.AsType[*url.Error](err)
	return network || request || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed)
}

// unreachable has no Err: what the network reports may wrap io.EOF, which here would mean a complete result.
func unreachable(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		err = e.Err // without the URL, which is long and says nothing
	}
	return &warehouse.Error{Message: "BigQuery cannot be reached: " + oneLine(err.Error()), Hint: "try again", Temporary: true}
}

// reasonOf returns BigQuery's own code and words.
func reasonOf(e *googleapi.Error) (reason, message string) {
	message = e.Message
	if len(e.Errors) > 0 {
		reason = e.Errors[0].Reason
		if message == "" {
			message = e.Errors[0].Message
		}
	}
	if message == "" {
		message = http.StatusText(e.Code)
	}
	if reason == "" {
		reason = fmt.Sprintf("HTTP %d", e.Code)
	}
	return reason, message
}

// refused is an error that BigQuery reported.
func refused(reason, message string) *warehouse.Error {
	message = oneLine(message)
	hint := hints[reason]
	if reason == "stopped" && strings.Contains(message, "time") {
		hint = "make the model cheaper, or raise statement_timeout"
	}
	if at := position.FindStringSubmatch(message); at != nil {
		hint = "at line " + at[1] + ", column " + at[2]
	}
	return &warehouse.Error{Code: reason, Message: message, Hint: hint, Temporary: temporary[reason]}
}

// position matches where in the model an error is, as BigQuery writes it.
var position = regexp.MustCompile(`\[(\d+):(\d+)\]`)

// temporary holds the reasons of states that pass by themselves.
var temporary = map[string]bool{
	"backendError": true, "internalError": true, "jobBackendError": true, "jobInternalError": true, "jobRateLimitExceeded": true,
	"quotaExceeded": true, "rateLimitExceeded": true, "resourceInUse": true, "tableUnavailable": true,
}

var hints = map[string]string{
	"accessDenied":             "grant the account BigQuery Job User on the project and BigQuery Data Viewer on the dataset",
	"authError":                checkCredentials,
	"billingNotEnabled":        "enable billing for the project",
	"billingTierLimitExceeded": "make the model cheaper",
	"bytesBilledLimitExceeded": "raise maximum_bytes_billed, or read fewer columns or partitions",
	"invalidQuery":             "a model is one SELECT statement of GoogleSQL",
	"notFound":                 "check its name, its dataset and location",
	"quotaExceeded":            "wait until the quota is renewed, or have it raised",
	"rateLimitExceeded":        "try again, or run fewer queries at a time",
	"resourcesExceeded":        "make the model cheaper: ORDER BY without LIMIT, large window functions and skewed joins cost most",
	"responseTooLarge":         "select fewer columns or rows",
	"stopped":                  "the job was cancelled in BigQuery",
	"tableUnavailable":         "try again",
}

// jobFailed is an error with which a job ended while it ran.
func jobFailed(id string, e *bq.ErrorProto) *warehouse.Error {
	return atRuntime(id, refused(e.Reason, e.Message))
}

// atRuntime hides the values of rows, which errors about data quote (invariant 10). What the query's text alone gave
// rise to had been found by the dry run already.
func atRuntime(id string, e *warehouse.Error) *warehouse.Error {
	if e.Code != "invalidQuery" && e.Code != "invalid" {
		return e
	}
	out := *e
	if strings.Contains(e.Message, "aborted due to concurrent update") {
		out.Hint, out.Temporary = "somebody else wrote the table at the same time, or a session holds it that was not ended: try again", true
		return &out
	}
	if known := aboutData.FindString(e.Message); known != "" {
		out.Message = known
	} else {
		out.Message = "the query failed on a value of the data"
	}
	out.Hint, out.Err = "BigQuery's own words may quote the value; see job "+id+" there", nil
	return &out
}

// aboutData matches the beginning of BigQuery's errors about data that comes before the value.
var aboutData = regexp.MustCompile(`(?i)^(Bad (int64|double|bool|bytes|date|numeric) value|Invalid (date|datetime|time|timestamp|interval|` +
	`(BIG)?NUMERIC value|JSON)|Could not convert string|Division by zero|(int64|float|numeric|bignumeric|double|floating point) overflow|` +
	`Floating point error|Array index|Scalar subquery produced more than one element|Array cannot have a null element|` +
	`Conversion Error|Out of Range Error)`)

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }
