package web

import (
	"context"
	"net/http"

	"spillway/cmd/spillway/inquiry"
	"spillway/syncer/runlog"
)

// searchBody is the body of the page that looks for a row across all syncs.
type searchBody struct {
	About string
	Found []inquiry.Row
	More  bool // there may be others
}

// foundRows is how many rows a search shows.
const foundRows = 50

// searchPage looks for rows by their key, or by the identifier of a row that has a problem. Where there is one, its own
// page is the answer.
func (s *server) searchPage(w http.ResponseWriter, r *http.Request) error {
	body := searchBody{About: r.URL.Query().Get("about")}
	if body.About != "" {
		var err error
		if body.Found, err = s.search(r.Context(), body.About); err != nil {
			return err
		}
	}
	if len(body.Found) == 1 {
		http.Redirect(w, r, rowLink(body.Found[0].Sync, body.Found[0].Key), http.StatusSeeOther)
		return nil
	}
	body.More = len(body.Found) == foundRows
	return s.render(w, r, http.StatusOK, "search", view{Title: "Find a row", Section: "overview", Body: body})
}

func (s *server) search(ctx context.Context, about string) ([]inquiry.Row, error) {
	all, err := s.Daemon.Syncs(ctx)
	if err != nil {
		return nil, err
	}
	names, last := make([]string, len(all)), make(map[string]*runlog.Run, len(all))
	for i, st := range all {
		names[i], last[st.Sync.Name] = st.Sync.Name, st.Last
	}
	source := inquiry.Source{
		Runs: s.Daemon.Runs(), Known: s.Daemon.Known,
		Last: func(_ context.Context, sync string) (*runlog.Run, error) { return last[sync], nil },
	}
	return source.Find(ctx, names, about, foundRows)
}
