package runlog

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func sampled(n int, keys ...string) Sample {
	return Sample{Keys: keys, Exchange: Exchange{
		At: minute(n), TookMS: 7, Server: "x.example", Method: "POST", Path: "/people", Attempt: n, Status: 422, Code: "bad",
		Request: Message{Type: "application/json", Body: fmt.Sprintf(`{"n":%d}`, n), Bytes: 7},
		Answer:  Message{Headers: map[string]string{"X-Request-Id": "r"}, Body: "<no>", Bytes: 900, Cut: true},
	}}
}

// attempts are the exchanges by run and attempt.
func attempts(t *testing.T, l *Log, sync, key string, most int) []string {
	t.Helper()
	found, err := l.Exchanges(t.Context(), sync, key, most)
	if err != nil {
		t.Fatal(err)
	}
	list := []string{}
	for _, x := range found {
		list = append(list, fmt.Sprintf("%s %d", x.Run, x.Attempt))
	}
	return list
}

func keep(t *testing.T, l *Log, run Run, samples ...Sample) {
	t.Helper()
	r := begin(t, l, run)
	if err := r.Rows(t.Context(), run.StartedAt, rejected("7"), rejected("8")); err != nil {
		t.Fatal(err)
	}
	if err := r.Samples(t.Context(), samples...); err != nil {
		t.Fatal(err)
	}
	finish(t, r, run, Partial)
}

func TestSamplesAreReadBackByKey(t *testing.T) {
	t.Parallel()
	for _, keys := range []string{"plain", "hash"} {
		dir := t.TempDir()
		o := Options{Keys: keys, Samples: true, SamplesTTL: time.Hour}
		l := openLog(t, dir, o)
		crowded := make([]string, crowd+1)
		keep(t, l, running(1, "contacts"), sampled(1, "7", "8"), sampled(2, "8"))
		keep(t, l, running(2, "contacts"), sampled(3, "7"), sampled(4, "7"))
		keep(t, l, running(3, "leads"), sampled(5, "7"))
		keep(t, l, running(4, "crowds"), sampled(6, crowded...))
		for _, tt := range []struct {
			sync, key string
			most      int
			want      []string
		}{
			{"contacts", "7", 9, []string{id(2) + " 4", id(2) + " 3", id(1) + " 1"}},
			{"contacts", "7", 1, []string{id(2) + " 4"}},
			{"contacts", "8", 9, []string{id(1) + " 2", id(1) + " 1"}},
			{"contacts", "9", 9, []string{}},
			{"leads", "7", 9, []string{id(3) + " 5"}},
			{"crowds", "anybody", 9, []string{id(4) + " 6"}},
		} {
			if diff := cmp.Diff(tt.want, attempts(t, l, tt.sync, tt.key, tt.most)); diff != "" {
				t.Errorf("%s keys, %s %s (-want +got):\n%s", keys, tt.sync, tt.key, diff)
			}
		}
		found := rows(t, l, id(1), RowFilter{})
		if err := l.AddExchanges(t.Context(), id(1), found); err != nil {
			t.Fatal(err)
		}
		want := sampled(1).Exchange
		want.Run = id(1)
		if len(found) != 2 || len(found[0].Exchanges) != 1 || len(found[1].Exchanges) != 2 || cmp.Diff(want, found[0].Exchanges[0]) != "" {
			t.Errorf("%s keys: rows %+v", keys, found)
		}
		o.Samples = false
		if l.Configure(o); len(attempts(t, l, "contacts", "7", 9)) > 0 {
			t.Error("samples are shown where the project does not ask for them any more")
		}
	}
}

func TestSamplesOfAForgottenKeyLeaveNoByte(t *testing.T) {
	t.Parallel()
	l := openLog(t, t.TempDir(), Options{Samples: true, SamplesTTL: time.Hour})
	keep(t, l, running(1, "contacts"), sampled(1, "7", "8"), sampled(2, "8"), sampled(3, make([]string, crowd+1)...))
	keep(t, l, running(2, "leads"), sampled(4, "7"))
	if n, err := l.Forget(t.Context(), "contacts", "7"); err != nil || n != 3 {
		t.Errorf("%d traces were erased, want a row and two samples (%v)", n, err)
	}
	if diff := cmp.Diff([]string{id(1) + " 2"}, attempts(t, l, "contacts", "8", 9)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if len(attempts(t, l, "leads", "7", 9)) != 1 {
		t.Error("the sample of another sync is gone")
	}
	var left int
	if err := l.db.GetContext(t.Context(), &left, "select count(*) from sample_keys where key = '7' and run_id = ?", id(1)); err != nil || left != 0 {
		t.Errorf("%d keys are left, %v", left, err)
	}
}

func TestSamplesHaveATimeOfTheirOwn(t *testing.T) {
	t.Parallel()
	o := Options{Samples: true, SamplesTTL: 10 * time.Minute}
	l := openLog(t, t.TempDir(), o)
	keep(t, l, running(1, "contacts"), sampled(1, "7"), sampled(5, "7"))
	prune := func() []string {
		if err := l.Prune(t.Context(), minute(12)); err != nil {
			t.Fatal(err)
		}
		return attempts(t, l, "contacts", "7", 9)
	}
	if diff := cmp.Diff([]string{id(1) + " 5"}, prune()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	l.Configure(Options{})
	prune()
	l.Configure(o)
	if left := attempts(t, l, "contacts", "7", 9); len(left) > 0 {
		t.Errorf("%v are left where none are to be kept", left)
	}
	if len(rows(t, l, id(1), RowFilter{})) != 2 {
		t.Error("rows went with the samples")
	}
}
