package mappings

import (
	"github.com/expr-lang/expr/ast"
)

// member compiles a.name, a["name"] and a[0]. What is missing is null.
func (c *exprCompiler) member(n *ast.MemberNode) (eval, error) {
	if isEnvironment(n.Node) {
		name, ok := n.Property.(*ast.StringNode)
		if !ok {
			return nil, at(n, "$env needs the name of a column written out, as in $env[\"name\"]")
		}
		column := c.columns[name.Value]
		return func(f *frame) (any, *failure) { return f.column(column) }, nil
	}
	parts, err := c.nodes([]ast.Node{n.Node, n.Property})
	if err != nil {
		return nil, err
	}
	return calling(parts, func(args []any) (any, *failure) { return element(args[0], args[1]) }), nil
}

// element returns the member of a map or the element of a list or a text, counted from its end where the index is
// negative; null where there is none.
func element(base, property any) (any, *failure) {
	switch b := base.(type) {
	case map[string]any:
		if name, ok := property.(string); ok {
			return b[name], nil
		}
	case []any:
		if index, ok := property.(int64); ok {
			if i, ok := position(index, len(b)); ok {
				return b[i], nil
			}
			return nil, nil
		}
	case string:
		if index, ok := property.(int64); ok {
			characters := []rune(b)
			if i, ok := position(index, len(characters)); ok {
				return string(characters[i]), nil
			}
			return nil, nil
		}
	}
	return nil, inExpression("a value has no such members")
}

// position returns the place that index means in a sequence of so many, and whether it has that place.
func position(index int64, length int) (int, bool) {
	if index < 0 {
		index += int64(length)
	}
	return int(index), index >= 0 && index < int64(length)
}

// slice compiles a[from:to] of lists and texts.
func (c *exprCompiler) slice(n *ast.SliceNode) (eval, error) {
	nodes := []ast.Node{n.Node, &ast.NilNode{}, &ast.NilNode{}}
	if n.From != nil {
		nodes[1] = n.From
	}
	if n.To != nil {
		nodes[2] = n.To
	}
	parts, err := c.nodes(nodes)
	if err != nil {
		return nil, err
	}
	return callingWithNulls(parts, func(args []any) (any, *failure) {
		switch base := args[0].(type) {
		case nil:
			return nil, nil
		case string:
			characters := []rune(base)
			from, to, ok := bounds(args[1], args[2], len(characters))
			if ok {
				return string(characters[from:to]), nil
			}
		case []any:
			from, to, ok := bounds(args[1], args[2], len(base))
			if ok {
				return base[from:to:to], nil
			}
		}
		return nil, inExpression("a value cannot be cut in this way")
	}), nil
}

// bounds returns the places that from and to mean in a sequence of so many. A null one is the sequence's end.
func bounds(from, to any, length int) (int, int, bool) {
	place := func(v any, missing int) (int, bool) {
		if v == nil {
			return missing, true
		}
		index, ok := v.(int64)
		if index < 0 {
			index += int64(length)
		}
		return int(min(max(index, 0), int64(length))), ok
	}
	a, ok1 := place(from, 0)
	b, ok2 := place(to, length)
	return min(a, b), b, ok1 && ok2
}
