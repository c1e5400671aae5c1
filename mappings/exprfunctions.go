package mappings

import (
	"maps"
	"reflect"
	"time"
)

// function is one that expressions may call. The set is fixed: none reads a clock, a file, the environment or the
// network, and each gives the same for the same row.
type function struct {
	types []reflect.Type // for the checker: what it takes and gives, one or more forms of it
	nulls bool           // it is called for null operands too, instead of giving null
	call  func(args []any) (any, *failure)
}

func functions() map[string]function {
	all := map[string]function{}
	for _, some := range []map[string]function{textFunctions(), numberFunctions(), listFunctions(), timeFunctions()} {
		maps.Copy(all, some)
	}
	return all
}

// forms lists the types of a function's forms, each given as a nil function of that type.
func forms(functions ...any) []reflect.Type {
	types := make([]reflect.Type, len(functions))
	for i, f := range functions {
		types[i] = reflect.TypeOf(f)
	}
	return types
}

// Functions of these types are what most of ours are.
type (
	text1    = func(string) string
	text2    = func(string, string) string
	numeric1 = func(float64) float64
)

// arguments reads the arguments of a call in order. Once one of them is of another type than asked for, it gives
// zero values and has failed.
type arguments struct {
	args   []any
	failed bool
}

func read[T any](a *arguments) T {
	var zero T
	if len(a.args) == 0 {
		a.failed = true
		return zero
	}
	v, ok := a.args[0].(T)
	a.args = a.args[1:]
	if !ok {
		a.failed = true
		return zero
	}
	return v
}

// integer reads a number that has to be whole and of a reasonable size.
func (a *arguments) integer() int {
	if len(a.args) > 0 {
		if f, ok := a.args[0].(float64); ok && f == float64(int32(f)) {
			a.args[0] = int64(f)
		}
	}
	n := read[int64](a)
	if n != int64(int32(n)) {
		a.failed = true
		return 0
	}
	return int(n)
}

// instant reads a time or a day.
func (a *arguments) instant() time.Time {
	if len(a.args) > 0 {
		if t, ok := instant(a.args[0]); ok {
			a.args = a.args[1:]
			return t
		}
	}
	a.failed = true
	return time.Time{}
}

func (a *arguments) more() bool { return len(a.args) > 0 }

// taking makes the body of a function that reads its arguments and then gives a result.
func taking(body func(a *arguments) (any, *failure)) func(args []any) (any, *failure) {
	return func(args []any) (any, *failure) {
		a := &arguments{args: args}
		v, failed := body(a)
		if a.failed || len(a.args) > 0 {
			return nil, inExpression("a function is given values that it cannot take")
		}
		return v, failed
	}
}
