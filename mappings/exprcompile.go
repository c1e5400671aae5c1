package mappings

import (
	"regexp"
	"slices"

	"github.com/expr-lang/expr/ast"
)

// exprCompiler turns a checked syntax tree into functions.
type exprCompiler struct {
	library map[string]function
	columns map[string]boundColumn
	scope   []variable
	vars    int
}

// variable is a name that let declares.
type variable struct {
	name string
	slot int
}

func constantEval(v any) (eval, error) {
	return func(*frame) (any, *failure) { return v, nil }, nil
}

func (c *exprCompiler) node(node ast.Node) (eval, error) {
	switch n := node.(type) {
	case *ast.NilNode:
		return constantEval(nil)
	case *ast.IntegerNode:
		return constantEval(int64(n.Value))
	case *ast.FloatNode:
		return constantEval(n.Value)
	case *ast.BoolNode:
		return constantEval(n.Value)
	case *ast.StringNode:
		return constantEval(n.Value)
	case *ast.BytesNode:
		return constantEval(n.Value)
	case *ast.IdentifierNode:
		return c.identifier(n)
	case *ast.UnaryNode:
		return c.unary(n)
	case *ast.BinaryNode:
		return c.binary(n)
	case *ast.ChainNode:
		return c.node(n.Node)
	case *ast.MemberNode:
		return c.member(n)
	case *ast.SliceNode:
		return c.slice(n)
	case *ast.CallNode:
		return c.call(n)
	case *ast.BuiltinNode:
		return c.builtin(n)
	case *ast.PointerNode:
		return c.pointer(n)
	}
	return c.composite(node)
}

// composite compiles the nodes that hold others without computing with them.
func (c *exprCompiler) composite(node ast.Node) (eval, error) {
	switch n := node.(type) {
	case *ast.PredicateNode:
		return c.node(n.Node)
	case *ast.ConditionalNode:
		return c.conditional(n)
	case *ast.VariableDeclaratorNode:
		return c.let(n)
	case *ast.SequenceNode:
		return c.sequence(n)
	case *ast.ArrayNode:
		return c.array(n)
	case *ast.MapNode:
		return c.mapping(n)
	}
	return nil, at(node, "this form of expression is not supported")
}

func (c *exprCompiler) nodes(nodes []ast.Node) ([]eval, error) {
	evals := make([]eval, len(nodes))
	for i, n := range nodes {
		var err error
		if evals[i], err = c.node(n); err != nil {
			return nil, err
		}
	}
	return evals, nil
}

func (c *exprCompiler) identifier(n *ast.IdentifierNode) (eval, error) {
	for _, v := range slices.Backward(c.scope) {
		if v.name == n.Value {
			slot := v.slot
			return func(f *frame) (any, *failure) { return f.vars[slot], nil }, nil
		}
	}
	column, ok := c.columns[n.Value]
	if !ok {
		return nil, at(n, "%s is neither a column nor a variable here; write $env[\"name\"] for a column of an unusual name", n.Value)
	}
	return func(f *frame) (any, *failure) { return f.column(column) }, nil
}

func (c *exprCompiler) unary(n *ast.UnaryNode) (eval, error) {
	operand, err := c.node(n.Node)
	if err != nil {
		return nil, err
	}
	switch n.Operator {
	case "!", "not":
		return func(f *frame) (any, *failure) {
			yes, failed := truth(operand, f)
			return !yes, failed
		}, nil
	case "-":
		return func(f *frame) (any, *failure) {
			v, failed := operand(f)
			if failed != nil || v == nil {
				return nil, failed
			}
			return arithmetic('-', int64(0), v)
		}, nil
	}
	return operand, nil
}

// truth evaluates a condition; null counts as false.
func truth(condition eval, f *frame) (bool, *failure) {
	v, failed := condition(f)
	if failed != nil || v == nil {
		return false, failed
	}
	yes, ok := v.(bool)
	if !ok {
		return false, inExpression("a condition is neither true nor false")
	}
	return yes, nil
}

func (c *exprCompiler) binary(n *ast.BinaryNode) (eval, error) {
	left, err := c.node(n.Left)
	if err != nil {
		return nil, err
	}
	if n.Operator == "matches" {
		return c.matches(n, left)
	}
	right, err := c.node(n.Right)
	if err != nil {
		return nil, err
	}
	switch n.Operator {
	case "and", "&&":
		return func(f *frame) (any, *failure) {
			yes, failed := truth(left, f)
			if failed != nil || !yes {
				return false, failed
			}
			return boxed(truth(right, f))
		}, nil
	case "or", "||":
		return func(f *frame) (any, *failure) {
			yes, failed := truth(left, f)
			if failed != nil || yes {
				return true, failed
			}
			return boxed(truth(right, f))
		}, nil
	case "??":
		return func(f *frame) (any, *failure) {
			if v, failed := left(f); failed != nil || v != nil {
				return v, failed
			}
			return right(f)
		}, nil
	}
	operator := operatorOf(n.Operator)
	if operator == nil {
		return nil, at(n, "the operator %s is not supported", n.Operator)
	}
	return func(f *frame) (any, *failure) {
		a, failed := left(f)
		if failed != nil {
			return nil, failed
		}
		b, failed := right(f)
		if failed != nil {
			return nil, failed
		}
		if failed := f.spend(weight(a) + weight(b)); failed != nil {
			return nil, failed
		}
		v, failed := operator(a, b)
		if failed != nil {
			return nil, failed
		}
		return v, f.made(v)
	}, nil
}

func boxed(yes bool, failed *failure) (any, *failure) { return yes, failed }

// matches takes only a pattern that is written out: a pattern from a row would be text that is run as a program.
func (c *exprCompiler) matches(n *ast.BinaryNode, left eval) (eval, error) {
	pattern, ok := n.Right.(*ast.StringNode)
	if !ok {
		return nil, at(n.Right, "the pattern after matches has to be written out as text")
	}
	re, err := regexp.Compile(pattern.Value)
	if err != nil {
		return nil, at(n.Right, "%s", err)
	}
	return func(f *frame) (any, *failure) {
		v, failed := left(f)
		if failed != nil || v == nil {
			return false, failed
		}
		s, ok := v.(string)
		if !ok {
			return nil, inExpression("matches needs a text")
		}
		if failed := f.spend(stepsOfCall * weight(v)); failed != nil {
			return nil, failed
		}
		return re.MatchString(s), nil
	}, nil
}

func (c *exprCompiler) conditional(n *ast.ConditionalNode) (eval, error) {
	parts, err := c.nodes([]ast.Node{n.Cond, n.Exp1, n.Exp2})
	if err != nil {
		return nil, err
	}
	return func(f *frame) (any, *failure) {
		yes, failed := truth(parts[0], f)
		if failed != nil {
			return nil, failed
		}
		if yes {
			return parts[1](f)
		}
		return parts[2](f)
	}, nil
}

func (c *exprCompiler) let(n *ast.VariableDeclaratorNode) (eval, error) {
	value, err := c.node(n.Value)
	if err != nil {
		return nil, err
	}
	slot := c.vars
	c.vars++
	c.scope = append(c.scope, variable{n.Name, slot})
	body, err := c.node(n.Expr)
	c.scope = c.scope[:len(c.scope)-1]
	if err != nil {
		return nil, err
	}
	return func(f *frame) (any, *failure) {
		v, failed := value(f)
		if failed != nil {
			return nil, failed
		}
		f.vars[slot] = v
		return body(f)
	}, nil
}

func (c *exprCompiler) sequence(n *ast.SequenceNode) (eval, error) {
	parts, err := c.nodes(n.Nodes)
	if err != nil {
		return nil, err
	}
	return func(f *frame) (v any, failed *failure) {
		for _, part := range parts {
			if v, failed = part(f); failed != nil {
				return nil, failed
			}
		}
		return v, nil
	}, nil
}

func (c *exprCompiler) array(n *ast.ArrayNode) (eval, error) {
	parts, err := c.nodes(n.Nodes)
	if err != nil {
		return nil, err
	}
	return func(f *frame) (any, *failure) {
		if failed := f.spend(len(parts)); failed != nil {
			return nil, failed
		}
		list := make([]any, len(parts))
		for i, part := range parts {
			var failed *failure
			if list[i], failed = part(f); failed != nil {
				return nil, failed
			}
		}
		return list, nil
	}, nil
}

func (c *exprCompiler) mapping(n *ast.MapNode) (eval, error) {
	var names, values []eval
	for _, node := range n.Pairs {
		pair, ok := node.(*ast.PairNode)
		if !ok {
			return nil, at(node, "a map holds names and values")
		}
		both, err := c.nodes([]ast.Node{pair.Key, pair.Value})
		if err != nil {
			return nil, err
		}
		names, values = append(names, both[0]), append(values, both[1])
	}
	return func(f *frame) (any, *failure) {
		if failed := f.spend(len(names)); failed != nil {
			return nil, failed
		}
		m := make(map[string]any, len(names))
		for i := range names {
			name, failed := names[i](f)
			if failed != nil {
				return nil, failed
			}
			s, ok := name.(string)
			if !ok {
				return nil, inExpression("a name in a map is no text")
			}
			if m[s], failed = values[i](f); failed != nil {
				return nil, failed
			}
		}
		return m, nil
	}, nil
}
