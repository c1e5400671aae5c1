package web

import (
	"net/http"

	"spillway/cmd/spillway/web/access"
)

// openRoutes are for other machines that watch this one.
func (s *server) openRoutes() []route {
	return []route{
		{method: http.MethodGet, pattern: "/healthz", scope: access.Public, handle: healthy},
		{method: http.MethodGet, pattern: "/readyz", scope: access.Public, handle: s.ready},
		{method: http.MethodGet, pattern: "/metrics", scope: access.Read, handle: func(w http.ResponseWriter, r *http.Request) error {
			s.Metrics.ServeHTTP(w, r)
			return nil
		}},
	}
}

// healthy says that the process is there, whatever it can do.
func healthy(w http.ResponseWriter, _ *http.Request) error {
	return reply(w, http.StatusOK, map[string]string{"status": "ok"})
}

// ready says whether runs can be started: the state directory is writable and the scheduler alive. Destinations are no
// part of it. Why not is for those who may read.
func (s *server) ready(w http.ResponseWriter, r *http.Request) error {
	err := s.Daemon.Ready(r.Context())
	if err == nil {
		return reply(w, http.StatusOK, map[string]string{"status": "ready"})
	}
	s.Log.Warn("not ready", "error", err.Error())
	p := &problem{Status: http.StatusServiceUnavailable, Code: "not_ready", Detail: "the daemon is not ready", Hint: "its log says why"}
	if who(r.Context()).May(access.Read) {
		p.Detail += ": " + err.Error()
	}
	return p
}
