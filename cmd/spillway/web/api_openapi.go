package web

import (
	_ "embed"
	"net/http"
)

// apiDocument describes the API. A test holds it to the table of routes, and the answers to it.
//
//go:embed openapi.json
var apiDocument []byte

func describeAPI(w http.ResponseWriter, _ *http.Request) error {
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(apiDocument) // whoever asked may be gone
	return nil
}
