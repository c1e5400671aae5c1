package syncer

import (
	"context"
	"slices"
	"sync"
	"time"

	"spillway/destinations"
	"spillway/syncer/project"
	"spillway/syncer/runlog"
	"spillway/syncer/samples"
)

const (
	// sampledBatches is of how many batches a run keeps samples, and sampledCauses of how many more, each of which shows a
	// cause of problems that none before it showed.
	sampledBatches = 100
	sampledCauses  = 100
	// sampledExchanges is how many exchanges of a batch are kept, and heldBytes about how much of their bodies is held
	// until its outcome is known.
	sampledExchanges = 20
	heldBytes        = 2 << 20
)

// sampler keeps samples of what a run says to its destination, and what it hears. A nil sampler keeps none.
type sampler struct {
	recorder *runlog.Recorder
	mask     *samples.Mask // nil: nothing is cut out
	fields   *samples.Mask // that are to be cut out; with hashed keys there may be a mask without any
	keys     bool          // keys and identifiers are cut out
	all      bool          // batches that were accepted are sampled too
	size     int           // bytes of a body

	mu      sync.Mutex
	batches int
	known   map[[2]string]bool // causes that were sampled
}

// sampler returns what the project asks for.
func (r *runner) sampler() *sampler {
	l := &r.engine.project.Runlog
	if l.Samples == project.NoSamples {
		return nil
	}
	s := &sampler{
		recorder: r.recorder, fields: samples.NewMask(l.Mask), keys: l.Keys == "hash", all: l.Samples == project.AllSamples,
		size: int(l.SamplesSize), known: map[[2]string]bool{},
	}
	if len(l.Mask) > 0 || s.keys {
		s.mask = s.fields
	}
	return s
}

// listening is what was said about one batch so far.
type listening struct {
	sampler *sampler
	records []destinations.Record
	hidden  func() []string // values of the records that are to be cut out

	mu    sync.Mutex
	said  []said
	bytes int
}

// said is an exchange as it is held.
type said struct {
	destinations.Exchange
	request, answer samples.Body
}

// listen has what is said about a batch noted, until keep.
func (s *sampler) listen(b *destinations.Batch) *listening {
	if s == nil {
		return nil
	}
	batch := *b
	l := &listening{sampler: s, records: b.Records}
	l.hidden = sync.OnceValue(func() []string { return s.hidden(&batch) })
	b.Meter = b.Meter.Watched(l.note)
	return l
}

// hidden returns the values of a batch's records that are to be cut out of whatever is kept.
func (s *sampler) hidden(b *destinations.Batch) (values []string) {
	add := func(text string) { values = append(values, text) }
	id := s.keys || s.fields.Covers(b.Identifier)
	for i := range b.Records {
		r := &b.Records[i]
		if s.keys {
			add(r.Key)
		}
		if id {
			add(r.ID)
		}
		if text, err := r.Fields.AppendJSON(nil); err == nil { // else no destination could have been sent it either
			s.fields.Leaves(text, add)
		}
		s.fields.Leaves(r.JSON, add)
	}
	return values
}

func (l *listening) note(x destinations.Exchange) {
	content := x.Content()
	x.Content = nil
	heard := said{Exchange: x}
	var hidden []string
	if l.sampler.mask != nil {
		hidden = l.hidden()
	}
	heard.request = l.sampler.mask.Read(content.Request, hidden)
	heard.answer = l.sampler.mask.Read(content.Answer, hidden)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.said = append(l.said, heard)
	l.bytes += heard.held()
	for l.bytes > heldBytes && len(l.said) > 1 { // what succeeded goes first, and then what is oldest
		n := max(0, slices.IndexFunc(l.said, func(s said) bool { return s.Code == "" }))
		l.bytes -= l.said[n].held()
		l.said = slices.Delete(l.said, n, n+1)
	}
}

func (s *said) held() int { return s.request.Held() + s.answer.Held() }

// keep keeps what was said about a batch if its results make it a sample.
func (l *listening) keep(ctx context.Context, results []destinations.Result) error {
	if l == nil || !l.sampler.wants(results) {
		return nil
	}
	problems := map[string]bool{}
	for n := range results {
		if results[n].Status != destinations.Accepted {
			problems[l.records[n].Key] = true
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	var kept []runlog.Sample
	for _, heard := range slices.Backward(l.said) {
		if len(kept) == sampledExchanges {
			break
		}
		if sample, about := l.sample(&heard, problems); about || l.sampler.all {
			kept = append(kept, sample)
		}
	}
	if len(kept) == 0 {
		return nil
	}
	slices.Reverse(kept)
	return ofState(l.sampler.recorder.Samples(context.WithoutCancel(ctx), kept...))
}

// sample makes the sample of an exchange, and says whether it was about a record with a problem.
func (l *listening) sample(heard *said, problems map[string]bool) (sample runlog.Sample, about bool) {
	records := heard.Records
	if records == nil {
		records = l.records
	}
	keys := make([]string, len(records))
	for n := range records {
		keys[n] = records[n].Key
		about = about || problems[keys[n]]
	}
	of := samples.Records{Count: len(keys), Problem: func(n int) bool { return problems[keys[n]] }}
	return runlog.Sample{Keys: keys, Exchange: runlog.Exchange{
		At: heard.At.UTC().Truncate(time.Millisecond), TookMS: heard.Took.Milliseconds(), WaitedMS: heard.Waited.Milliseconds(),
		Server: heard.Server, Method: heard.Method, Path: heard.Route, Attempt: heard.Attempt, Status: heard.Status, Code: heard.Code,
		Request: heard.request.Fit(l.sampler.size, of), Answer: heard.answer.Fit(l.sampler.size, of.MarkedBy(&heard.request)),
	}}, about
}

// wants decides whether a batch with these results is sampled.
func (s *sampler) wants(results []destinations.Result) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	problem, fresh := false, false
	for n := range results {
		r := &results[n]
		if r.Status == destinations.Accepted {
			continue
		}
		problem = true
		cause := [2]string{r.Code, runlog.General(r.Reason)}
		if !s.known[cause] && len(s.known) < sampledCauses {
			s.known[cause], fresh = true, true
		}
	}
	if !problem && !s.all || s.batches >= sampledBatches && !fresh {
		return false
	}
	s.batches++
	return true
}
