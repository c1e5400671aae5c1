package mappings

import (
	"slices"

	"github.com/expr-lang/expr/ast"
)

// predicateNames are the functions that take a condition or a computation for each element of a list.
func predicateNames() []string {
	return []string{
		"all", "any", "count", "filter", "find", "findIndex", "findLast", "findLastIndex", "map", "none", "one", "reduce", "sortBy", "sum",
	}
}

// looping computes with the list that the frame's innermost loop goes through; body is evaluated for its element.
type looping func(f *frame, list []any, body eval) (any, *failure)

// builtin compiles a function that goes through a list. A null list counts as empty.
func (c *exprCompiler) builtin(n *ast.BuiltinNode) (eval, error) {
	run, ok := loops()[n.Name]
	if !ok || len(n.Arguments) == 0 {
		return nil, noFunction(n, n.Name, c.library)
	}
	parts, err := c.nodes(n.Arguments)
	if err != nil {
		return nil, err
	}
	body := func(f *frame) (any, *failure) { return f.loops[len(f.loops)-1].item, nil }
	if len(parts) > 1 {
		body = parts[1]
	}
	var extra eval
	if len(parts) > 2 {
		extra = parts[2]
	}
	return func(f *frame) (any, *failure) {
		v, failed := parts[0](f)
		if failed != nil {
			return nil, failed
		}
		list, ok := v.([]any)
		if !ok && v != nil {
			return nil, inExpression(n.Name + " needs a list")
		}
		return f.loop(run, list, body, extra)
	}, nil
}

// loop runs a looping with a loop of its own; extra is the first accumulator of reduce and the order of sortBy.
func (f *frame) loop(run looping, list []any, body, extra eval) (any, *failure) {
	l := loop{acc: missing{}}
	if extra != nil {
		var failed *failure
		if l.acc, failed = extra(f); failed != nil {
			return nil, failed
		}
	}
	f.loops = append(f.loops, l)
	v, failed := run(f, list, body)
	f.loops = f.loops[:len(f.loops)-1]
	if failed != nil {
		return nil, failed
	}
	return v, f.made(v)
}

// missing stands for an argument that was not given.
type missing struct{}

// step moves the innermost loop to an element and evaluates body there.
func (f *frame) step(body eval, item any, index int) (any, *failure) {
	if failed := f.spend(1); failed != nil {
		return nil, failed
	}
	l := &f.loops[len(f.loops)-1]
	l.item, l.index = item, index
	return body(f)
}

// holds is step for a condition.
func (f *frame) holds(body eval, item any, index int) (bool, *failure) {
	return truth(func(f *frame) (any, *failure) { return f.step(body, item, index) }, f)
}

func (c *exprCompiler) pointer(n *ast.PointerNode) (eval, error) {
	switch n.Name {
	case "":
		return func(f *frame) (any, *failure) { return f.loops[len(f.loops)-1].item, nil }, nil
	case "index":
		return func(f *frame) (any, *failure) { return int64(f.loops[len(f.loops)-1].index), nil }, nil
	case "acc":
		return func(f *frame) (any, *failure) { return f.loops[len(f.loops)-1].acc, nil }, nil
	}
	return nil, at(n, "#%s means nothing here", n.Name)
}

func loops() map[string]looping {
	return map[string]looping{
		"all":           quantified(func(yes, all int) bool { return yes == all }),
		"any":           quantified(func(yes, _ int) bool { return yes > 0 }),
		"none":          quantified(func(yes, _ int) bool { return yes == 0 }),
		"one":           quantified(func(yes, _ int) bool { return yes == 1 }),
		"count":         count,
		"filter":        filter,
		"map":           mapList,
		"find":          finding(false, false),
		"findIndex":     finding(false, true),
		"findLast":      finding(true, false),
		"findLastIndex": finding(true, true),
		"reduce":        reduce,
		"sum":           sum,
		"sortBy":        sortBy,
	}
}

func matching(f *frame, list []any, body eval) ([]any, *failure) {
	found := []any{}
	for i, item := range list {
		yes, failed := f.holds(body, item, i)
		if failed != nil {
			return nil, failed
		}
		if yes {
			found = append(found, item)
		}
	}
	return found, nil
}

func quantified(enough func(yes, all int) bool) looping {
	return func(f *frame, list []any, body eval) (any, *failure) {
		found, failed := matching(f, list, body)
		return enough(len(found), len(list)), failed
	}
}

func count(f *frame, list []any, body eval) (any, *failure) {
	found, failed := matching(f, list, body)
	return int64(len(found)), failed
}

func filter(f *frame, list []any, body eval) (any, *failure) {
	found, failed := matching(f, list, body)
	return found, failed
}

func mapList(f *frame, list []any, body eval) (any, *failure) {
	out := make([]any, len(list))
	for i, item := range list {
		var failed *failure
		if out[i], failed = f.step(body, item, i); failed != nil {
			return nil, failed
		}
	}
	return out, nil
}

// finding returns the first or the last element for which the condition holds, or its place; null if there is none.
func finding(last, place bool) looping {
	return func(f *frame, list []any, body eval) (any, *failure) {
		for n := range list {
			i := n
			if last {
				i = len(list) - 1 - n
			}
			yes, failed := f.holds(body, list[i], i)
			if failed != nil {
				return nil, failed
			}
			if yes && place {
				return int64(i), nil
			}
			if yes {
				return list[i], nil
			}
		}
		return nil, nil
	}
}

// reduce starts from its third argument, or from the first element where there is none. Of nothing it is null.
func reduce(f *frame, list []any, body eval) (any, *failure) {
	innermost := len(f.loops) - 1
	if _, none := f.loops[innermost].acc.(missing); none {
		if len(list) == 0 {
			return nil, nil
		}
		f.loops[innermost].acc = list[0]
		list = list[1:]
	}
	for i, item := range list {
		acc, failed := f.step(body, item, i)
		if failed != nil {
			return nil, failed
		}
		f.loops[innermost].acc = acc
	}
	return f.loops[innermost].acc, nil
}

// sum adds what is not null, as SQL does.
func sum(f *frame, list []any, body eval) (any, *failure) {
	var total any = int64(0)
	for i, item := range list {
		v, failed := f.step(body, item, i)
		if failed != nil {
			return nil, failed
		}
		if v == nil {
			continue
		}
		if total, failed = arithmetic('+', total, v); failed != nil {
			return nil, failed
		}
	}
	return total, nil
}

// sortBy sorts by what the body gives, "asc" or "desc", null first.
func sortBy(f *frame, list []any, body eval) (any, *failure) {
	descending := false
	switch order := f.loops[len(f.loops)-1].acc; order {
	case missing{}, "asc":
	case "desc":
		descending = true
	default:
		return nil, inExpression(`sortBy takes "asc" or "desc"`)
	}
	type keyed struct{ item, by any }
	items := make([]keyed, len(list))
	for i, item := range list {
		by, failed := f.step(body, item, i)
		if failed != nil {
			return nil, failed
		}
		items[i] = keyed{item, by}
	}
	ordered := true
	slices.SortStableFunc(items, func(a, b keyed) int {
		order, ok := nullsFirst(a.by, b.by)
		ordered = ordered && ok
		if descending {
			return -order
		}
		return order
	})
	if !ordered {
		return nil, inExpression("sortBy is given values that have no order")
	}
	out := make([]any, len(items))
	for i := range items {
		out[i] = items[i].item
	}
	return out, f.spend(len(items))
}

func nullsFirst(a, b any) (int, bool) {
	switch {
	case a == nil && b == nil:
		return 0, true
	case a == nil:
		return -1, true
	case b == nil:
		return 1, true
	}
	return compare(a, b)
}
