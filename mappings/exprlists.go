package mappings

import (
	"maps"
	"slices"
)

func listFunctions() map[string]function {
	list := forms((func([]any) []any)(nil))
	return map[string]function{
		"first":   {types: forms((func([]any) any)(nil)), call: taking(edge(0))},
		"last":    {types: forms((func([]any) any)(nil)), call: taking(edge(-1))},
		"get":     {types: forms((func(any, any) any)(nil)), call: taking(func(a *arguments) (any, *failure) { return element(read[any](a), read[any](a)) })},
		"take":    {types: forms((func([]any, int) []any)(nil)), call: taking(take)},
		"reverse": {types: list, call: taking(reverse)},
		"uniq":    {types: list, call: taking(uniq)},
		"sort":    {types: forms((func([]any) []any)(nil), (func([]any, string) []any)(nil)), call: taking(sorted)},
		"flatten": {types: list, call: taking(func(a *arguments) (any, *failure) { return flatten(nil, read[[]any](a), 0) })},
		"concat":  {types: forms((func(...any) []any)(nil)), nulls: true, call: concat},
		"keys":    {types: forms((func(map[string]any) []any)(nil)), call: taking(keys)},
		"values":  {types: forms((func(map[string]any) []any)(nil)), call: taking(values)},
	}
}

func edge(index int64) func(a *arguments) (any, *failure) {
	return func(a *arguments) (any, *failure) { return element(read[[]any](a), index) }
}

func take(a *arguments) (any, *failure) {
	list, n := read[[]any](a), a.integer()
	n = min(max(n, 0), len(list))
	return list[:n:n], nil
}

func reverse(a *arguments) (any, *failure) {
	list := slices.Clone(read[[]any](a))
	slices.Reverse(list)
	return list, nil
}

// uniq keeps the first of each value.
func uniq(a *arguments) (any, *failure) {
	seen := map[string]bool{}
	out := []any{}
	for _, e := range read[[]any](a) {
		id, failed := appendStructure(nil, e, 0)
		if failed != nil {
			return nil, inExpression(failed.reason)
		}
		if canonical, err := appendCanonicalJSON(nil, id); err == nil {
			id = canonical
		}
		if !seen[string(id)] {
			seen[string(id)] = true
			out = append(out, e)
		}
	}
	return out, nil
}

func sorted(a *arguments) (any, *failure) {
	list, descending := slices.Clone(read[[]any](a)), false
	if a.more() {
		switch read[string](a) {
		case "asc":
		case "desc":
			descending = true
		default:
			return nil, inExpression(`sort takes "asc" or "desc"`)
		}
	}
	ordered := true
	slices.SortStableFunc(list, func(x, y any) int {
		order, ok := nullsFirst(x, y)
		ordered = ordered && ok
		if descending {
			return -order
		}
		return order
	})
	if !ordered {
		return nil, inExpression("sort is given values that have no order")
	}
	return list, nil
}

// flatten appends the elements of list to dst, and those of the lists in it.
func flatten(dst, list []any, depth int) (any, *failure) {
	if depth > maxNesting || len(dst) > maxList {
		return nil, inExpression("flatten gives too many elements")
	}
	if dst == nil {
		dst = []any{}
	}
	for _, e := range list {
		inner, ok := e.([]any)
		if !ok {
			dst = append(dst, e)
			continue
		}
		v, failed := flatten(dst, inner, depth+1)
		if failed != nil {
			return nil, failed
		}
		dst, _ = v.([]any)
	}
	return dst, nil
}

// concat joins lists; a null one is empty, and what is no list is an element.
func concat(args []any) (any, *failure) {
	out := []any{}
	for _, arg := range args {
		switch v := arg.(type) {
		case nil:
		case []any:
			out = append(out, v...)
		default:
			out = append(out, v)
		}
	}
	return out, nil
}

// keys returns the names of a map in their order.
func keys(a *arguments) (any, *failure) {
	out := []any{}
	for _, name := range slices.Sorted(maps.Keys(read[map[string]any](a))) {
		out = append(out, name)
	}
	return out, nil
}

// values returns the values of a map in the order of their names.
func values(a *arguments) (any, *failure) {
	m := read[map[string]any](a)
	out := []any{}
	for _, name := range slices.Sorted(maps.Keys(m)) {
		out = append(out, m[name])
	}
	return out, nil
}
