package syncer

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"spillway/mappings"
	"spillway/syncer/project"
	"spillway/warehouse"
)

// route prepares the way of a sync's rows up to the mapping, which is compiled for the model's columns. Whatever is
// wrong with it, at the destination and at the warehouse, is said at once.
func (e *Engine) route(ctx context.Context, s *project.Sync) (*route, warehouse.Warehouse, error) {
	d, err := e.Destination(ctx, s.Destination)
	if err != nil {
		return nil, nil, err
	}
	r, err := askRoute(ctx, s, e.sourceFile(s), d)
	if err != nil {
		return nil, nil, err
	}
	w, err := e.Warehouse(ctx, s.Warehouse)
	if err != nil {
		return nil, nil, errors.Join(r.refusal(), err)
	}
	columns, err := e.columns(ctx, w, s)
	if err != nil {
		return nil, nil, errors.Join(r.refusal(), err)
	}
	return r, w, r.bind(columns)
}

func (e *Engine) columns(ctx context.Context, w warehouse.Warehouse, s *project.Sync) ([]warehouse.Column, error) {
	columns, err := w.Columns(ctx, s.SQL)
	if err != nil {
		return nil, fmt.Errorf("model %s (%s): %w", s.Model, e.sourceFile(s), err)
	}
	return columns, nil
}

// CheckSync checks a sync against the live systems: its statement, its object and its mapping. No row is read.
func (e *Engine) CheckSync(ctx context.Context, s *project.Sync) error {
	_, _, err := e.route(ctx, s)
	return err
}

// CheckOffline reports what is wrong with the project's syncs as far as it can be known without a connection: objects,
// operations and identifiers of destinations that declare them, and the mappings against these.
func CheckOffline(p *project.Project) []mappings.Problem {
	var problems []mappings.Problem
	for _, s := range p.Syncs {
		problems = append(problems, offlineRoute(p, s).misfits...)
	}
	return problems
}

// offlineRoute is the way of a sync's rows as far as it is known without a connection.
func offlineRoute(p *project.Project, s *project.Sync) *route {
	r := &route{sync: s}
	objects := p.Destinations[s.Destination].Kind.Objects
	object, found := findObject(objects, s.Object)
	switch {
	case len(objects) == 0:
		r.without()
	case !found:
		r.without(noObject(s, objects))
	default:
		r.object = object
		r.object.AnyField = true // which fields there are only the account knows
		if !object.AppendOnly {
			r.object.Identifiers = []string{"*"} // and which of them are unique
		}
	}
	_, r.misfits = r.compile(nil)
	return r
}

// Inspection is what is wrong with syncs when they are held to the live systems.
type Inspection struct {
	Problems project.Problems
	Silent   []Silent // systems that could not be asked, so that more may be wrong
}

// Silent is a system that could not be asked.
type Silent struct {
	Kind  string   // "warehouse" or "destination"
	Name  string   // in the project
	Syncs []string // those that were not checked against it
	Err   error
}

// Inspect checks syncs against their warehouses and destinations and reports all that is wrong with them. No row is
// read, no record sent. A system that cannot be asked is asked once, however many syncs need it.
func (e *Engine) Inspect(ctx context.Context, syncs []*project.Sync) Inspection {
	i := &inspector{Engine: e, proved: map[string]bool{}, failed: map[string]bool{}}
	for _, s := range syncs {
		i.inspect(ctx, s)
	}
	i.Problems = i.Problems.Sorted()
	return i.Inspection
}

type inspector struct {
	*Engine
	Inspection
	proved map[string]bool // destinations whose credentials suffice
	failed map[string]bool // systems that were asked in vain, by kind and name
}

func (i *inspector) inspect(ctx context.Context, s *project.Sync) {
	r, columns := i.ask(ctx, s), i.describe(ctx, s)
	_, problems := r.compile(columns)
	i.Problems = append(i.Problems, located(problems)...)
}

// ask asks the destination of s. Where that fails, what is known offline is all there is.
func (i *inspector) ask(ctx context.Context, s *project.Sync) *route {
	offline := offlineRoute(i.project, s)
	if i.gaveUp("destination", s.Destination, s) {
		return offline
	}
	d, err := i.Destination(ctx, s.Destination)
	if err == nil && !i.proved[s.Destination] {
		err = d.Check(ctx) // not every service has to be asked for its objects and fields
		i.proved[s.Destination] = err == nil
	}
	if err == nil {
		var r *route
		if r, err = askRoute(ctx, s, i.sourceFile(s), d); err == nil {
			return r
		}
	}
	i.giveUp("destination", s.Destination, i.project.Destinations[s.Destination].At, s, err)
	return offline
}

// describe asks the warehouse of s for the columns of the model; they are nil where that fails.
func (i *inspector) describe(ctx context.Context, s *project.Sync) []warehouse.Column {
	if i.gaveUp("warehouse", s.Warehouse, s) {
		return nil
	}
	w, err := i.Warehouse(ctx, s.Warehouse)
	if err == nil {
		var columns []warehouse.Column
		if columns, err = w.Columns(ctx, s.SQL); err == nil {
			return slices.Concat([]warehouse.Column{}, columns)
		}
		if FailureCode(err) == CodeWarehouse && w.Check(ctx) == nil { // then it is the statement that it refuses
			i.Problems = append(i.Problems, i.statementProblem(s, err))
			return nil
		}
	}
	i.giveUp("warehouse", s.Warehouse, i.project.Warehouses[s.Warehouse].At, s, err)
	return nil
}

// statementProblem places what the warehouse has against the statement of s.
func (i *inspector) statementProblem(s *project.Sync, err error) project.Problem {
	p := mappings.Problem{At: i.sourceFile(s), Message: err.Error()}
	if p.At == s.File {
		for _, key := range []string{"model", "sql", "table"} {
			if at, given := s.Mapping.Declared(key); given {
				p.At, p.Key = at, key
			}
		}
	}
	return project.Located(p)
}

// gaveUp reports whether a system was asked in vain before, which then concerns s too.
func (i *inspector) gaveUp(kind, name string, s *project.Sync) bool {
	for n := range i.Silent {
		if i.Silent[n].Kind == kind && i.Silent[n].Name == name {
			i.Silent[n].Syncs = append(i.Silent[n].Syncs, s.Name)
		}
	}
	return i.failed[kind+" "+name]
}

// giveUp notes why a system that is declared at a place could not be asked: for its settings, or for a reason that has
// nothing to do with the project.
func (i *inspector) giveUp(kind, name, at string, s *project.Sync, err error) {
	i.failed[kind+" "+name] = true
	if FailureCode(err) == CodeConfig {
		i.Problems = append(i.Problems, project.ProblemAt(at, kind+"s."+name, err.Error()))
		return
	}
	i.Silent = append(i.Silent, Silent{Kind: kind, Name: name, Syncs: []string{s.Name}, Err: err})
}
