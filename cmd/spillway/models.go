package main

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/spf13/cobra"

	"spillway/syncer"
	"spillway/syncer/project"
	"spillway/syncer/settings"
	"spillway/warehouse"
)

func (a *app) modelsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "models", Short: "Look at models", Args: subcommand,
		Example: "  spillway models show customers --limit 5",
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	var limit int
	var warehouseName string
	show := &cobra.Command{
		Use: "show MODEL", Short: "Preview a model's rows and column types", Args: arguments("MODEL"),
		Long: `Show runs a model, the statement of a sync, or a table or dbt model that a sync reads, with a limit and prints its
rows; those too wide for the screen are printed one value a line. These are values of your data: mind who sees the
screen.`,
		Example: "  spillway models show customers --limit 5",
		RunE: func(cmd *cobra.Command, args []string) error {
			if limit < 1 {
				return usagef("--limit %d: it is at least 1", limit)
			}
			p, err := a.load()
			if err != nil {
				return err
			}
			sql, on, err := previewOf(p, args[0], warehouseName)
			if err != nil {
				return err
			}
			return a.withReader(cmd.Context(), p, func(e *syncer.Engine) error {
				columns, rows, err := e.Preview(cmd.Context(), on, sql, limit)
				if err != nil {
					return fmt.Errorf("model %s on warehouse %s: %w", args[0], on, err)
				}
				return a.showRows(columns, rows)
			})
		},
	}
	show.Flags().IntVar(&limit, "limit", 20, "at most so many rows")
	show.Flags().StringVar(&warehouseName, "warehouse", "", "on this `warehouse` (default: the one that a sync of the model uses)")
	show.ValidArgsFunction = a.completes(modelNames)
	cmd.AddCommand(show)
	return cmd
}

// previewOf finds the SQL of a model, of a sync, or of a table or dbt model that a sync reads, and the warehouse to run
// it on.
func previewOf(p *project.Project, name, warehouseName string) (sql, on string, err error) {
	sql, on, ok := statementOf(p, name)
	if !ok {
		return "", "", usagef("the project has no model %q%s", name, settings.Hint(name, modelNames(p)))
	}
	if warehouseName != "" {
		on = warehouseName
	}
	if on == "" && len(p.Warehouses) == 1 {
		on = sortedNames(p.Warehouses)[0]
	}
	if _, ok := p.Warehouses[on]; !ok {
		if on != "" {
			return "", "", usagef("the project has no warehouse %q%s", on, settings.Hint(on, sortedNames(p.Warehouses)))
		}
		return "", "", usagef("say which warehouse with --warehouse: %s", joined(sortedNames(p.Warehouses)))
	}
	return sql, on, nil
}

// statementOf finds what name stands for: a file of models before a sync, and that before what a sync reads. on is the
// warehouse of a sync that reads it, or empty.
func statementOf(p *project.Project, name string) (sql, on string, ok bool) {
	if m, ok := p.Models[name]; ok {
		for _, s := range p.Syncs {
			if s.SQL == m.SQL {
				return m.SQL, s.Warehouse, true
			}
		}
		return m.SQL, "", true
	}
	if s, ok := p.Sync(name); ok {
		return s.SQL, s.Warehouse, true
	}
	for _, s := range p.Syncs {
		if s.Model == name {
			return s.SQL, s.Warehouse, true
		}
	}
	return "", "", false
}

// modelNames are the names that models show takes.
func modelNames(p *project.Project) []string {
	names := append(sortedNames(p.Models), syncNames(p)...)
	for _, s := range p.Syncs {
		if s.Table != "" {
			names = append(names, s.Model)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func (a *app) showRows(columns []warehouse.Column, rows []warehouse.Row) error {
	if a.json {
		return a.printJSON(previewJSON(columns, rows))
	}
	names, types := make([]string, len(columns)), make([]string, len(columns))
	for i, c := range columns {
		names[i], types[i] = safe(c.Name), safe(c.Native)
	}
	g := newGrid(names...)
	g.header(types...)
	for i, c := range columns {
		if c.Type == warehouse.Int || c.Type == warehouse.Float || c.Type == warehouse.Numeric {
			g.number(i + 1)
		}
	}
	for _, r := range rows {
		g.row(cells(r)...)
	}
	lines := g.lines()
	if slices.ContainsFunc(lines, func(line string) bool { return text.StringWidthWithoutEscSequences(line) > widest }) {
		lines = upright(names, types, rows)
	}
	for _, line := range lines {
		a.printf("%s\n", line)
	}
	if len(rows) == 0 {
		a.note("The model gives no rows.")
	}
	return nil
}

// upright shows rows that are too wide for a table: a line for each of their values.
func upright(names, types []string, rows []warehouse.Row) []string {
	var lines []string
	for n, r := range rows {
		lines = append(lines, fmt.Sprintf("Row %d", n+1))
		g := newGrid()
		for i, c := range cells(r) {
			g.row("  "+names[i], types[i], c)
		}
		lines = append(lines, g.lines()...)
	}
	return lines
}

// previewJSON is the document of models show. Its values are written as the http destination would get them.
func previewJSON(columns []warehouse.Column, rows []warehouse.Row) map[string]any {
	type column struct {
		Name   string `json:"name"`
		Type   string `json:"type"`
		Native string `json:"native"`
	}
	list := make([]column, len(columns))
	for i, c := range columns {
		list[i] = column{c.Name, c.Type.String(), c.Native}
	}
	values := make([][]any, len(rows))
	for i, r := range rows {
		values[i] = make([]any, len(r))
		for j, v := range r {
			values[i][j] = jsonValue(v)
		}
	}
	return map[string]any{"columns": list, "rows": values}
}

// jsonValue is a value as encoding/json takes it; numbers that JSON does not have are text.
func jsonValue(v warehouse.Value) any {
	switch v := v.(type) {
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return fmt.Sprint(v)
		}
	case warehouse.Decimal:
		if json.Valid([]byte(v)) {
			return json.Number(v)
		}
		return string(v)
	}
	return v
}

func cells(r warehouse.Row) []any {
	list := make([]any, len(r))
	for i, v := range r {
		list[i] = cell(v)
	}
	return list
}

// cell is a value as a table shows it.
func cell(v warehouse.Value) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case time.Time:
		return v.UTC().Format(time.RFC3339Nano)
	case []byte:
		return fmt.Sprintf("%d bytes", len(v))
	case json.RawMessage:
		return short(safe(string(v)), 60)
	case string:
		if !utf8.ValidString(v) {
			return "not UTF-8"
		}
		return short(safe(v), 60)
	}
	return fmt.Sprint(v)
}
