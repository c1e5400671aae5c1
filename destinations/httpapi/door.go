package httpapi

import (
	"context"
	"sync"
	"time"
)

const (
	maxProbes   = 2                // requests that try an account at once
	proofLasts  = 30 * time.Second // an account that answered well is trusted for so long
	deniedLasts = 30 * time.Second // refused credentials stop all requests for so long
	goneLasts   = 5 * time.Second  // an unreachable service, likewise
)

// door lets few requests of an account out at once until one has shown that the credentials are taken, so that
// revoked ones cost no more calls than that, and shuts once it is known that no request can succeed.
type door struct {
	mu     sync.Mutex
	proven time.Time     // when the service last showed that it takes the credentials
	probes int           // requests under way that try the account
	freed  chan struct{} // closed when one of them ends
	shut   *Problem
	until  time.Time // shut holds
}

func newDoor() *door { return &door{freed: make(chan struct{})} }

// enter waits for leave to send. The caller calls the returned function once its request has ended, with whether
// it proved the credentials. The error is a *Problem or the context's.
func (d *door) enter(ctx context.Context) (leave func(proved bool), err error) {
	for {
		leave, freed, err := d.try()
		if leave != nil || err != nil {
			return leave, err
		}
		select {
		case <-freed:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// try returns a way out, what to wait for before trying again, or an error.
func (d *door) try() (func(bool), <-chan struct{}, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if p := d.closed(); p != nil {
		return nil, nil, p
	}
	if time.Since(d.proven) < proofLasts {
		return d.leave, nil, nil
	}
	if d.probes == maxProbes {
		return nil, d.freed, nil
	}
	d.probes++
	return d.leaveProbe, nil, nil
}

func (d *door) leave(proved bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if proved {
		d.proven = time.Now()
	}
}

func (d *door) leaveProbe(proved bool) {
	d.leave(proved)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.probes--
	close(d.freed)
	d.freed = make(chan struct{})
}

// close stops all requests for a while, those that wait included, with p as their error.
func (d *door) close(p Problem, lasts time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.shut, d.until = &p, time.Now().Add(lasts)
	d.proven = time.Time{}
}

// problem returns what the door is shut for, or nil.
func (d *door) problem() *Problem {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.closed()
}

func (d *door) closed() *Problem {
	if d.shut == nil || !time.Now().Before(d.until) {
		return nil
	}
	return d.shut
}
