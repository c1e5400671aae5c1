package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"
)

// testKills kills runs of 20,000 rows, SPILLWAY_KILLS times: at random instants, and while a request is in flight, before
// the service has applied it or after. A run that ends by itself before that is followed by a change of every row. What
// came twice must have been in flight when the process was killed, which can have been no more than four requests, and
// must have come back under the same idempotency key.
func testKills(s *suite) {
	t := s.t
	const n, concurrency = 20_000, 4
	p := newSite(s, n)
	p.service.slow(2 * time.Millisecond)
	k := &killer{site: p, rand: rand.New(rand.NewPCG(20261120, uint64(os.Getpid()))), book: newBook(t)}
	kills := envNumber(t, "SPILLWAY_KILLS", 12)
	for k.kills < kills && !t.Failed() {
		ended := k.live()
		k.book.enter(p.service.came())
		if ended {
			k.book.version++
			p.sql("update people set score = score + 1")
		}
	}
	p.service.calm()
	p.run(exitDone)
	k.book.enter(p.service.came())
	p.converged()
	if n := len(p.service.came()); n > 0 {
		t.Errorf("a run with nothing changed made %d requests", n)
	}
	again, most := 0, 0
	for _, requests := range k.book.repeated {
		again += len(requests)
		most = max(most, len(requests))
	}
	if most > concurrency {
		t.Errorf("%d requests of one process came again, and no more than %d can have been in flight", most, concurrency)
	}
	t.Logf("%d kills in %d processes over %d versions of the source; %d requests came again, at most %d of one process",
		k.kills, k.lives, k.book.version+1, again, most)
}

// killer starts processes and kills them.
type killer struct {
	*site
	rand  *rand.Rand
	book  *book
	kills int
	lives int
}

// live starts a run and kills it sometime. It reports whether the run ended before that.
func (k *killer) live() (ended bool) {
	k.t.Helper()
	cmd := k.command("run", "--quiet")
	cmd.Env = append(cmd.Env, fmt.Sprint("HOOK_TOKEN=life-", k.lives)) // so that the service can tell processes apart
	k.lives++
	now, gone := k.aim()
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
		return true
	case <-now:
		if err := cmd.Process.Kill(); err != nil {
			k.t.Fatal(err)
		}
		if err := <-waited; err == nil {
			k.t.Log("a run ended as it was killed")
		}
		close(gone)
		k.kills++
		return false
	}
}

// aim decides when a process is killed. The request by which it is decided is answered once the process is gone.
func (k *killer) aim() (now <-chan time.Time, gone chan struct{}) {
	gone = make(chan struct{})
	if k.rand.IntN(3) == 0 {
		k.service.calm()
		return time.After(time.Duration(k.rand.Float64() * float64(1500*time.Millisecond))), gone
	}
	hit := make(chan time.Time, 1)
	left, applied := 1+k.rand.IntN(60), k.rand.IntN(2) == 0
	k.service.answers(func(*request) reply {
		if left--; left != 0 {
			return reply{}
		}
		hit <- time.Now()
		return reply{skip: !applied, after: gone, cut: true}
	})
	return hit, gone
}

// book knows in which request and from which process every row came.
type book struct {
	t        *testing.T
	version  int                        // of the source
	first    map[string]string          // the idempotency key under which a row of a version came first
	last     map[string]string          // the process from which it came last
	repeated map[string]map[string]bool // the requests of each process whose rows came again from another
}

func newBook(t *testing.T) *book {
	t.Helper()
	return &book{t: t, first: map[string]string{}, last: map[string]string{}, repeated: map[string]map[string]bool{}}
}

func (b *book) enter(requests []*request) {
	b.t.Helper()
	for _, req := range requests {
		for _, rec := range req.Records {
			row := fmt.Sprint(b.version, " ", rec.Key)
			last, again := b.last[row]
			b.last[row] = req.auth
			if !again {
				b.first[row] = req.key
				continue
			}
			if b.first[row] != req.key {
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
