package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

// apiRoutes is the table of the API, from the document that package web holds its routes to.
func apiRoutes(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("web/openapi.json")
	var document struct {
		Paths map[string]map[string]json.RawMessage `json:"paths"`
	}
	if err == nil {
		err = json.Unmarshal(text, &document)
	}
	if err != nil {
		t.Fatal(err)
	}
	type line struct{ path, method, scope, summary string }
	var lines []line
	for path, item := range document.Paths {
		for method, operation := range item {
			var o struct {
				Scope   string `json:"x-scope"`
				Summary string `json:"summary"`
			}
			if method != "get" && method != "post" {
				continue
			}
			if err := json.Unmarshal(operation, &o); err != nil {
				t.Fatal(err)
			}
			lines = append(lines, line{path, strings.ToUpper(method), o.Scope, o.Summary})
		}
	}
	slices.SortFunc(lines, func(a, b line) int { return cmp.Or(cmp.Compare(a.path, b.path), cmp.Compare(a.method, b.method)) })
	var b strings.Builder
	b.WriteString("| request | scope | does |\n|---|---|---|\n")
	for _, l := range lines {
		fmt.Fprintf(&b, "| `%s %s` | %s | %s |\n", l.method, l.path, l.scope, l.summary)
	}
	return b.String()
}
