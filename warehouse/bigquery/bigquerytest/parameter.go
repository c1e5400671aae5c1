//go:build !noduckdb

package bigquerytest

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"spillway/warehouse/sqldb"
)

// parameter is a named value of a statement, as the REST API has it.
type parameter struct {
	Name  string         `json:"name"`
	Type  parameterType  `json:"parameterType"`
	Value parameterValue `json:"parameterValue"`
}

type parameterType struct {
	Type   string         `json:"type"`
	Array  *parameterType `json:"arrayType"`
	Struct []struct {
		Name string        `json:"name"`
		Type parameterType `json:"type"`
	} `json:"structTypes"`
}

type parameterValue struct {
	Value  *string                   `json:"value"`
	Array  []parameterValue          `json:"arrayValues"`
	Struct map[string]parameterValue `json:"structValues"`
}

var parameterTypes = map[string]string{"STRING": "VARCHAR", "INT64": "BIGINT", "TIMESTAMP": "TIMESTAMPTZ"}

// document is the value as JSON, and its type as DuckDB's from_json wants it.
func (v parameterValue) document(t parameterType) (value, structure any, err error) {
	switch t.Type {
	case "ARRAY":
		if _, structure, err = (parameterValue{}).document(*t.Array); err != nil {
			return nil, nil, err
		}
		list := []any{}
		for _, e := range v.Array {
			one, _, err := e.document(*t.Array)
			if err != nil {
				return nil, nil, err
			}
			list = append(list, one)
		}
		return list, []any{structure}, nil
	case "STRUCT":
		values, types := map[string]any{}, map[string]any{}
		for _, field := range t.Struct {
			if values[field.Name], types[field.Name], err = v.Struct[field.Name].document(field.Type); err != nil {
				return nil, nil, err
			}
		}
		return values, types, nil
	}
	name, ok := parameterTypes[t.Type]
	switch {
	case !ok:
		return nil, nil, refusal(400, "invalid", fmt.Sprintf("Invalid parameter type %q", t.Type))
	case v.Value == nil:
		return nil, name, nil
	case t.Type == "INT64":
		return json.Number(*v.Value), name, nil
	}
	return *v.Value, name, nil
}

func (p parameter) literal() (string, error) {
	value, structure, err := p.Value.document(p.Type)
	if err != nil {
		return "", err
	}
	text, err := json.Marshal(value)
	if err != nil {
		return "", refusal(400, "invalid", err.Error())
	}
	shape, err := json.Marshal(structure)
	return "from_json(" + sqldb.Literal(string(text)) + ", " + sqldb.Literal(string(shape)) + ")", err
}

var (
	inParameter   = regexp.MustCompile(`IN UNNEST\(@(\w+)\)`)
	fromParameter = regexp.MustCompile(`FROM UNNEST\(@(\w+)\)`)
	named         = regexp.MustCompile(`@\w+`)
	timestamp     = regexp.MustCompile(`\bTIMESTAMP\b`)
	clustered     = regexp.MustCompile(`\) CLUSTER BY .*$`)
)

// dialect makes a statement one of DuckDB's, with the values in it.
func (e *engine) dialect(sql string, parameters []parameter) (string, error) {
	sql = e.own(sql)
	if strings.HasPrefix(sql, "CREATE TABLE") {
		return timestamp.ReplaceAllString(clustered.ReplaceAllString(sql, ")"), "TIMESTAMPTZ"), nil
	}
	sql = inParameter.ReplaceAllString(sql, "IN (SELECT unnest(@$1))")
	sql = fromParameter.ReplaceAllString(sql, "FROM (SELECT unnest(@$1, recursive := true))")
	var failed error
	sql = named.ReplaceAllStringFunc(sql, func(name string) string {
		at := slices.IndexFunc(parameters, func(p parameter) bool { return "@"+p.Name == name })
		if at < 0 {
			failed = refusal(400, "invalidQuery", "Query parameter '"+name[1:]+"' not found at [1:1]")
			return name
		}
		literal, err := parameters[at].literal()
		failed = errors.Join(failed, err)
		return literal
	})
	return sql, failed
}
