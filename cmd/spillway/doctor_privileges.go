package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/jedib0t/go-pretty/v6/text"

	"spillway/syncer"
	"spillway/warehouse"
)

// rights are what the credentials of a warehouse may do, as doctor shows them.
type rights struct {
	Role     string   `json:"role"`
	Warnings []string `json:"warnings"`
	Script   string   `json:"script"` // makes a role that may only read
}

// rightsOf asks a warehouse that is well what its credentials may do. It is nil where the kind of warehouse cannot say,
// or knows no roles. What keeps it from being found out is a warning too, for reading works without the answer.
func rightsOf(ctx context.Context, e *syncer.Engine, name string) *rights {
	w, err := e.Warehouse(ctx, name)
	if err != nil {
		return nil
	}
	inspector, ok := w.(warehouse.Inspector)
	if !ok {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	found, err := inspector.Privileges(ctx)
	if err != nil {
		return &rights{Warnings: []string{"what the role may do cannot be found out: " + err.Error()}}
	}
	if found.Role == "" {
		return nil
	}
	r := &rights{Role: found.Role, Warnings: []string{}, Script: found.Script}
	for _, excess := range found.Excess {
		r.Warnings = append(r.Warnings, fmt.Sprintf("%s %s, and models only read", found.Role, excess))
	}
	return r
}

// showRights prints what is too much, and the way to less.
func (a *app) showRights(r *rights) {
	if r == nil || len(r.Warnings) == 0 {
		return
	}
	for _, warning := range r.Warnings {
		a.printf("        %s %s\n", text.FgYellow.Sprint("warning:"), strings.ReplaceAll(wrapped(safeLines(warning), widest-20), "\n", "\n        "))
	}
	if r.Script != "" {
		a.printf("        A role that may only read is made by:\n\n          %s\n\n", strings.ReplaceAll(strings.TrimSpace(safeLines(r.Script)), "\n", "\n          "))
	}
}
