package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"
)

// A killed process leaves at most so many requests that come again: those in flight, and those that were answered and
// not yet on the disk.
const (
	killRows        = 2_000
	killConcurrency = 4
	killBatch       = 20
	mostAgain       = killConcurrency + 2*102
)

// testKills kills runs of 2,000 rows, SPILLWAY_KILLS times: at any instant between the start of the process and its end,
// and while a request is in flight, before the service has applied it or after. A run that ends by itself before that
// must leave the service with what the source holds, and is followed by a change of every row. A request that got no
// answer must come again, and what comes again must come under the same idempotency key.
func testKills(s *suite) {
	t := s.t
	p := newSite(s, killRows)
	p.sync = fmt.Sprintf("delivery = { batch = %d }\n", killBatch)
	p.configure()
	p.service.slow(time.Millisecond)
	k := &killer{site: p, rand: rand.New(rand.NewPCG(20261120, uint64(os.Getpid()))), book: newBook(t), span: 300 * time.Millisecond}
	kills := envNumber(t, "SPILLWAY_KILLS", 100)
	began := time.Now()
	for k.kills < kills && !t.Failed() {
		ended := k.live()
		p.service.hangUp() // what a dead process has sent must not come after what the next one sends
		k.book.enter(p.service.came())
		if k.kills%50 == 49 {
			p.spillway("state", "verify").exits(exitDone)
		}
		if ended {
			k.settled()
		}
	}
	p.service.calm()
	p.run(exitDone)
	k.book.enter(p.service.came())
	k.book.close(killRows)
	p.converged()
	if n := len(p.service.came()); n > 0 {
		t.Errorf("a run with nothing changed made %d requests", n)
	}
	again, most := 0, 0
	for _, requests := range k.book.repeated {
		again += len(requests)
		most = max(most, len(requests))
	}
	if most > mostAgain {
		t.Errorf("%d requests of one process came again, and no more than %d can have been in flight", most, mostAgain)
	}
	t.Logf("%d kills in %d processes over %d versions of the source, in %v; %d requests had no answer, %d came again, at most %d of one process",
		k.kills, k.lives, k.book.version+1, time.Since(began).Round(time.Second), k.book.unanswered, again, most)
}

// killer starts processes and kills them.
type killer struct {
	*site
	rand  *rand.Rand
	book  *book
	kills int
	lives int
	span  time.Duration // that a run takes, about
}

// settled checks what must hold after a run that ended by itself, and changes every row.
func (k *killer) settled() {
	k.t.Helper()
	k.book.close(killRows)
	k.service.calm()
	k.matches()
	k.book.version++
	k.sql("update people set score = score + 1")
}

// live starts a run and kills it sometime. It reports whether the run ended before that.
func (k *killer) live() (ended bool) {
	k.t.Helper()
	cmd := k.command("run", "--quiet")
	cmd.Env = append(cmd.Env, fmt.Sprint("HOOK_TOKEN=life-", k.lives)) // so that the service can tell processes apart
	k.lives++
	now, gone := k.aim()
	started := time.Now()
	if err := cmd.Start(); err != nil {
		k.t.Fatal(err)
	}
	waited := make(chan error, 1)
	go func() { waited <- cmd.Wait() }()
	select {
	case err := <-waited:
		if err != nil {
			k.t.Errorf("a run that was left alone: %v", err)
		}
		close(gone)
		k.span = (3*k.span + time.Since(started)) / 4
		return true
	case <-now:
		if err := cmd.Process.Kill(); err != nil {
			k.t.Fatal(err)
		}
		ended = <-waited == nil // as it was killed
		close(gone)
		if !ended {
			k.kills++
		}
		return ended
	}
}

// aim decides when a process is killed. The request by which it is decided is answered once the process is gone.
func (k *killer) aim() (now <-chan time.Time, gone chan struct{}) {
	gone = make(chan struct{})
	if k.rand.IntN(2) == 0 {
		k.service.calm()
		return time.After(time.Duration(k.rand.Float64() * 1.1 * float64(k.span))), gone
	}
	hit := make(chan time.Time, 1)
	left, applied := 1+k.rand.IntN(killRows/killBatch/2), k.rand.IntN(2) == 0
	k.service.answers(func(r *request) reply {
		if left--; left > 0 {
			return reply{}
		}
		if left == 0 {
			hit <- time.Now()
		}
		r.unanswered = true
		return reply{skip: !applied, after: gone, cut: true}
	})
	return hit, gone
}

// book knows in which request and from which process every row came.
type book struct {
	t          *testing.T
	version    int                        // of the source
	first      map[string]string          // the idempotency key under which a row of this version came first
	last       map[string]string          // the process from which it came last
	owed       map[string]bool            // rows of this version whose last request had no answer
	unanswered int                        // requests
	repeated   map[string]map[string]bool // the requests of each process whose rows came again from another
}

func newBook(t *testing.T) *book {
	t.Helper()
	return &book{t: t, first: map[string]string{}, last: map[string]string{}, owed: map[string]bool{}, repeated: map[string]map[string]bool{}}
}

// close ends a version of so many rows. Every one must have come, and none may be settled for which no answer was given.
func (b *book) close(rows int) {
	b.t.Helper()
	if len(b.first) != rows && (b.version == 0 || len(b.first) != 0) {
		b.t.Errorf("of version %d came %d rows, and there are %d", b.version, len(b.first), rows)
	}
	for key := range b.owed {
		b.t.Errorf("key %s was settled ahead of the answer", key)
	}
	clear(b.first)
	clear(b.last)
	clear(b.owed)
}

func (b *book) enter(requests []*request) {
	b.t.Helper()
	for _, req := range requests {
		if req.unanswered {
			b.unanswered++
		}
		for _, rec := range req.Records {
			last, again := b.last[rec.Key]
			b.last[rec.Key] = req.auth
			delete(b.owed, rec.Key)
			if req.unanswered {
				b.owed[rec.Key] = true
			}
			if !again {
				b.first[rec.Key] = req.key
				continue
			}
			if b.first[rec.Key] != req.key {
				b.t.Errorf("key %s came again under another idempotency key", rec.Key)
			}
			if last == req.auth {
				b.t.Errorf("key %s came twice from one process", rec.Key)
			}
			if b.repeated[last] == nil {
				b.repeated[last] = map[string]bool{}
			}
			b.repeated[last][req.key] = true
		}
	}
}

func envNumber(t *testing.T, variable string, otherwise int) int {
	t.Helper()
	text := os.Getenv(variable)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("%s: %v", variable, err)
	}
	return n
}
