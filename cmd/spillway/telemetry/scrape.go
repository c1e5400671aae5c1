package telemetry

import (
	"compress/gzip"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/expfmt"

	"spillway/syncer/daemon"
)

// Source tells how the syncs stand; a daemon.Daemon does.
type Source interface {
	Syncs(ctx context.Context) ([]daemon.SyncStatus, error)
	Reloaded() daemon.Reloaded
	Unexported(ctx context.Context) (n int64, exports bool, err error)
}

// scrapeTime is how long one scrape may read the run log.
const scrapeTime = 10 * time.Second

// Handler serves what m has counted, how the syncs of from stand when it is asked, and what others collect besides, in
// the text format of Prometheus. Where the syncs cannot be read it answers with status 500, and the reason is in the log.
func (m *Metrics) Handler(from Source, log *slog.Logger, now func() time.Time, others ...prometheus.Collector) http.Handler {
	few := prometheus.NewRegistry()
	few.MustRegister(m.latency, &whole{source: from, log: log})
	few.MustRegister(others...)
	return &handler{Metrics: m, source: from, log: log, now: now, few: few, families: families()}
}

// handler answers scrapes. What each sync has is written line by line as it is read, since a registry takes a hundred
// bytes and more for every number that it gathers, and there may be half a million of them.
type handler struct {
	*Metrics
	source   Source
	log      *slog.Logger
	now      func() time.Time
	few      prometheus.Gatherer // what no sync has for itself
	families []family            // what each sync has
}

// errUnreadable is all that is told of a reason that may name files or hold SQL.
var errUnreadable = errors.New("how the syncs stand cannot be read; the daemon's log says why")

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), scrapeTime)
	defer cancel()
	statuses, err := h.source.Syncs(ctx)
	if err != nil {
		h.log.Error("metrics not collected", "error", err.Error())
		http.Error(w, errUnreadable.Error(), http.StatusInternalServerError)
		return
	}
	samples := h.samples(statuses)
	few, err := h.few.Gather()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	format := expfmt.NewFormat(expfmt.TypeTextPlain)
	w.Header().Set("Content-Type", string(format))
	w.Header().Add("Vary", "Accept-Encoding")
	write := func(w io.Writer) error {
		text := expfmt.NewEncoder(w, format)
		for _, family := range few {
			if err := text.Encode(family); err != nil {
				return err
			}
		}
		return writeText(w, h.families, samples)
	}
	if takesGzip(r) {
		err = compressed(w, write)
	} else {
		err = write(w)
	}
	if err != nil {
		h.log.Debug("metrics not sent", "error", err.Error()) // who asked has gone
	}
}

// compressed has an answer written through gzip. The text repeats itself so much that its fastest way is enough.
func compressed(w http.ResponseWriter, write func(io.Writer) error) error {
	w.Header().Set("Content-Encoding", "gzip")
	packed, err := gzip.NewWriterLevel(w, gzip.BestSpeed)
	if err != nil {
		return err
	}
	return errors.Join(write(packed), packed.Close())
}

// takesGzip reports whether a request names gzip among the encodings that it takes.
func takesGzip(r *http.Request) bool {
	for encoding := range strings.SplitSeq(strings.Join(r.Header.Values("Accept-Encoding"), ","), ",") {
		name, quality, _ := strings.Cut(strings.ReplaceAll(encoding, " ", ""), ";")
		if strings.EqualFold(name, "gzip") {
			return strings.Trim(strings.TrimPrefix(quality, "q="), "0.") != "" || quality == ""
		}
	}
	return false
}

func gauge(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(name, help, labels, nil)
}

// How the project as a whole stands.
var (
	unexported = gauge("spillway_runlog_unexported_runs", "Runs that are over and not yet in the warehouse that [runlog] names; no series where it names none.")

	reloadSuccess = gauge("spillway_config_reload_success", "1 where the project that runs is the one on disk as it was last read, 0 where that had mistakes.")
	reloadTime    = gauge("spillway_config_reload_timestamp_seconds", "When the project was last read, with success or without.")
)

// whole collects how the project as a whole stands.
type whole struct {
	source Source
	log    *slog.Logger
}

// Describe names everything that Collect collects.
func (*whole) Describe(descs chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{unexported, reloadSuccess, reloadTime} {
		descs <- d
	}
}

// Collect reads how the project stands.
func (w *whole) Collect(metrics chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTime)
	defer cancel()
	if n, exports, err := w.source.Unexported(ctx); err != nil {
		w.log.Error("metrics not collected", "error", err.Error())
		metrics <- prometheus.NewInvalidMetric(unexported, errUnreadable)
	} else if exports {
		metrics <- value(unexported, float64(n))
	}
	reloaded := w.source.Reloaded()
	metrics <- value(reloadSuccess, one(len(reloaded.Problems) == 0))
	metrics <- value(reloadTime, timestamp(reloaded.At))
}

func value(d *prometheus.Desc, v float64, labels ...string) prometheus.Metric {
	return prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
}

func one(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}

// timestamp is a time in seconds of Unix, or 0 where there is none.
func timestamp(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return float64(t.UnixMilli()) / float64(time.Second/time.Millisecond)
}
