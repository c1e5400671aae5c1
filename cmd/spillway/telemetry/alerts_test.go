package telemetry_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"spillway/syncer/alert"
)

func TestWhatBecomesOfNoticesIsCounted(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	alerts := []alert.Status{{Name: "ops", Waiting: 2, Firing: []alert.Cause{{Trigger: alert.Failed}}}, {Name: "data"}}
	s.alerts.Of(func() []alert.Status { return alerts })
	s.alerts.Told("ops", nil)
	s.alerts.Told("ops", errors.New("down"))
	s.alerts.Told("ops", errors.New("down"))
	series := func() map[string]float64 {
		found := s.series()
		for name := range found {
			if !strings.HasPrefix(name, "spillway_alert_") {
				delete(found, name)
			}
		}
		return found
	}
	want := map[string]float64{
		`spillway_alert_firing{alert="data"}`: 0, `spillway_alert_firing{alert="ops"}`: 1,
		`spillway_alert_waiting_notices{alert="data"}`: 0, `spillway_alert_waiting_notices{alert="ops"}`: 2,
		`spillway_alert_notices_total{alert="data",outcome="given"}`: 0, `spillway_alert_notices_total{alert="data",outcome="failed"}`: 0,
		`spillway_alert_notices_total{alert="ops",outcome="given"}`: 1, `spillway_alert_notices_total{alert="ops",outcome="failed"}`: 2,
	}
	if diff := cmp.Diff(want, series()); diff != "" {
		t.Errorf("series (-want +got):\n%s", diff)
	}
	alerts = nil
	if diff := cmp.Diff(map[string]float64{}, series()); diff != "" {
		t.Errorf("without alerts (-want +got):\n%s", diff)
	}
}
