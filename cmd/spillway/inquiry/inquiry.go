// Package inquiry finds out what became of a row: whether it arrived, why not, on whose side that is, and what to do.
package inquiry

import (
	"context"
	"slices"
	"strings"

	"spillway/syncer"
	"spillway/syncer/runlog"
)

// Side is who has to act on a problem, and how. The zero Side is that of no problem.
type Side struct{ Whose, Do string }

var sides = map[runlog.Outcome]Side{
	runlog.RowInvalid:     {"ours", "Mend the model or the mapping: the next run takes the row anew."},
	runlog.RowRejected:    {"the destination's verdict", "Mend the value in the warehouse, and the next run sends it; or put these back in line when the destination would take them now."},
	runlog.RowDeferred:    {"on the way", "Nothing: the next run sends them again."},
	runlog.RowUnknown:     {"on the way", "Nothing: no answer came, so the next run sends them again."},
	runlog.RowQuarantined: {"given up", "Mend the value in the warehouse, or put these back in line."},
	runlog.RowHeld:        {"held", "Look through the plan, then approve it; or mend the model and run again."},
}

// SideOf says what to do about rows of an outcome.
func SideOf(o runlog.Outcome) Side { return sides[o] }

// Source is what knows of rows.
type Source struct {
	Runs  *runlog.Log
	Known func(ctx context.Context, sync, key string) (*syncer.KnownRow, error) // by the snapshot; nil: it does not know the key
	Last  func(ctx context.Context, sync string) (*runlog.Run, error)           // the newest run that is over; nil: there is none
}

// Row is all that is known of one row of a sync.
type Row struct {
	Sync, Key string
	Known     *syncer.KnownRow  // nil: the snapshot does not know it
	Sightings []runlog.Sighting // what runs made of it, newest first
	Last      *runlog.Run       // the newest of its sync; nil: there is none
}

// Row returns what is known of a key of a sync, from at most so many runs.
func (s Source) Row(ctx context.Context, sync, key string, runs int) (Row, error) {
	r := Row{Sync: sync, Key: key}
	var err error
	if r.Known, err = s.Known(ctx, sync, key); err != nil {
		return r, err
	}
	if r.Sightings, err = s.Runs.Sightings(ctx, sync, key, runs); err != nil {
		return r, err
	}
	r.Last, err = s.Last(ctx, sync)
	return r, err
}

// Find looks in these syncs for rows with a key, or with the identifier of a row that has a problem. It returns at most so
// many, each with what the newest runs made of it.
func (s Source) Find(ctx context.Context, syncs []string, about string, most int) ([]Row, error) {
	mentions, err := s.Runs.Mentions(ctx, about, most)
	if err != nil {
		return nil, err
	}
	keys := map[string][]string{} // by sync
	for _, m := range mentions {
		if m.Key == s.Runs.Shown(about) {
			m.Key = about
		}
		keys[m.Sync] = append(keys[m.Sync], m.Key)
	}
	var found []Row
	for _, sync := range syncs {
		known, err := s.Known(ctx, sync, about)
		if err != nil {
			return nil, err
		}
		if known != nil && !slices.Contains(keys[sync], about) {
			keys[sync] = append(keys[sync], about)
		}
		for _, key := range keys[sync] {
			row, err := s.Row(ctx, sync, key, sightings)
			if err != nil {
				return nil, err
			}
			if found = append(found, row); len(found) == most {
				return found, nil
			}
		}
	}
	return found, nil
}

// sightings is how many runs Find goes back for each row.
const sightings = 10

// Side is that of the row's latest problem, while it is one.
func (r Row) Side() Side {
	if len(r.Sightings) == 0 || r.Last == nil || r.Sightings[0].Run < r.Last.ID {
		return Side{}
	}
	return SideOf(r.Sightings[0].Outcome)
}

// Retryable reports whether the row is sent again only when somebody puts it back in line or its value changes.
func (r Row) Retryable() bool {
	side := r.Side()
	return side == sides[runlog.RowRejected] || side == sides[runlog.RowQuarantined]
}

// Verdict says in one sentence what became of the row. The reason is the destination's own.
func (r Row) Verdict() string {
	switch {
	case r.Side() != Side{}:
		latest := r.Sightings[0]
		return "It did not arrive: " + strings.TrimSpace(string(latest.Outcome)+", "+latest.Code+" "+latest.Reason)
	case r.Known != nil && r.Known.Accepted && r.Known.Left:
		return "It arrived, and is gone from the source since; its record stays at the destination."
	case r.Known != nil && r.Known.Accepted:
		return "It arrived: the destination has accepted it as it was last sent."
	case r.Known != nil:
		return "It is known, and not delivered."
	case len(r.Sightings) > 0:
		return "It has no problem now."
	}
	return "Nothing is known of it: no run has delivered a row with this key, or met a problem with it."
}
