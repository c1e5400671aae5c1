package web

import (
	"net/http"
	"time"

	"spillway/cmd/spillway/web/access"
	"spillway/syncer/daemon"
	"spillway/syncer/runlog"
)

// syncObject is a sync as the API shows it.
type syncObject struct {
	Name        string      `json:"name"`
	Model       string      `json:"model"`
	Warehouse   string      `json:"warehouse"`
	Destination string      `json:"destination"`
	Object      string      `json:"object"`
	Mode        string      `json:"mode"`
	Schedule    string      `json:"schedule"`
	Timezone    string      `json:"timezone"`
	Tags        []string    `json:"tags"`
	Paused      bool        `json:"paused"`
	PausedBy    string      `json:"paused_by"`
	NextRun     *time.Time  `json:"next_run"`
	LastSuccess *time.Time  `json:"last_success"`
	Running     *runObject  `json:"running"`
	Queued      []runObject `json:"queued"`
	Last        *runObject  `json:"last"`
}

func newSyncObject(s daemon.SyncStatus) syncObject {
	object := func(r *runlog.Run) *runObject {
		if r == nil {
			return nil
		}
		return &runObject{run: *r}
	}
	moment := func(t time.Time) *time.Time {
		if t.IsZero() {
			return nil
		}
		t = t.UTC()
		return &t
	}
	return syncObject{
		Name: s.Sync.Name, Model: s.Sync.Model, Warehouse: s.Sync.Warehouse, Destination: s.Sync.Destination, Object: s.Sync.Object,
		Mode: string(s.Sync.Mode), Schedule: s.Sync.Schedule, Timezone: s.Sync.Timezone.String(), Tags: append([]string{}, s.Sync.Tags...),
		Paused: s.Paused, PausedBy: s.PausedBy, NextRun: moment(s.NextRun), LastSuccess: moment(s.LastSuccess),
		Running: object(s.Running), Queued: runObjects(s.Queued), Last: object(s.Last),
	}
}

func (s *server) listSyncs(w http.ResponseWriter, r *http.Request) error {
	all, err := s.Daemon.Syncs(r.Context())
	if err != nil {
		return err
	}
	objects := make([]syncObject, len(all))
	for i := range all {
		objects[i] = newSyncObject(all[i])
	}
	return reply(w, http.StatusOK, map[string]any{"syncs": objects})
}

func (s *server) showSync(w http.ResponseWriter, r *http.Request) error {
	status, err := s.Daemon.Sync(r.Context(), r.PathValue("sync"))
	if err != nil {
		return err
	}
	return reply(w, http.StatusOK, newSyncObject(status))
}

// longestKey is how long an Idempotency-Key may be.
const longestKey = 255

func (s *server) startRun(w http.ResponseWriter, r *http.Request) error {
	var body struct {
		Full bool     `json:"full"`
		Keys []string `json:"keys"`
	}
	if err := decode(r, &body); err != nil {
		return err
	}
	key := r.Header.Get("Idempotency-Key")
	if len(key) > longestKey {
		return invalid("the Idempotency-Key is longer than 255 bytes", "")
	}
	request := daemon.Request{Sync: r.PathValue("sync"), Trigger: runlog.ByAPI, Full: body.Full, Keys: body.Keys, IdempotencyKey: key}
	if who(r.Context()).Name == access.CLI {
		request.Trigger = runlog.ByCLI
	}
	run, err := s.trigger(r, request)
	if err != nil {
		return err
	}
	return replyRun(w, runObject{run: run})
}

func (s *server) pauseSync(w http.ResponseWriter, r *http.Request) error {
	if _, err := s.pause(r); err != nil {
		return err
	}
	return s.showSync(w, r)
}

func (s *server) resumeSync(w http.ResponseWriter, r *http.Request) error {
	if _, err := s.resume(r); err != nil {
		return err
	}
	return s.showSync(w, r)
}
