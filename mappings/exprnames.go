package mappings

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/builtin"
	"github.com/expr-lang/expr/conf"
	"github.com/expr-lang/expr/types"

	"spillway/warehouse"
)

// language is what expressions may name: our functions, and the columns of env.
func language(library map[string]function, env types.Map) *conf.Config {
	config := conf.CreateNew()
	config.MaxNodes = maxNodes
	for name, f := range library {
		config.Functions[name] = &builtin.Function{Name: name, Types: f.types}
	}
	config.WithEnv(env)
	return config
}

// nameFinder collects the names of an expression that may be columns.
type nameFinder struct {
	identifiers []*ast.IdentifierNode
	members     []*ast.MemberNode // $env["name"]
	calls       []*ast.CallNode
	builtins    []*ast.BuiltinNode
	variables   []string
}

// Visit implements ast.Visitor. It sees a node after the nodes below it.
func (n *nameFinder) Visit(node *ast.Node) {
	switch node := (*node).(type) {
	case *ast.IdentifierNode:
		n.identifiers = append(n.identifiers, node)
	case *ast.MemberNode:
		if isEnvironment(node.Node) {
			n.members = append(n.members, node)
		}
	case *ast.CallNode:
		n.calls = append(n.calls, node)
	case *ast.BuiltinNode:
		n.builtins = append(n.builtins, node)
	case *ast.VariableDeclaratorNode:
		n.variables = append(n.variables, node.Name)
	}
}

func isEnvironment(node ast.Node) bool {
	identifier, ok := node.(*ast.IdentifierNode)
	return ok && identifier.Value == "$env"
}

// boundColumn is a column that an expression names.
type boundColumn struct {
	place int
	json  bool
	doc   int // among the JSON columns of the expression
}

// checkFunctions refuses functions that there are not, and those whose result depends on more than the row.
func (n *nameFinder) checkFunctions(library map[string]function) error {
	for _, call := range n.calls {
		callee, ok := call.Callee.(*ast.IdentifierNode)
		if !ok {
			continue
		}
		if _, ok := library[callee.Value]; !ok {
			return noFunction(call, callee.Value, library)
		}
	}
	for _, node := range n.builtins {
		if node.Name == "now" {
			return at(node, "now() gives another value in every run, so that every row would be sent in every run: "+
				"take the time from a column")
		}
		if !slices.Contains(predicateNames(), node.Name) {
			return noFunction(node, node.Name, library)
		}
	}
	return nil
}

func noFunction(node ast.Node, name string, library map[string]function) error {
	names := append(slices.Collect(maps.Keys(library)), predicateNames()...)
	slices.Sort(names)
	message := fmt.Sprintf("there is no function %s; ", name)
	if near := nearest(name, names); near != "" {
		message += fmt.Sprintf("did you mean %s? ", near)
	}
	return at(node, "%sThere are: %s", message, strings.Join(names, ", "))
}

// binding is what the names of an expression mean.
type binding struct {
	columns map[string]boundColumn
	docs    int       // how many of them are JSON
	env     types.Map // their types, for the checker
}

// bind finds the columns that the names mean. Without columns every name may be one, of any type.
func (n *nameFinder) bind(columns columnSet) (*binding, error) {
	b := &binding{columns: map[string]boundColumn{}, env: types.Map{}}
	callees := map[ast.Node]bool{}
	for _, call := range n.calls {
		callees[call.Callee] = true
	}
	for _, node := range n.identifiers {
		if node.Value == "$env" || slices.Contains(n.variables, node.Value) || callees[node] {
			continue
		}
		if err := b.add(node, node.Value, columns); err != nil {
			return nil, err
		}
	}
	for _, node := range n.members {
		if name, ok := node.Property.(*ast.StringNode); ok {
			if err := b.add(node, name.Value, columns); err != nil {
				return nil, err
			}
		}
	}
	return b, nil
}

func (b *binding) add(node ast.Node, name string, columns columnSet) error {
	if _, ok := b.columns[name]; ok {
		return nil
	}
	if columns == nil {
		b.columns[name], b.env[name] = boundColumn{}, types.Any
		return nil
	}
	place, err := columns.find(name)
	if err != nil {
		return at(node, "%s", err)
	}
	column := boundColumn{place: place, json: columns[place].Type == warehouse.JSON, doc: b.docs}
	if column.json {
		b.docs++
	}
	b.columns[name], b.env[name] = column, staticType(columns[place].Type)
	return nil
}

// staticType is the type by which the checker knows a column. Any column may be null, which it does not track.
func staticType(t warehouse.Type) types.Type {
	switch t {
	case warehouse.String:
		return types.String
	case warehouse.Bool:
		return types.Bool
	case warehouse.Int:
		return types.Int
	case warehouse.Float, warehouse.Numeric:
		return types.Float64
	case warehouse.Day, warehouse.Time:
		return types.TypeOf(time.Time{})
	case warehouse.Bytes:
		return types.TypeOf([]byte(nil))
	default:
		return types.Any
	}
}
