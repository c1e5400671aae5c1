package daemon

import (
	"cmp"
	"context"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"spillway/destinations"
)

const (
	checkInterval = 15 * time.Minute
	checkTime     = 30 * time.Second // of one
	checksAtOnce  = 4
)

// The kinds of what is checked.
const (
	KindWarehouse   = "warehouse"
	KindDestination = "destination"
)

func (d *Daemon) keepChecked(ctx context.Context) {
	ticker := time.NewTicker(checkInterval)
	defer ticker.Stop()
	for {
		d.CheckNow(ctx)
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// Checks returns the latest check of every warehouse and destination: warehouses first, by name.
func (d *Daemon) Checks() []Check {
	d.mu.Lock()
	defer d.mu.Unlock()
	list := d.declared()
	for i, c := range list {
		same := func(other Check) bool { return other.Kind == c.Kind && other.Name == c.Name && other.Type == c.Type }
		if at := slices.IndexFunc(d.checks, same); at >= 0 {
			list[i] = d.checks[at]
		}
	}
	return list
}

// declared are the warehouses and destinations of the project, as if none was checked yet.
func (d *Daemon) declared() []Check {
	var list []Check
	for name, w := range d.version.project.Warehouses {
		list = append(list, Check{Kind: KindWarehouse, Name: name, Type: w.Kind.Name})
	}
	for name, to := range d.version.project.Destinations {
		list = append(list, Check{Kind: KindDestination, Name: name, Type: to.Kind.Name})
	}
	slices.SortFunc(list, func(a, b Check) int { return cmp.Or(-cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name)) })
	return list
}

// CheckNow checks every warehouse and destination, and waits. The connections are those that runs use, so that a check
// takes its turn with them (invariant 7).
func (d *Daemon) CheckNow(ctx context.Context) {
	d.checking.Lock()
	defer d.checking.Unlock()
	d.mu.Lock()
	list, v := d.declared(), d.version
	v.runs++
	d.mu.Unlock()
	var group errgroup.Group
	group.SetLimit(checksAtOnce)
	for i := range list {
		group.Go(func() error {
			d.check(ctx, v, &list[i])
			return nil
		})
	}
	_ = group.Wait() // no check fails as a whole
	d.mu.Lock()
	defer d.mu.Unlock()
	d.unuse(v)
	if ctx.Err() == nil {
		d.checks = list
	}
}

func (d *Daemon) check(ctx context.Context, v *version, c *Check) {
	ctx, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	var err error
	if c.Kind == KindWarehouse {
		w, opening := v.engine.Warehouse(ctx, c.Name)
		if err = opening; err == nil {
			err = w.Check(ctx)
		}
	} else {
		to, opening := v.engine.Destination(ctx, c.Name)
		if err = opening; err == nil {
			err = to.Check(ctx)
			c.Account = destinations.AccountOf(to)
		}
	}
	c.At = d.now()
	if err != nil {
		c.Error = err.Error()
	}
}
