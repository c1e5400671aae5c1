package web

import (
	"net/http"
	"net/url"

	"spillway/cmd/spillway/inquiry"
	"spillway/syncer"
	"spillway/syncer/daemon"
	"spillway/syncer/runlog"
)

// rowBody is the body of a row's page: all that is known of it.
type rowBody struct {
	daemon.SyncStatus
	Key       string
	Known     *syncer.KnownRow // nil: the snapshot does not know it
	Sightings []runlog.Sighting
	Side      inquiry.Side // of its latest problem, while it is one
	Exchanges []runlog.Exchange
	Sampling  bool // the project has samples kept
}

// rowLink is the address of a row's page.
func rowLink(sync, key string) string {
	return "/syncs/" + url.PathEscape(sync) + "/row?" + url.Values{"key": {key}}.Encode()
}

// sightingsShown is how many runs a row's page goes back, and exchangesShown how many exchanges it shows.
const (
	sightingsShown = 50
	exchangesShown = 6
)

func (s *server) rowPage(w http.ResponseWriter, r *http.Request) error {
	st, err := s.Daemon.Sync(r.Context(), r.PathValue("sync"))
	if err != nil {
		return err
	}
	body := rowBody{SyncStatus: st, Key: r.URL.Query().Get("key")}
	if body.Key == "" {
		return invalid("no key is given", "a composite key is written as a JSON array")
	}
	if body.Known, err = s.Daemon.Known(r.Context(), st.Sync.Name, body.Key); err != nil {
		return err
	}
	if body.Sightings, err = s.Daemon.Runs().Sightings(r.Context(), st.Sync.Name, body.Key, sightingsShown); err != nil {
		return err
	}
	body.Sampling = s.Daemon.Runs().Sampling()
	if body.Exchanges, err = s.Daemon.Runs().Exchanges(r.Context(), st.Sync.Name, body.Key, exchangesShown); err != nil {
		return err
	}
	body.Side = inquiry.Row{Known: body.Known, Sightings: body.Sightings, Last: st.Last}.Side()
	return s.render(w, r, http.StatusOK, "row", view{Title: "Row " + body.Key + " of " + st.Sync.Name, Section: "overview", Body: body})
}
