package settings

import (
	"fmt"
	"strings"
)

// Markdown returns the settings that v declares as a table for the documentation. The keys of tables within are
// listed by their dotted path.
func Markdown(v any) string {
	var b strings.Builder
	b.WriteString("| key | type | default | what it is |\n|---|---|---|---|\n")
	writeRows(&b, "", Describe(v))
	return b.String()
}

func writeRows(b *strings.Builder, prefix string, list []Setting) {
	for _, s := range list {
		fmt.Fprintf(b, "| `%s%s` | %s | %s | %s |\n", prefix, s.Name, cell(s.Type), s.defaultCell(), cell(s.helpCell()))
		below := prefix + s.Name + "."
		if s.Type == "table of tables" {
			below += "*."
		}
		writeRows(b, below, s.Fields)
	}
}

func (s Setting) defaultCell() string {
	switch {
	case s.Required:
		return "required"
	case s.Default == nil:
		return ""
	}
	return cell(fmt.Sprintf("`%v`", s.Default))
}

func (s Setting) helpCell() string {
	if len(s.Enum) == 0 {
		return s.Help
	}
	return s.Help + " One of `" + strings.Join(s.Enum, "`, `") + "`."
}

// cell keeps text from breaking out of its place in the table.
func cell(text string) string {
	return strings.NewReplacer("|", `\|`, "\n", " ").Replace(text)
}
