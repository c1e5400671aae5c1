package mappings

import (
	"fmt"
	"slices"
	"time"

	"github.com/expr-lang/expr/ast"
)

// call compiles the call of a function or of a method.
func (c *exprCompiler) call(n *ast.CallNode) (eval, error) {
	args, err := c.nodes(n.Arguments)
	if err != nil {
		return nil, err
	}
	switch callee := n.Callee.(type) {
	case *ast.IdentifierNode:
		return c.function(n, callee.Value, args)
	case *ast.MemberNode:
		name, ok := callee.Property.(*ast.StringNode)
		if !ok {
			break
		}
		method, ok := methods()[name.Value]
		if !ok {
			return nil, at(callee, "there is no method %s; %s", name.Value, among(name.Value, methodNames()))
		}
		base, err := c.node(callee.Node)
		if err != nil {
			return nil, err
		}
		return calling(append([]eval{base}, args...), method), nil
	}
	return nil, at(n, "only functions and methods can be called")
}

func (c *exprCompiler) function(n *ast.CallNode, name string, args []eval) (eval, error) {
	if name == "timezone" {
		return c.timezone(n)
	}
	function, ok := c.library[name]
	if !ok {
		return nil, noFunction(n, name, c.library)
	}
	if function.nulls {
		return callingWithNulls(args, function.call), nil
	}
	return calling(args, function.call), nil
}

// timezone takes only a name that is written out, so that the zone is known before the first row.
func (c *exprCompiler) timezone(n *ast.CallNode) (eval, error) {
	args := n.Arguments
	if len(args) != 1 {
		return nil, at(n, "timezone takes one name")
	}
	name, ok := args[0].(*ast.StringNode)
	if !ok || name.Value == "" || name.Value == "Local" {
		return nil, at(args[0], "timezone needs the name of a zone written out, such as \"Europe/London\"")
	}
	zone, err := time.LoadLocation(name.Value)
	if err != nil {
		return nil, at(args[0], "%s", err)
	}
	return constantEval(zone)
}

// calling evaluates args and hands them to call, unless one of them is null: then the result is null.
func calling(args []eval, call func(args []any) (any, *failure)) eval {
	return callingWithNulls(args, func(values []any) (any, *failure) {
		if slices.Contains(values, nil) {
			return nil, nil
		}
		return call(values)
	})
}

func callingWithNulls(args []eval, call func(args []any) (any, *failure)) eval {
	return func(f *frame) (any, *failure) {
		values := make([]any, len(args))
		cost := stepsOfCall
		for i, arg := range args {
			var failed *failure
			if values[i], failed = arg(f); failed != nil {
				return nil, failed
			}
			cost += weight(values[i])
		}
		if failed := f.spend(cost); failed != nil {
			return nil, failed
		}
		v, failed := call(values)
		if failed != nil {
			return nil, failed
		}
		return v, f.made(v)
	}
}

// made charges for v, which was just computed, and refuses texts and lists that outgrow a record.
func (f *frame) made(v any) *failure {
	switch v := v.(type) {
	case string:
		if len(v) > maxValue {
			return inExpression("a text grows beyond 1 MiB")
		}
	case []any:
		if len(v) > maxList {
			return inExpression(fmt.Sprintf("a list grows beyond %d elements", maxList))
		}
	}
	return f.spend(weight(v))
}
