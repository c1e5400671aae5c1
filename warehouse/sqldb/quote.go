package sqldb

import "strings"

// Quote writes a dotted name as standard SQL does: Quote("analytics", "my table") is "analytics"."my table".
func Quote(name ...string) string {
	parts := make([]string, len(name))
	for i, n := range name {
		parts[i] = `"` + strings.ReplaceAll(n, `"`, `""`) + `"`
	}
	return strings.Join(parts, ".")
}

// Literal writes s as a text literal of standard SQL.
func Literal(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }
