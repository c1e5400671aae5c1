package sandbox

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"spillway/destinations"
)

// Options are the settings of a Server.
type Options struct {
	Dir   string            // where the records are kept; empty keeps them in memory
	Rate  destinations.Rate // requests to the API; the zero Rate is no limit
	Hosts []string          // names under which the server may be called, besides those of the loopback interface
	Log   *slog.Logger      // nil discards
}

// Server is the sandbox CRM: an HTTP API that takes records and a page that shows them. Its methods may be
// called from several goroutines.
type Server struct {
	store   *store
	limit   limit
	hosts   []string
	log     *slog.Logger
	handler http.Handler
}

// NewServer opens the store in o.Dir, making it where it is missing, and returns the server that answers from it.
func NewServer(o Options) (*Server, error) {
	store, err := openStore(context.Background(), o.Dir)
	if err != nil {
		return nil, err
	}
	log := o.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	s := &Server{store: store, limit: newLimit(o.Rate), hosts: o.Hosts, log: log}
	s.handler = s.guarded(s.routes())
	return s, nil
}

// Close releases the store. Requests still under way then fail.
func (s *Server) Close() error { return s.store.close() }

// Records lists what the sandbox keeps, the newest change first, and returns where the next page of it starts:
// the Before of the next Query, 0 after the last.
func (s *Server) Records(ctx context.Context, q Query) ([]Record, int64, error) {
	return s.store.records(ctx, q)
}

// Totals counts what the sandbox was ever asked to write.
func (s *Server) Totals(ctx context.Context) (Totals, error) { return s.store.totals(ctx) }

// Requests returns the latest requests to write, the newest first; at most 1000 are kept.
func (s *Server) Requests(ctx context.Context, limit int) ([]Request, error) {
	return s.store.requests(ctx, limit)
}

func (s *Server) routes() *http.ServeMux {
	mux := http.NewServeMux()
	s.api(mux)
	s.pages(mux)
	return mux
}

// guarded puts what holds for every request before next. A web page elsewhere must not reach a sandbox on its
// reader's machine, be it by a name that leads here (DNS rebinding) or by a form.
func (s *Server) guarded(next http.Handler) http.Handler {
	cross := http.NewCrossOriginProtection()
	cross.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fail(w, http.StatusForbidden, "cross_origin", "requests from other web pages are refused")
	}))
	inner := cross.Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		if !s.knows(r.Host) {
			fail(w, http.StatusMisdirectedRequest, "unknown_host", "this server does not answer to that host name")
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		inner.ServeHTTP(w, r)
	})
}

// knows reports whether the server may be called by this host, which may end in a port.
func (s *Server) knows(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.ToLower(strings.TrimSuffix(strings.Trim(host, "[]"), "."))
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	if ip := net.ParseIP(host); ip != nil && ip.IsLoopback() {
		return true
	}
	return slices.ContainsFunc(s.hosts, func(h string) bool { return strings.EqualFold(h, host) })
}

func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

const stopTime = 5 * time.Second

// Serve answers the connections of l until ctx is done, then lets the requests under way finish. It returns
// nil when it was stopped by ctx. The caller closes s.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	server := &http.Server{
		Handler:           s,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelWarn),
	}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(l) }()
	select {
	case err := <-failed:
		return fmt.Errorf("serve the sandbox on %s: %w", l.Addr(), err)
	case <-ctx.Done():
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTime)
	defer cancel()
	err := server.Shutdown(ctx)
	if err != nil {
		err = errors.Join(err, server.Close())
	}
	if served := <-failed; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}
