package mappings

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/checker"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/parser"
	"github.com/expr-lang/expr/types"

	"spillway/destinations"
	"spillway/warehouse"
)

// The limits of one expression, and of one evaluation of it.
const (
	maxSource = 16 << 10 // bytes
	maxNodes  = 1000     // of its syntax tree
	maxSteps  = 200_000  // about 50 ms: an operation is one, more with long operands; a call is stepsOfCall
	maxList   = 100_000  // elements of a list that an expression makes

	stepsOfCall = 8
)

// expression is an expr-lang expression over the columns of a model, parsed and type-checked once.
//
// Its meaning differs from the library's own evaluation, which knows neither SQL's null nor exact decimals:
//   - an operator, function or method whose operand is null gives null; a comparison with null is false, except
//     == nil and != nil; a null condition counts as false, and a null list as empty
//   - decimals are exact: +, - and * of a decimal never round, and / rounds only where the digits do not end;
//     integers that outgrow 64 bits go on as decimals
//   - texts are measured and cut in characters; a missing member or element is null
//   - nothing depends on the clock, the machine or the order of a map
type expression struct {
	source string
	reads  []int        // the places of the columns that it names
	result reflect.Type // nil where it is not known
	null   bool         // it is the constant null
	eval   eval
	vars   int // how many names let declares
	docs   int // how many JSON columns it names
}

// eval computes a part of an expression on the row of a frame.
type eval func(f *frame) (any, *failure)

// compileExpression parses source and checks it against columns. Of nil columns nothing is known. The error says
// where in source it stands.
func compileExpression(source string, columns columnSet) (*expression, error) {
	if len(source) > maxSource {
		return nil, fmt.Errorf("the expression is longer than %d bytes; compute the value in the model's SQL", maxSource)
	}
	library := functions()
	tree, err := parser.ParseWithConfig(source, language(library, types.Map{}))
	if err != nil {
		return nil, expressionError(err)
	}
	names := &nameFinder{}
	ast.Walk(&tree.Node, names)
	if err := names.checkFunctions(library); err != nil {
		return nil, err
	}
	bound, err := names.bind(columns)
	if err != nil {
		return nil, err
	}
	result, err := checker.Check(tree, language(library, bound.env))
	if err != nil {
		return nil, expressionError(err)
	}
	c := &exprCompiler{library: library, columns: bound.columns}
	run, err := c.node(tree.Node)
	if err != nil {
		return nil, err
	}
	e := &expression{source: source, eval: run, vars: c.vars, docs: bound.docs, null: tree.Node.Nature().Nil}
	for _, column := range bound.columns {
		e.reads = append(e.reads, column.place)
	}
	if result.Kind() != reflect.Interface {
		e.result = result
	}
	return e, nil
}

// run evaluates e on row.
func (e *expression) run(row warehouse.Row, f *frame) (any, *failure) {
	f.begin(row, e.vars, e.docs)
	v, failed := e.eval(f)
	f.end()
	return v, failed
}

// zoned returns a time that an expression put into a zone as its day there, if a day is asked for. All else is
// read in UTC.
func zoned(v any, to destinations.FieldType) any {
	if t, ok := v.(time.Time); ok && to == destinations.DateType {
		return warehouse.Date(t.Format(time.DateOnly))
	}
	return v
}

// checkResult refuses a type that no result of e can be sent as.
func (e *expression) checkResult(to destinations.FieldType) error {
	switch {
	case e.null:
		return errors.New("the expression is always null")
	case e.result == nil:
		return nil
	}
	from, ok := resultType(e.result)
	switch {
	case !ok && e.result == reflect.TypeFor[time.Duration]():
		return errors.New("the expression gives a length of time: take its .Hours(), .Minutes() or .Seconds()")
	case !ok:
		return fmt.Errorf("the expression gives a %s, which no field can hold", readable(e.result.String()))
	case e.result.Kind() == reflect.Slice && from == warehouse.JSON && to == destinations.List:
		return nil
	case !convertible(from, to) || to == destinations.List:
		return fmt.Errorf("the expression gives %s, which cannot be sent as %s", describe(from), to)
	}
	return nil
}

// resultType returns the class of values to which an expression's result of type t belongs.
func resultType(t reflect.Type) (warehouse.Type, bool) {
	switch t {
	case reflect.TypeFor[time.Time]():
		return warehouse.Time, true
	case reflect.TypeFor[time.Duration]():
		return 0, false
	case reflect.TypeFor[[]byte]():
		return warehouse.Bytes, true
	}
	switch t.Kind() {
	case reflect.String:
		return warehouse.String, true
	case reflect.Bool:
		return warehouse.Bool, true
	case reflect.Int, reflect.Int64:
		return warehouse.Int, true
	case reflect.Float64:
		return warehouse.Numeric, true
	case reflect.Slice, reflect.Map:
		return warehouse.JSON, true
	default:
		return 0, false
	}
}

func describe(t warehouse.Type) string {
	switch t {
	case warehouse.String:
		return "text"
	case warehouse.Bool:
		return "true or false"
	case warehouse.Int:
		return "an integer"
	case warehouse.Numeric:
		return "a number"
	case warehouse.Time:
		return "a time"
	case warehouse.JSON:
		return "a list or a map"
	default:
		return t.String()
	}
}

// expressionError says what the library found wrong with an expression, and where, on one line.
func expressionError(err error) error {
	if e, ok := errors.AsType[*file.Error](err); ok {
		return fmt.Errorf("the expression is wrong at line %d, character %d: %s", e.Line, e.Column+1, readable(e.Message))
	}
	return fmt.Errorf("the expression is wrong: %s", readable(err.Error()))
}

// readable puts the types of a message into words that are not Go's.
func readable(message string) string {
	message = strings.NewReplacer(
		"map[string]interface {}", "map", "[]interface {}", "list", "interface {}", "any value", "[]uint8", "bytes",
		"time.Time", "time", "time.Duration", "duration", "float64", "number", "\n", " ",
	).Replace(message)
	return strings.TrimSpace(message)
}

// at places an error of ours in the source of an expression.
func at(node ast.Node, format string, args ...any) error {
	return fmt.Errorf("the expression is wrong at character %d: %s", node.Location().From+1, fmt.Sprintf(format, args...))
}
