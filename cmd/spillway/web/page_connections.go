package web

import (
	"net/http"

	"spillway/syncer/alert"
	"spillway/syncer/daemon"
	"spillway/syncer/project"
)

// connectionsBody is the body of the connections' page.
type connectionsBody struct {
	Checks []daemon.Check
	Alerts []alert.Status
}

func (s *server) connectionsPage(w http.ResponseWriter, r *http.Request) error {
	body := connectionsBody{Checks: s.Daemon.Checks()}
	if s.Alerts != nil {
		body.Alerts = s.Alerts()
	}
	return s.render(w, r, http.StatusOK, "connections", view{Title: "Connections", Section: "connections", Body: body})
}

// projectBody is the body of the project's page.
type projectBody struct {
	Name     string
	Root     string
	Syncs    []*project.Sync
	Reloaded daemon.Reloaded
	Build    Build
}

func (s *server) projectPage(w http.ResponseWriter, r *http.Request) error {
	p := s.Daemon.Project()
	return s.render(w, r, http.StatusOK, "project", view{
		Title: "Project " + p.Name, Section: "project",
		Body: projectBody{Name: p.Name, Root: p.Root, Syncs: p.Syncs, Reloaded: s.Daemon.Reloaded(), Build: s.Build},
	})
}
