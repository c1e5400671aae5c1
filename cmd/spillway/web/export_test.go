package web

import "spillway/cmd/spillway/web/access"

// Route is a line of the table of routes, for tests.
type Route struct {
	Method, Pattern string
	Scope           access.Scope
	Page            bool
}

// Routes returns the table of routes.
func Routes(o Options) []Route {
	table := newServer(o).table
	routes := make([]Route, len(table))
	for i, rt := range table {
		routes[i] = Route{rt.method, rt.pattern, rt.scope, rt.page}
	}
	return routes
}
