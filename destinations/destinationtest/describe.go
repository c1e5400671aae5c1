package destinationtest

import (
	"errors"
	"slices"

	"spillway/destinations"
)

func descriptionCases() []testCase {
	return []testCase{
		{"objects say all that a caller must know", "", func(b *bench) {
			objects, err := b.dest.Objects(b.Context())
			if err != nil || len(objects) == 0 {
				b.Fatalf("objects: %v, error %v", objects, err)
			}
			for _, o := range objects {
				checkObject(b, o)
			}
		}},
		{"the object under test has what the suite uses", "", func(b *bench) {
			o := b.object()
			if !slices.Contains(o.Operations, b.suite.Op) {
				b.Errorf("object %s has the operations %v, and not %s", o.Name, o.Operations, b.suite.Op)
			}
			if b.suite.Identifier != "" && !slices.Contains(o.Identifiers, "*") &&
				!slices.Contains(o.Identifiers, b.suite.Identifier) {
				b.Errorf("object %s has the identifiers %v, and not %s", o.Name, o.Identifiers, b.suite.Identifier)
			}
		}},
		{"fields have names and known types", "", func(b *bench) {
			fields, err := b.dest.Fields(b.Context(), b.suite.Object)
			if err != nil {
				b.Fatalf("fields: %v", err)
			}
			checkFields(b, fields)
		}},
		{"an object that does not exist is reported as such", NamedObjects, func(b *bench) {
			if _, err := b.dest.Fields(b.Context(), "no_such_object"); !errors.Is(err, destinations.ErrNoObject) {
				b.Errorf("fields of no such object: %v, want ErrNoObject", err)
			}
		}},
		{"a check delivers nothing", "", func(b *bench) {
			if err := b.dest.Check(b.Context()); err != nil {
				b.Errorf("check: %v", err)
			}
			if account := destinations.AccountOf(b.dest); account != b.suite.Account {
				b.Errorf("check reached the account %q, want %q", account, b.suite.Account)
			}
			for _, call := range b.wire.Calls() {
				if len(call.Body) > 0 {
					b.Errorf("check sent a body: %s %s", call.Method, call.Path)
				}
			}
		}},
		{"a check finds refused credentials", "", func(b *bench) {
			b.wire.SpoilAll(Reply(401, `{"message":"no such token"}`))
			err := b.dest.Check(b.Context())
			if !errors.Is(err, destinations.ErrAuth) {
				b.Errorf("check: %v, want ErrAuth", err)
			}
		}},
		{"a check finds a service that fails or cannot be reached", "", func(b *bench) {
			b.wire.SpoilAll(Reply(503, ""))
			if err := b.dest.Check(b.Context()); err == nil {
				b.Error("check found nothing wrong with a service that answers 503")
			}
			b.wire.SpoilAll(Unreachable())
			if err := b.dest.Check(b.Context()); !errors.Is(err, destinations.ErrUnreachable) {
				b.Errorf("check: %v, want ErrUnreachable", err)
			}
		}},
	}
}

// object returns the description of the suite's object.
func (b *bench) object() destinations.Object {
	b.Helper()
	objects, err := b.dest.Objects(b.Context())
	if err != nil {
		b.Fatalf("objects: %v", err)
	}
	for _, o := range objects {
		if o.Name == b.suite.Object || o.Name == "*" {
			return o
		}
	}
	b.Fatalf("there is no object %s", b.suite.Object)
	return destinations.Object{}
}

func checkObject(b *bench, o destinations.Object) {
	b.Helper()
	known := []destinations.Op{
		destinations.Upsert, destinations.Update, destinations.Insert,
		destinations.Clear, destinations.Archive, destinations.Delete,
	}
	switch {
	case o.Name == "" || o.Label == "":
		b.Errorf("an object has no name or no label: %+v", o)
	case len(o.Operations) == 0:
		b.Errorf("object %s has no operations", o.Name)
	case o.MaxBatch < 1:
		b.Errorf("object %s takes %d records in a batch", o.Name, o.MaxBatch)
	case o.Nulls && !o.Clears:
		b.Errorf("object %s has nulls, and yet its fields cannot be cleared", o.Name)
	case len(o.Identifiers) == 0 && !o.AppendOnly:
		b.Errorf("object %s has no identifiers, and yet is not for appending only", o.Name)
	}
	for _, op := range o.Operations {
		if !slices.Contains(known, op) {
			b.Errorf("object %s has the unknown operation %q", o.Name, op)
		}
	}
	for _, op := range o.Irreversible {
		if !slices.Contains(o.Operations, op) {
			b.Errorf("object %s cannot undo %s, which it does not have", o.Name, op)
		}
	}
}

func checkFields(b *bench, fields []destinations.Field) {
	b.Helper()
	known := []destinations.FieldType{
		destinations.Any, destinations.String, destinations.Number, destinations.Integer, destinations.Boolean,
		destinations.DateType, destinations.DateTime, destinations.JSON, destinations.List,
	}
	seen := map[string]bool{}
	for _, f := range fields {
		switch {
		case f.Name == "" || seen[f.Name]:
			b.Errorf("a field has no name, or that of another: %+v", f)
		case !slices.Contains(known, f.Type):
			b.Errorf("field %s has the unknown type %q", f.Name, f.Type)
		case f.Required && f.ReadOnly:
			b.Errorf("field %s is required, and yet cannot be written", f.Name)
		}
		seen[f.Name] = true
	}
}
