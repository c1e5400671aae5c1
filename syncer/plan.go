package syncer

import (
	"context"
	"math"
	"slices"
	"strings"
	"time"

	"spillway/destinations"
	"spillway/syncer/project"
	"spillway/syncer/runlog"
	"spillway/warehouse"
)

// Plan is what a run would send. Its JSON is the contract of plan --json.
type Plan struct {
	Sync string `json:"sync"`

	Source  int64 `json:"source"`
	Same    int64 `json:"same"`
	Added   int64 `json:"added"`
	Changed int64 `json:"changed"`
	Removed int64 `json:"removed"`
	Carried int64 `json:"carried"`
	Invalid int64 `json:"invalid"`
	Left    int64 `json:"left"`

	Quarantined int64            `json:"quarantined"`
	Waiting     int64            `json:"waiting"` // removals that are not sent, by the guard's word
	Fields      map[string]int64 `json:"fields"`  // changed rows by field
	Guard       GuardReport      `json:"guard"`
	Requests    int64            `json:"requests"`
	EstimateMS  int64            `json:"estimate_ms"`
	Samples     []Sample         `json:"samples"`
	Billed      *Billed          `json:"billed,omitempty"` // what reading the model costs, where the warehouse tells

	Errors []runlog.ErrorGroup `json:"errors"` // of the invalid rows
	Failed *runlog.Failure     `json:"error"`  // why there is no plan

	About About `json:"about"`
}

// Billed is what the warehouse bills for one read of the model, which a plan makes too.
type Billed struct {
	Bytes int64  `json:"bytes"`
	Bound string `json:"bound"` // at least, at most, or empty where it is exact
}

// estimate asks the warehouse what the model's query will be billed for. It is nil where the warehouse does not tell.
func (st *stager) estimate(ctx context.Context, source warehouse.Warehouse, tag warehouse.Tag) (*Billed, error) {
	estimator, tells := source.(warehouse.Estimator)
	if !tells {
		return nil, nil //nolint:nilnil // a plan without the figure is meant
	}
	e, err := estimator.Estimate(ctx, warehouse.Query{SQL: st.sync.SQL, Tag: tag})
	if err != nil {
		return nil, st.sourceError(err)
	}
	return &Billed{Bytes: e.Bytes, Bound: e.Bound.String()}, nil
}

// About describes the sync that a plan is of, for people.
type About struct {
	Model       string `json:"model"`
	Warehouse   string `json:"warehouse"`
	Destination string `json:"destination"`
	Object      string `json:"object"`
	Identifier  string `json:"identifier"`
	Mode        string `json:"mode"`
	OnRemoved   string `json:"on_removed"`
	Previous    int64  `json:"previous"` // keys in the snapshot
	ReadMS      int64  `json:"read_ms"`
	FirstRun    bool   `json:"first_run"`

	Irreversible bool `json:"irreversible"` // the removals cannot be undone at the destination
}

// Due reports whether a run would send anything.
func (p *Plan) Due() bool {
	return p.Added+p.Changed+p.Removed+p.Carried-p.Quarantined-p.Waiting > 0
}

// GuardReport says whether a guard would hold the run, and why.
type GuardReport struct {
	Held     bool   `json:"held"`
	Reason   string `json:"reason"`
	Removals string `json:"removals,omitempty"` // why removals would wait, whatever else is sent
}

// Sample is one operation of a plan. Its values are masked unless the plan was asked to show them.
type Sample struct {
	Op     string                 `json:"op"`
	Kind   runlog.Kind            `json:"kind"` // added, changed, carried or removed
	Key    string                 `json:"key"`
	Fields map[string]FieldChange `json:"fields"`

	order  []string
	values destinations.Fields
}

// FieldChange is what becomes of one field. Old is always null: a snapshot holds sums, not values.
type FieldChange struct {
	Old any `json:"old"`
	New any `json:"new"`
}

func newSample(i *item, kind runlog.Kind) (Sample, error) {
	s := Sample{Op: string(i.Op), Kind: kind, Key: strings.Clone(i.Key)}
	values, err := i.values()
	for _, f := range values {
		if kind == runlog.KindChanged && !slices.Contains(i.Changed, f.Name) {
			continue
		}
		s.values = append(s.values, f)
	}
	return s, err
}

// Masked stands for a value that is not shown.
const Masked = "•••"

// show fills in the sample's fields with their values, or with what their form alone tells.
func (s *Sample) show(values bool) { s.reveal(func(string) bool { return values }) }

// reveal is show for the values of some fields.
func (s *Sample) reveal(shown func(field string) bool) {
	s.Fields = make(map[string]FieldChange, len(s.values))
	for _, f := range s.values {
		v := f.Value
		if v != nil && !shown(f.Name) {
			v = Masked
		}
		if t, ok := v.(time.Time); ok {
			v = t.UTC().Format(time.RFC3339Nano)
		}
		s.Fields[f.Name] = FieldChange{New: v}
		s.order = append(s.order, f.Name)
	}
	s.values = nil
}

// Order returns the names of the sample's fields as the mapping orders them.
func (s *Sample) Order() []string { return s.order }

func newPlan(st *stager, g GuardReport, previous int64, read time.Duration, showValues bool) *Plan {
	c := st.tally.counts
	s := st.sync
	p := &Plan{
		Sync: s.Name, Source: c.Source, Same: c.Same, Added: c.Added, Changed: c.Changed, Removed: c.Removed,
		Carried: c.Carried, Invalid: c.Invalid, Left: c.Left, Quarantined: c.Quarantined,
		Fields: st.tally.fields, Guard: g, Samples: st.tally.samples,
		About: About{
			Model: s.Model, Warehouse: s.Warehouse, Destination: s.Destination, Object: s.Object, Identifier: s.Identifier,
			Mode: string(s.Mode), OnRemoved: s.OnRemoved, Previous: previous, ReadMS: read.Milliseconds(),
			FirstRun: previous == 0, Irreversible: st.route.irreversible(removalOp(s.OnRemoved)),
		},
	}
	for name, n := range p.Fields {
		if n == 0 {
			delete(p.Fields, name)
		}
	}
	for i := range p.Samples {
		p.Samples[i].show(showValues)
	}
	if p.Samples == nil {
		p.Samples = []Sample{}
	}
	sent := st.tally
	if g.Removals != "" {
		p.Waiting, sent.removals = sent.removals, 0
	}
	p.Requests, p.EstimateMS = st.route.estimate(&sent)
	return p
}

// FailedPlan is the plan of a sync that could not be planned.
func FailedPlan(s *project.Sync, err error) *Plan {
	return &Plan{
		Sync: s.Name, Fields: map[string]int64{}, Samples: []Sample{}, Failed: failure(err),
		About: About{
			Model: s.Model, Warehouse: s.Warehouse, Destination: s.Destination, Object: s.Object, Identifier: s.Identifier,
			Mode: string(s.Mode), OnRemoved: s.OnRemoved,
		},
	}
}

// estimate returns how many requests a plan needs at least, and how long they take at the rate that the account and
// the sync allow.
func (r *route) estimate(t *tally) (requests, ms int64) {
	batches := func(n int64) int64 { return (n + int64(r.batch) - 1) / int64(r.batch) }
	requests = batches(t.writes) + batches(t.removals)
	if r.object.MaxBytes > 0 {
		requests = max(requests, t.bytes/int64(r.object.MaxBytes))
	}
	rate := r.perSecond()
	if rate <= 0 {
		return requests, requests * assumedLatency.Milliseconds() / int64(r.concurrency)
	}
	return requests, int64(math.Ceil(float64(requests) / rate * 1000))
}

// assumedLatency is what a request is taken to last where no rate is known.
const assumedLatency = 200 * time.Millisecond
