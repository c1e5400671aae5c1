package syncer

import (
	"errors"
	"fmt"
	"io"
	"sync"

	"spillway/syncer/project"
)

// connection is a warehouse or a destination that is opened at its first use. Engines of one project that declare it
// alike share it, so that there is one limiter an account even while the project changes (invariant 7).
type connection[T io.Closer] struct {
	mu     sync.Mutex
	value  T
	opened bool
	users  int // engines
}

// get returns the connection, opening it if it is not. An attempt that fails is made again.
func (c *connection[T]) get(open func() (T, error)) (T, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.opened {
		return c.value, nil
	}
	value, err := open()
	if err != nil {
		return value, err
	}
	c.value, c.opened = value, true
	return value, nil
}

func (c *connection[T]) share() *connection[T] {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.users++
	return c
}

// release closes the connection when nobody uses it any more.
func (c *connection[T]) release() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.users--; c.users > 0 || !c.opened {
		return nil
	}
	c.opened = false
	return c.value.Close()
}

// connect makes the connections of a project's warehouses or destinations. Those that an earlier engine declared alike
// are that engine's.
func connect[T io.Closer, D any](declared map[string]D, earlier map[string]*connection[T], alike func(name string) bool) map[string]*connection[T] {
	connections := make(map[string]*connection[T], len(declared))
	for name := range declared {
		if c, ok := earlier[name]; ok && alike(name) {
			connections[name] = c.share()
			continue
		}
		connections[name] = &connection[T]{users: 1}
	}
	return connections
}

func releaseAll[T io.Closer](what string, connections map[string]*connection[T]) error {
	var errs []error
	for name, c := range connections {
		if err := c.release(); err != nil {
			errs = append(errs, fmt.Errorf("close %s %s: %w", what, name, err))
		}
	}
	return errors.Join(errs...)
}

// With returns an engine for a later version of the same project, which works beside e in the same state directory: runs
// go on with the engine that they began with. What both declare alike is shared. Each is closed by itself, e as soon as no
// run of it goes on. The error says that the project cannot change so far while the state directory is held.
func (e *Engine) With(p *project.Project) (*Engine, error) {
	was, is := e.project.State.EncryptionKey, p.State.EncryptionKey
	switch {
	case p.State.Dir != e.dir:
		return nil, fmt.Errorf("the state directory is %s and now to be %s: it moves when spillway is stopped and started again", e.dir, p.State.Dir)
	case was.IsSet() != is.IsSet() || was.Origin() != is.Origin():
		return nil, errors.New("the encryption key of the state directory changes when spillway is stopped and started again")
	}
	next := newEngine(p, e.options)
	next.held = e.held.share()
	next.state, next.store, next.runs = e.state, e.store, e.runs
	next.warehouses = connect(p.Warehouses, e.warehouses, func(name string) bool {
		return p.Warehouses[name].Declared == e.project.Warehouses[name].Declared
	})
	next.destinations = connect(p.Destinations, e.destinations, func(name string) bool {
		return p.Destinations[name].Declared == e.project.Destinations[name].Declared
	})
	e.runs.Configure(next.logOptions())
	return next, nil
}

// holding counts the engines that hold one state directory.
type holding struct {
	mu    sync.Mutex
	users int

	exporting sync.Mutex // held by whoever writes the run log to a warehouse
}

func (h *holding) share() *holding {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.users++
	return h
}

// release reports whether this was the last of them.
func (h *holding) release() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.users--
	return h.users == 0
}
