package main

import (
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

// widest is how many columns text for people may take.
const widest = 160

// grid is a table for people, with or without headings. Columns of numbers stand to the right.
type grid struct {
	writer  table.Writer
	columns []table.ColumnConfig
}

func newGrid(header ...string) *grid {
	g := &grid{writer: table.NewWriter()}
	style := table.StyleLight
	style.Options = table.OptionsNoBordersAndSeparators
	style.Options.SeparateHeader = len(header) > 0
	style.Format.Header = text.FormatDefault
	style.Box.PaddingLeft, style.Box.PaddingRight = "", "  "
	g.writer.SetStyle(style)
	if len(header) > 0 {
		g.header(header...)
	}
	return g
}

// header adds a line of headings.
func (g *grid) header(names ...string) {
	row := make(table.Row, len(names))
	for i, name := range names {
		row[i] = name
	}
	g.writer.AppendHeader(row)
}

// number puts columns, counted from 1, to the right.
func (g *grid) number(columns ...int) *grid {
	for _, n := range columns {
		g.columns = append(g.columns, table.ColumnConfig{Number: n, Align: text.AlignRight, AlignHeader: text.AlignRight})
	}
	return g
}

// wrap lets a column take no more than width, on as many lines as it needs.
func (g *grid) wrap(column, width int) *grid {
	g.columns = append(g.columns, table.ColumnConfig{Number: column, WidthMax: width, WidthMaxEnforcer: text.WrapSoft})
	return g
}

func (g *grid) row(cells ...any) { g.writer.AppendRow(cells) }

// lines renders the table without blanks at the ends of its lines.
func (g *grid) lines() []string {
	g.writer.SetColumnConfigs(g.columns)
	lines := strings.Split(g.writer.Render(), "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return lines
}

// show prints a table to stdout.
func (a *app) show(g *grid) {
	for _, line := range g.lines() {
		a.printf("%s\n", line)
	}
}
