package sandbox

import (
	"bytes"
	"database/sql"
	"embed"
	"errors"
	"html/template"
	"net/http"
	"strconv"
	"time"

	"github.com/dustin/go-humanize"
)

//go:embed page.html style.css icon.svg
var assets embed.FS

const (
	pageSize      = 50
	shownRequests = 100
	policy        = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)

// pages lays out the page: the records of all objects or of one, one record, and the requests to write.
// Everything that arrived is shown as text; html/template escapes it and the policy forbids scripts altogether.
func (s *Server) pages(mux *http.ServeMux) {
	p := &pages{store: s.store, broken: s.broken, templates: template.Must(template.New("").Funcs(template.FuncMap{
		"comma": humanize.Comma,
	}).ParseFS(assets, "page.html"))}
	mux.HandleFunc("GET /{$}", p.list(object{label: "All records"}))
	for _, o := range objects {
		mux.HandleFunc("GET /"+o.name, p.list(o))
		mux.HandleFunc("GET /"+o.name+"/{id}", p.record(o))
	}
	mux.HandleFunc("GET /requests", p.requests)
	for _, name := range []string{"style.css", "icon.svg"} {
		mux.HandleFunc("GET /"+name, func(w http.ResponseWriter, r *http.Request) { http.ServeFileFS(w, r, assets, name) })
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		p.show(w, r, http.StatusNotFound, "missing", view{Title: "Nothing here"})
	})
}

type pages struct {
	store     *store
	templates *template.Template
	broken    func(http.ResponseWriter, *http.Request, error)
}

func (p *pages) list(o object) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		v := view{Title: o.label, Tab: o.name, Path: r.URL.Path, Search: r.FormValue("q"), Host: r.Host}
		q := Query{Object: o.name, Search: v.Search, Limit: pageSize}
		if before, err := strconv.ParseInt(r.FormValue("before"), 10, 64); err == nil && before > 0 {
			q.Before, v.Paged = before, true
		}
		records, next, err := p.store.records(r.Context(), q)
		if err != nil {
			p.broken(w, r, err)
			return
		}
		v.Next = next
		now := time.Now()
		for _, record := range records {
			v.Records = append(v.Records, newEntry(record, record.Latest, shownEdits, now))
		}
		if !v.Paged && v.Search == "" {
			deleted, err := p.store.deletions(r.Context(), o.name, shownDeletions)
			if err != nil {
				p.broken(w, r, err)
				return
			}
			v.addDeletions(deleted, now)
		}
		p.show(w, r, http.StatusOK, "list", v)
	}
}

func (p *pages) record(o object) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
		if err != nil {
			p.show(w, r, http.StatusNotFound, "missing", view{Title: "Nothing here", Tab: o.name})
			return
		}
		record, changes, err := p.store.history(r.Context(), o.name, id)
		if errors.Is(err, sql.ErrNoRows) {
			p.show(w, r, http.StatusNotFound, "missing", view{Title: "No such record", Tab: o.name})
			return
		}
		if err != nil {
			p.broken(w, r, err)
			return
		}
		now := time.Now()
		v := view{Tab: o.name, Fields: fieldsOf(o, record)}
		for _, c := range changes {
			v.Records = append(v.Records, newEntry(record, c, len(c.Edits), now))
		}
		v.Title = v.Records[0].Name
		p.show(w, r, http.StatusOK, "record", v)
	}
}

func (p *pages) requests(w http.ResponseWriter, r *http.Request) {
	requests, err := p.store.requests(r.Context(), shownRequests)
	if err != nil {
		p.broken(w, r, err)
		return
	}
	v := view{Title: "Requests", Tab: "requests"}
	v.addRequests(requests, time.Now())
	p.show(w, r, http.StatusOK, "requests", v)
}

// show renders v with what stands on every page. Nothing is sent before all of it was rendered.
func (p *pages) show(w http.ResponseWriter, r *http.Request, status int, name string, v view) {
	totals, err := p.store.totals(r.Context())
	if err != nil {
		p.broken(w, r, err)
		return
	}
	live, archived, err := p.store.sizes(r.Context())
	if err != nil {
		p.broken(w, r, err)
		return
	}
	v.Totals = totals
	v.addTabs(live, archived)
	if v.Tab == "" && name == "list" {
		requests, err := p.store.requests(r.Context(), 5)
		if err != nil {
			p.broken(w, r, err)
			return
		}
		v.addRequests(requests, time.Now())
	}
	var b bytes.Buffer
	if err := p.templates.ExecuteTemplate(&b, name, v); err != nil {
		p.broken(w, r, err)
		return
	}
	w.Header().Set("Content-Security-Policy", policy)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = b.WriteTo(w) // a reader that went away gets no page
}
