package mappings

import (
	"encoding/json"
	"math/big"
	"slices"

	"spillway/warehouse"
)

// frame is the state of one evaluation. Its memory is used again from row to row.
type frame struct {
	row    warehouse.Row
	vars   []any
	loops  []loop
	docs   []document // of the JSON columns, taken apart when they are first asked for
	budget int
}

// document is a JSON column's value, taken apart.
type document struct {
	value any
	read  bool
}

// loop is where a predicate such as filter's stands in its list.
type loop struct {
	item  any
	index int
	acc   any
}

// begin readies the frame for row, with room for so many variables and documents.
func (f *frame) begin(row warehouse.Row, vars, docs int) {
	f.row = row
	f.budget = maxSteps
	f.loops = f.loops[:0]
	f.vars = slices.Grow(f.vars[:0], vars)[:vars]
	f.docs = slices.Grow(f.docs[:0], docs)[:docs]
	clear(f.docs)
}

// end lets go of the row.
func (f *frame) end() {
	f.row = nil
	clear(f.vars)
	clear(f.docs)
}

// spend charges n steps.
func (f *frame) spend(n int) *failure {
	f.budget -= n
	if f.budget < 0 {
		return &failure{CodeExpression, "the expression takes too many steps on this row"}
	}
	return nil
}

// weight is what reading v costs, in steps.
func weight(v any) int {
	switch v := v.(type) {
	case *big.Rat, warehouse.Decimal:
		return 4
	case string:
		return 1 + len(v)/64
	case []byte:
		return 1 + len(v)/64
	case []any:
		return 1 + len(v)/8
	case map[string]any:
		return 1 + len(v)/8
	}
	return 1
}

// column returns the value of a column, JSON taken apart.
func (f *frame) column(c boundColumn) (any, *failure) {
	v := f.row[c.place]
	if !c.json {
		return v, nil
	}
	doc, ok := v.(json.RawMessage)
	if !ok || isNull(v) {
		return nil, nil
	}
	kept := &f.docs[c.doc]
	if kept.read {
		return kept.value, nil
	}
	structure, failed := parseStructure(doc)
	if failed != nil {
		return nil, inExpression(failed.reason)
	}
	*kept = document{structure, true}
	return structure, nil
}

// inExpression is the failure of an expression on a row. The reason must not hold a value of the row.
func inExpression(reason string) *failure {
	return &failure{CodeExpression, "the expression fails on this row: " + reason}
}
