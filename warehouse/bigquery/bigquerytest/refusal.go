//go:build !noduckdb

package bigquerytest

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
)

// Error is an error as BigQuery reports it.
type Error struct {
	Status  int // of HTTP, or the code of gRPC
	Reason  string
	Message string
	Late    bool // whether a job is submitted nevertheless
}

func (e *Error) Error() string { return fmt.Sprintf("%d %s: %s", e.Status, e.Reason, e.Message) }

func refusal(status int, reason, message string) error {
	return &Error{Status: status, Reason: reason, Message: message}
}

// asError makes any error one of BigQuery.
func asError(err error) *Error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	return &Error{Status: http.StatusInternalServerError, Reason: "internalError", Message: err.Error()}
}

// fail answers a request with an error.
func fail(w http.ResponseWriter, err error) {
	e := asError(err)
	detail := map[string]any{"message": e.Message, "domain": "global", "reason": e.Reason}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(e.Status)
	_ = json.NewEncoder(w).Encode(map[string]any{"error": map[string]any{
		"code": e.Status, "message": e.Message, "errors": []any{detail}, "status": http.StatusText(e.Status),
	}})
}

// reply answers a request.
func reply(w http.ResponseWriter, answer any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(answer)
}
