package syncer

import (
	"context"
	"errors"
	"fmt"
	"slices"

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
	return located(problems).Sorted().Error()
}

func located(problems []mappings.Problem) project.Problems {
	list := make(project.Problems, len(problems))
	for i, p := range problems {
		list[i] = project.Located(p)
	}
	return list
}

// route is the way of one sync's rows: its statement, its object and its mapping.
type route struct {
	sync        *project.Sync
	sourceFile  string
	destination destinations.Destination
	object      destinations.Object
	fields      []destinations.Field
	unknown     bool               // nothing is known of the object: the destination does not have it, or was not asked
	noObject    []mappings.Problem // that it does not have it
	misfits     []mappings.Problem // what is wrong with the mapping, whatever the model gives
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
	r, err := askRoute(ctx, s, sourceFile, d)
	if err == nil {
		err = r.refusal()
	}
	if err != nil {
		return nil, err
	}
	return r, nil
}

// askRoute asks the destination what it takes. What the mapping has against it is in the route's misfits.
func askRoute(ctx context.Context, s *project.Sync, sourceFile string, d destinations.Destination) (*route, error) {
	r := &route{sync: s, sourceFile: sourceFile, destination: d}
	objects, err := d.Objects(ctx)
	if err != nil {
		return nil, fmt.Errorf("list the objects of destination %s: %w", s.Destination, err)
	}
	known := false
	if r.object, known = findObject(objects, s.Object); known {
		r.fields, err = d.Fields(ctx, s.Object)
	}
	if err == nil && slices.Contains(r.object.Identifiers, "*") {
		// Which fields are unique is known to some destinations only once these were listed.
		if objects, err = d.Objects(ctx); err != nil {
			return nil, fmt.Errorf("list the objects of destination %s: %w", s.Destination, err)
		}
		r.object, known = findObject(objects, s.Object)
	}
	switch {
	case !known || errors.Is(err, destinations.ErrNoObject):
		r.without(noObject(s, objects))
	case err != nil:
		return nil, fmt.Errorf("list the fields of %s at destination %s: %w", s.Object, s.Destination, err)
	}
	_, r.misfits = r.compile(nil)
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

// without notes that nothing can be said of the object's operations, identifiers and fields, and why if that is a
// problem.
func (r *route) without(why ...mappings.Problem) {
	r.unknown, r.noObject = true, why
	r.object, r.fields = destinations.Object{Name: r.sync.Object, AnyField: true, Clears: true}, nil
}

// compile holds the mapping to the object and to the columns of the model; nil columns are not known.
func (r *route) compile(columns []warehouse.Column) (*mappings.Mapping, []mappings.Problem) {
	mapping, problems := mappings.Compile(r.sync.Mapping, columns, r.object, r.fields)
	if !r.unknown {
		return mapping, problems
	}
	problems = slices.DeleteFunc(problems, func(p mappings.Problem) bool {
		return p.Key == "mode" || p.Key == "on_removed" || p.Key == "identifier"
	})
	return nil, slices.Concat(r.noObject, problems)
}

// refusal is what the mapping has against the destination as an error.
func (r *route) refusal() error {
	if len(r.misfits) == 0 {
		return nil
	}
	return &ConfigError{r.misfits}
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
	var names []string
	for _, o := range objects {
		if o.Name != "*" {
			names = append(names, o.Name)
		}
	}
	return mappings.Problem{
		At: s.Mapping.Place("object"), Key: "object",
		Message: fmt.Sprintf("%s has no object %s; %s", s.Destination, s.Object, mappings.Nearest(s.Object, names)),
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
	mapping, problems := r.compile(columns)
	switch {
	case len(r.misfits) > 0:
		return &ConfigError{problems}
	case len(problems) > 0:
		return &ModelError{Model: r.sync.Model + " (" + r.sourceFile + ")", Problems: problems}
	case mapping == nil:
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
