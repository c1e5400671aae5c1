package web

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"spillway/cmd/spillway/web/access"
	"spillway/syncer/runlog"
	"spillway/syncer/settings"
)

const apiPrefix = "/api/v1/"

// apiRoutes are DESIGN §9.
func (s *server) apiRoutes() []route {
	get := func(path string, h handler) route {
		return route{method: http.MethodGet, pattern: apiPrefix + path, scope: access.Read, handle: h}
	}
	post := func(path string, scope access.Scope, h handler) route {
		return route{method: http.MethodPost, pattern: apiPrefix + path, scope: scope, handle: h}
	}
	return []route{
		get("syncs", s.listSyncs),
		get("syncs/{sync}", s.showSync),
		post("syncs/{sync}/runs", access.Run, s.startRun),
		post("syncs/{sync}/retry", access.Run, s.retrySync),
		post("syncs/{sync}/pause", access.Run, s.pauseSync),
		post("syncs/{sync}/resume", access.Run, s.resumeSync),
		post("syncs/{sync}/reset", access.Approve, s.resetSync),
		post("syncs/{sync}/forget", access.Approve, s.forgetKey),
		get("runs", s.listRuns),
		get("runs/{id}", s.showRun),
		get("runs/{id}/rows", s.listRows),
		post("runs/{id}/cancel", access.Run, s.cancelRun),
		post("runs/{id}/approve", access.Approve, s.approveRun),
		post("runs/{id}/discard", access.Approve, s.discardRun),
		post("runs/{id}/retry", access.Run, s.retryRun),
		{method: http.MethodGet, pattern: apiPrefix + "openapi.json", scope: access.Public, handle: describeAPI},
	}
}

// runObject is a run as the API shows it: the object of run --json, and whether it is over.
type runObject struct {
	run      runlog.Run
	released *int // rows that a retry put back in line
}

// MarshalJSON writes the object.
func (o runObject) MarshalJSON() ([]byte, error) {
	text, err := json.Marshal(o.run)
	if err != nil {
		return nil, err
	}
	text = fmt.Appendf(bytes.TrimSuffix(text, []byte("}")), `,"terminal":%t`, o.run.State.Terminal())
	if o.released != nil {
		text = fmt.Appendf(text, `,"released":%d`, *o.released)
	}
	return append(text, '}'), nil
}

func runObjects(runs []runlog.Run) []runObject {
	objects := make([]runObject, len(runs))
	for i := range runs {
		objects[i] = runObject{run: runs[i]}
	}
	return objects
}

// replyRun answers that a run is under way.
func replyRun(w http.ResponseWriter, o runObject) error {
	w.Header().Set("Location", apiPrefix+"runs/"+o.run.ID)
	return reply(w, http.StatusAccepted, o)
}

// decode reads the JSON of a request. One without a body leaves v as it is.
func decode(r *http.Request, v any) error {
	text, err := io.ReadAll(r.Body)
	if err != nil || len(text) == 0 {
		return err
	}
	if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); fromBrowser(r) && (err != nil || media != "application/json") {
		return &problem{
			Status: http.StatusUnsupportedMediaType, Code: "media_type", Detail: "the body is not said to be JSON",
			Hint: "send Content-Type: application/json",
		}
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return invalid("the body cannot be read: "+strings.TrimPrefix(err.Error(), "json: "), "GET /api/v1/openapi.json says what it holds")
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return invalid("the body holds more than one JSON document", "")
	}
	return nil
}

// fromBrowser says whether a page may have made the request. Programs need not say that what they send is JSON; a page
// of another site could not say so without asking first.
func fromBrowser(r *http.Request) bool {
	return r.Header.Get("Origin") != "" || r.Header.Get("Sec-Fetch-Site") != "" || r.Header.Get("Cookie") != ""
}

// largestPage is how many items a list shows at most.
const largestPage = 500

// limit reads the length of a page.
func limit(r *http.Request, otherwise int) (int, error) {
	text := r.URL.Query().Get("limit")
	if text == "" {
		return otherwise, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > largestPage {
		return 0, invalid(fmt.Sprintf("limit %q: it is a number from 1 to %d", text, largestPage), "")
	}
	return n, nil
}

// oneOf reads a parameter that has a closed set of values.
func oneOf[T ~string](r *http.Request, name string, known ...T) (T, error) {
	text := r.URL.Query().Get(name)
	if text == "" || slices.Contains(known, T(text)) {
		return T(text), nil
	}
	words := make([]string, len(known))
	for i, k := range known {
		words[i] = string(k)
	}
	return "", invalid(fmt.Sprintf("%s %q is not one there is%s", name, text, settings.Hint(text, words)), "")
}
