package syncer

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"spillway/destinations"
	"spillway/syncer/project"
	"spillway/syncer/runlog"
)

// sampling is a world whose destination tells of one exchange a batch, which holds its records and their names, and whose
// answer quotes the identifiers.
func sampling(t *testing.T, l project.Runlog, answers func(b destinations.Batch) []*destinations.Result) *world {
	t.Helper()
	w := newWorld(t)
	l.Rows, l.Retention, l.SamplesTTL, l.SamplesSize = "problems", 30*24*time.Hour, 7*24*time.Hour, 1000
	w.project.Runlog = l
	w.remote.answer = func(_ context.Context, b destinations.Batch) ([]*destinations.Result, error) {
		var asked, said []string
		for _, r := range b.Records {
			name, _ := r.Fields.Get("name")
			asked = append(asked, fmt.Sprintf(`{"id":%q,"name":%q}`, r.ID, name))
			said = append(said, "seen "+r.ID)
		}
		b.Meter.Exchanged(destinations.Exchange{
			At: w.at, Took: 35 * time.Millisecond, Method: "POST", Route: "/people", Attempt: 1, Status: 200,
			Content: func() destinations.Content {
				return destinations.Content{
					Request: destinations.Message{Body: []byte("[" + strings.Join(asked, ",") + "]")},
					Answer:  destinations.Message{Body: []byte(fmt.Sprintf("%q", strings.Join(said, ", ")))},
				}
			},
		})
		return answers(b), nil
	}
	return w
}

// rejecting rejects the records of some keys.
func rejecting(code func(key string) string) func(b destinations.Batch) []*destinations.Result {
	return func(b destinations.Batch) []*destinations.Result {
		results := make([]*destinations.Result, len(b.Records))
		for n, r := range b.Records {
			if c := code(r.Key); c != "" {
				results[n] = &destinations.Result{Status: destinations.Rejected, Code: c, Reason: "it is " + c}
			}
		}
		return results
	}
}

func exchanges(t *testing.T, w *world, key string) []runlog.Exchange {
	t.Helper()
	found, err := w.open().Runs().Exchanges(t.Context(), w.sync.Name, key, 100)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestSamplesAreKeptOfWhatTheProjectAsksFor(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		runlog project.Runlog
		want   map[string]string // request and answer by key; a key without them has no sample
	}{
		"nothing": {project.Runlog{Keys: "plain"}, nil},
		"batches with a problem": {project.Runlog{Keys: "plain", Samples: project.ProblemSamples}, map[string]string{
			"k004": `[{"id":"k003@x","name":"Name 3"},{"id":"k004@x","name":"Name 4"},{"id":"k005@x","name":"Name 5"}] "seen k003@x, seen k004@x, seen k005@x"`,
		}},
		"a masked name": {project.Runlog{Keys: "plain", Samples: project.ProblemSamples, Mask: []string{"name"}}, map[string]string{
			"k004": `[{"id":"k003@x","name":"•••"},{"id":"k004@x","name":"•••"},{"id":"k005@x","name":"•••"}] "seen k003@x, seen k004@x, seen k005@x"`,
		}},
		"a masked identifier": {project.Runlog{Keys: "plain", Samples: project.ProblemSamples, Mask: []string{"email"}}, map[string]string{
			"k004": `[{"id":"•••","name":"Name 3"},{"id":"•••","name":"Name 4"},{"id":"•••","name":"Name 5"}] "seen •••, seen •••, seen •••"`,
		}},
		"hashed keys": {project.Runlog{Keys: "hash", Samples: project.ProblemSamples}, map[string]string{
			"k004": `[{"id":"•••","name":"Name 3"},{"id":"•••","name":"Name 4"},{"id":"•••","name":"Name 5"}] "seen •••, seen •••, seen •••"`,
		}},
		"all": {project.Runlog{Keys: "plain", Samples: project.AllSamples}, map[string]string{
			"k000": `[{"id":"k000@x","name":"Name 0"},{"id":"k001@x","name":"Name 1"},{"id":"k002@x","name":"Name 2"}] "seen k000@x, seen k001@x, seen k002@x"`,
			"k004": `[{"id":"k003@x","name":"Name 3"},{"id":"k004@x","name":"Name 4"},{"id":"k005@x","name":"Name 5"}] "seen k003@x, seen k004@x, seen k005@x"`,
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := sampling(t, tt.runlog, rejecting(func(key string) string { return map[string]string{"k004": "bad"}[key] }))
			people := many(6)
			for n := range people {
				people[n].Name, people[n].Email = fmt.Sprintf("Name %d", n), fmt.Sprintf("k%03d@x", n)
			}
			w.source.set(people...)
			w.run()
			for _, key := range []string{"k000", "k004"} {
				found := exchanges(t, w, key)
				if tt.want[key] == "" {
					if len(found) > 0 {
						t.Errorf("%s has the samples %+v", key, found)
					}
					continue
				}
				if len(found) != 1 || found[0].Request.Body+" "+found[0].Answer.Body != tt.want[key] {
					t.Errorf("%s has %+v, want %s", key, found, tt.want[key])
				}
			}
		})
	}
}

func TestARunKeepsFewSamplesAndOneOfEachCause(t *testing.T) {
	t.Parallel()
	w := sampling(t, project.Runlog{Keys: "plain", Samples: project.ProblemSamples}, rejecting(func(key string) string {
		switch key {
		case "k450":
			return "rare"
		case "k451":
			return "rarer"
		}
		return "common"
	}))
	w.source.set(many(600)...)
	w.run()
	sampled := 0
	for _, p := range many(600) {
		if len(exchanges(t, w, fmt.Sprint(p.Key))) > 0 {
			sampled++
		}
	}
	if want := 3 * (sampledBatches + 1); sampled != want { // the two rare ones are in one batch
		t.Errorf("%d rows have samples, want %d", sampled, want)
	}
	if len(exchanges(t, w, "k450")) == 0 || len(exchanges(t, w, "k599")) > 0 {
		t.Error("what is rare has no sample, or what is common has one after all others")
	}
}

func TestAForgottenKeyHasNoSample(t *testing.T) {
	t.Parallel()
	w := sampling(t, project.Runlog{Keys: "plain", Samples: project.ProblemSamples}, rejecting(func(string) string { return "bad" }))
	w.source.set(many(6)...)
	w.run()
	if len(exchanges(t, w, "k001")) == 0 || len(exchanges(t, w, "k004")) == 0 {
		t.Fatal("there are no samples")
	}
	if found, err := w.open().Forget(t.Context(), w.sync, "k001"); err != nil || !found {
		t.Fatal(found, err)
	}
	if len(exchanges(t, w, "k000")) > 0 || len(exchanges(t, w, "k001")) > 0 {
		t.Error("a sample whose request held the key is left")
	}
	if len(exchanges(t, w, "k004")) == 0 {
		t.Error("the sample of another request is gone")
	}
}

func TestSamplesGoWhenTheirTimeIsOver(t *testing.T) {
	t.Parallel()
	w := sampling(t, project.Runlog{Keys: "plain", Samples: project.ProblemSamples}, rejecting(func(string) string { return "bad" }))
	w.source.set(many(3)...)
	w.run()
	w.at = w.at.Add(7*24*time.Hour - time.Minute)
	tidy := func() {
		if err := w.open().Tidy(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if tidy(); len(exchanges(t, w, "k001")) == 0 {
		t.Error("a sample is gone before its time")
	}
	w.at = w.at.Add(2 * time.Minute)
	if tidy(); len(exchanges(t, w, "k001")) > 0 {
		t.Error("a sample is left after its time")
	}
	runs, err := w.open().Runs().Runs(t.Context(), runlog.Filter{})
	if err != nil || len(runs) != 1 {
		t.Errorf("%d runs are left, %v", len(runs), err)
	}
}

func TestExchangesOfABatchAreHeldInBounds(t *testing.T) {
	t.Parallel()
	s := &sampler{size: 1000, known: map[[2]string]bool{}}
	b := destinations.Batch{Records: []destinations.Record{{Key: "1"}}}
	l := s.listen(&b)
	body := []byte(`"` + strings.Repeat("x", 100<<10) + `"`)
	for n := range 100 {
		code := ""
		if n%10 == 5 {
			code = "500"
		}
		b.Meter.Exchanged(destinations.Exchange{Attempt: n, Code: code, Content: func() destinations.Content {
			return destinations.Content{Request: destinations.Message{Body: body}}
		}})
	}
	if l.bytes > heldBytes || len(l.said) < 15 {
		t.Errorf("%d exchanges of %d bytes are held", len(l.said), l.bytes)
	}
	failed := slices.DeleteFunc(slices.Clone(l.said), func(s said) bool { return s.Code == "" })
	if len(failed) != 10 {
		t.Errorf("%d of 10 failures are held", len(failed))
	}
}
