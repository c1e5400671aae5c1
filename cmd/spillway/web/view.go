package web

import (
	"bytes"
	"embed"
	"html/template"
	"net/http"
	"time"

	"spillway/cmd/spillway/web/access"
	"spillway/cmd/spillway/words"
	"spillway/destinations"
	"spillway/syncer/runlog"
)

//go:embed templates
var templateFiles embed.FS

// view is what every page shows around its body.
type view struct {
	Title   string
	Section string // of the navigation: overview, runs, connections or project
	Who     access.Identity
	Login   bool // whoever looks came with a token, and may log out
	Trouble int  // how many problems of the project on disk
	Now     time.Time
	Live    bool // it is looked at anew every few seconds
	Notice  string
	Body    any
}

// May reports whether whoever looks may do what takes a scope; the names are those of tokens.
func (v view) May(scope string) bool {
	var wanted access.Scope
	return wanted.UnmarshalText([]byte(scope)) == nil && v.Who.May(wanted)
}

// pageTemplates are the pages, by the names of their files without the ending.
var pageTemplates = parsePages("overview", "sync", "runs", "run", "row", "search", "plan", "connections", "project", "failure", "login")

func parsePages(names ...string) map[string]*template.Template {
	layout := template.Must(template.New("").Funcs(functions).ParseFS(templateFiles, "templates/layout.html", "templates/parts.html"))
	pages := map[string]*template.Template{}
	for _, name := range names {
		pages[name] = template.Must(template.Must(layout.Clone()).ParseFS(templateFiles, "templates/"+name+".html"))
	}
	return pages
}

// functions are what templates may call. Text that came from outside stays text: none of them makes markup of it.
var functions = template.FuncMap{
	"count":  words.Count,
	"plural": plural[int64],
	"number": plural[int],
	"add":    func(a, b int64) int64 { return a + b },
	"ops":    func() []destinations.Op { return operations },
	"took":   words.Took,
	"size":   words.Size,
	"pretty": pretty,
	"said":   func(name string, m runlog.Message) spoken { return spoken{name, m} },
	"health": healthOf,
	"state":  func(s runlog.State) condition { return conditions[s] },
	"stamp":  func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
	"utc":    func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05") },
	"since":  func(now, t time.Time) string { return since(now.Sub(t)) },
	"until":  func(now, t time.Time) string { return since(t.Sub(now)) },
	"asset":  assetPath,
	"brief":  func(hash string) string { return hash[:min(12, len(hash))] },
	"short":  func(id string) string { return id[max(0, len(id)-6):] },
}

// operations are those that a row can be due for.
var operations = []destinations.Op{
	destinations.Upsert, destinations.Update, destinations.Insert, destinations.Clear, destinations.Archive, destinations.Delete,
}

func plural[N int | int64](n N, one, many string) string { return words.Plural(int64(n), one, many) }

// since writes how long something is ago or ahead, in its largest unit.
func since(d time.Duration) string {
	for _, unit := range []struct {
		of        time.Duration
		one, many string
	}{
		{24 * time.Hour, "day", "days"},
		{time.Hour, "hour", "hours"},
		{time.Minute, "minute", "minutes"},
		{time.Second, "second", "seconds"},
	} {
		if n := d / unit.of; n >= 1 {
			return words.Plural(int64(n), unit.one, unit.many)
		}
	}
	return "less than a second"
}

// render answers with a page.
func (s *server) render(w http.ResponseWriter, r *http.Request, status int, name string, v view) error {
	v.Who, v.Now, v.Trouble = who(r.Context()), s.Now(), len(s.Daemon.Reloaded().Problems)
	_, err := r.Cookie(s.cookieName())
	v.Login = err == nil
	v.Notice = notices[r.URL.Query().Get("done")]
	var page bytes.Buffer
	if err := pageTemplates[name].ExecuteTemplate(&page, "layout", v); err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(page.Bytes()) // the browser may be gone
	return nil
}

// notices say what an action did, on the page that follows it. Addresses carry their names alone, so that nobody can put
// words into a page by a link.
var notices = map[string]string{
	"started":   "The run has started.",
	"cancelled": "The run is being cancelled.",
	"approved":  "The plan was approved and is being applied.",
	"discarded": "The plan was thrown away; nothing of it was sent.",
	"retried":   "The rows were put back in line, and a run that sends them has started.",
	"paused":    "The sync is paused: neither its schedule nor another sync starts it.",
	"resumed":   "The sync runs by its schedule again.",
	"checked":   "Every warehouse and destination was checked.",
	"reloaded":  "The project was read anew.",
}
