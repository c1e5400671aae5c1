package web

import (
	"errors"
	"net/http"
	"time"
)

// The ways to reset a sync, as a request and its answer name them.
const (
	resend = "resend"
	adopt  = "adopt"
)

// resetAnswer says what a reset did. The numbers are those of adopt.
type resetAnswer struct {
	Sync    string `json:"sync"`
	Reset   string `json:"reset"`
	Adopted int64  `json:"adopted"`
	Invalid int64  `json:"invalid"`
}

func (s *server) resetSync(w http.ResponseWriter, r *http.Request) error {
	var body struct {
		How string `json:"reset"`
	}
	if err := decode(r, &body); err != nil {
		return err
	}
	if body.How != resend && body.How != adopt {
		return invalid("say which: \"resend\" sends every row again, \"adopt\" takes what the model gives now as delivered", "")
	}
	if err := unhurried(w); err != nil {
		return err
	}
	adopted, invalid, err := s.reset(r, body.How)
	if err != nil {
		return err
	}
	return reply(w, http.StatusOK, resetAnswer{Sync: r.PathValue("sync"), Reset: body.How, Adopted: adopted, Invalid: invalid})
}

func (s *server) forgetKey(w http.ResponseWriter, r *http.Request) error {
	var body struct {
		Key string `json:"key"`
	}
	if err := decode(r, &body); err != nil {
		return err
	}
	if body.Key == "" {
		return invalid("no key is given", "a composite key is written as a JSON array")
	}
	if err := unhurried(w); err != nil {
		return err
	}
	found, err := s.forget(r, body.Key)
	if err != nil {
		return err
	}
	return reply(w, http.StatusOK, map[string]any{"sync": r.PathValue("sync"), "found": found})
}

// unhurried lets an answer take as long as a model takes to be read. Whoever asked and goes away ends the work.
func unhurried(w http.ResponseWriter) error {
	c := http.NewResponseController(w)
	err := errors.Join(c.SetReadDeadline(time.Time{}), c.SetWriteDeadline(time.Time{}))
	if errors.Is(err, http.ErrNotSupported) { // then there are none
		return nil
	}
	return err
}
