package syncer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"spillway/destinations"
	"spillway/mappings"
	"spillway/syncer/project"
	"spillway/warehouse"
)

// ConfigError is a fault in the project that shows only against the live systems: a field that the destination does
// not have, an operation that it cannot do.
type ConfigError struct{ Problems []mappings.Problem }

func (e *ConfigError) Error() string { return problemText(e.Problems) }

// ModelError is a model that no longer gives what the mapping reads.
type ModelError struct {
	Model    string
	Problems []mappings.Problem
}

func (e *ModelError) Error() string {
	return fmt.Sprintf("model %s does not give what the mapping needs: %s", e.Model, problemText(e.Problems))
}

func problemText(problems []mappings.Problem) string {
	lines := make([]string, len(problems))
	for i, p := range problems {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// route is the way of one sync's rows: its statement, its object and its mapping.
type route struct {
	sync        *project.Sync
	sourceFile  string
	destination destinations.Destination
	object      destinations.Object
	fields      []destinations.Field
	columns     []warehouse.Column
	mapping     *mappings.Mapping

	batch       int
	concurrency int
}

const (
	defaultConcurrency = 4
	// defaultBatch is for destinations that name no limit of their own.
	defaultBatch = 100
)

// newRoute asks the destination what it takes and checks the mapping against it.
func newRoute(ctx context.Context, s *project.Sync, sourceFile string, d destinations.Destination) (*route, error) {
	r := &route{sync: s, sourceFile: sourceFile, destination: d}
	objects, err := d.Objects(ctx)
	if err != nil {
		return nil, fmt.Errorf("list the objects of destination %s: %w", s.Destination, err)
	}
	object, ok := findObject(objects, s.Object)
	if !ok {
		return nil, &ConfigError{[]mappings.Problem{noObject(s, objects)}}
	}
	r.object = object
	if r.fields, err = d.Fields(ctx, s.Object); err != nil {
		return nil, fmt.Errorf("list the fields of %s at destination %s: %w", s.Object, s.Destination, err)
	}
	if _, problems := mappings.Compile(s.Mapping, nil, r.object, r.fields); len(problems) > 0 {
		return nil, &ConfigError{problems}
	}
	r.batch = firstPositive(s.Delivery.Batch, r.object.MaxBatch, defaultBatch)
	if r.object.MaxBatch > 0 {
		r.batch = min(r.batch, r.object.MaxBatch)
	}
	r.concurrency = firstPositive(s.Delivery.Concurrency, r.object.Concurrency, defaultConcurrency)
	if r.object.Concurrency > 0 {
		r.concurrency = min(r.concurrency, r.object.Concurrency)
	}
	return r, nil
}

func firstPositive(numbers ...int) int {
	return numbers[slices.IndexFunc(numbers, func(n int) bool { return n > 0 })]
}

// findObject finds an object by name; "*" stands for all others.
func findObject(objects []destinations.Object, name string) (destinations.Object, bool) {
	for _, o := range objects {
		if o.Name == name {
			return o, true
		}
	}
	for _, o := range objects {
		if o.Name == "*" {
			return o, true
		}
	}
	return destinations.Object{}, false
}

func noObject(s *project.Sync, objects []destinations.Object) mappings.Problem {
	names := make([]string, len(objects))
	for i, o := range objects {
		names[i] = o.Name
	}
	return mappings.Problem{
		At:      s.File,
		Message: fmt.Sprintf("destination %s has no object %q; it has %s", s.Destination, s.Object, strings.Join(names, ", ")),
	}
}

// bind compiles the mapping for the columns of the model, before a row is read.
func (r *route) bind(columns []warehouse.Column) error {
	if r.mapping != nil && slices.Equal(r.columns, columns) {
		return nil
	}
	if columns == nil {
		columns = []warehouse.Column{}
	}
	mapping, problems := mappings.Compile(r.sync.Mapping, columns, r.object, r.fields)
	if len(problems) > 0 {
		return &ModelError{Model: r.sync.Model + " (" + r.sourceFile + ")", Problems: problems}
	}
	if mapping == nil {
		return errors.New("the mapping could not be compiled")
	}
	r.mapping, r.columns = mapping, columns
	return nil
}

// cleared returns the fields of a record in the operation clear: every mapped field as null.
func (r *route) cleared() destinations.Fields {
	names := r.mapping.FieldNames()
	fields := make(destinations.Fields, len(names))
	for i, name := range names {
		fields[i].Name = name
	}
	return fields
}

func (r *route) irreversible(op destinations.Op) bool {
	return slices.Contains(r.object.Irreversible, op)
}

// perSecond is how many requests a second the account and the sync allow; 0 is not known.
func (r *route) perSecond() float64 {
	own, account := r.sync.Delivery.Rate.PerSecond(), r.object.Rate
	if own > 0 && account > 0 {
		return min(own, account)
	}
	return max(own, account)
}
