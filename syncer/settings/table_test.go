package settings

import (
	"strings"
	"testing"
	"time"

	"github.com/BurntSushi/toml"
	"github.com/google/go-cmp/cmp"
)

// parse reads a file that must be sound.
func parse(t *testing.T, file, text string) *Table {
	t.Helper()
	table, problems := Parse(file, []byte(text))
	if err := problems.Err(); err != nil {
		t.Fatal(err)
	}
	return table
}

type line struct {
	Key  string
	Line int
}

// linesOf lists every key with its line, in the order of the file.
func linesOf(table *Table) []line {
	var lines []line
	for _, e := range table.Entries() {
		lines = append(lines, line{e.Key(), e.Line()})
		if sub, ok := e.Value.(*Table); ok {
			lines = append(lines, linesOf(sub)...)
		}
	}
	return lines
}

func TestEveryKeyKnowsItsLineAndKeepsItsOrder(t *testing.T) {
	t.Parallel()
	table := parse(t, "a.toml", `# a comment
zulu = 1
alpha = """
two
lines"""
inline = { b = 1, a = { z = 2 } }

[table.below]
y = [
  "x",
]
dotted.key."with a dot.in it" = true
c.d = 1
[[list]]
one = 1
[[list]]
two = 2
`)
	want := []line{
		{"zulu", 2},
		{"alpha", 3},
		{"inline", 6},
		{"inline.b", 6},
		{"inline.a", 6},
		{"inline.a.z", 6},
		{"table", 8},
		{"table.below", 8},
		{"table.below.y", 9},
		{"table.below.dotted", 12},
		{"table.below.dotted.key", 12},
		{`table.below.dotted.key."with a dot.in it"`, 12},
		{"table.below.c", 13},
		{"table.below.c.d", 13},
		{"list", 16},
	}
	if diff := cmp.Diff(want, linesOf(table)); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
	var implicit []string
	for _, sub := range []*Table{table.Table("table"), table.Table("table").Table("below"), table.Table("table").Table("below").Table("c"), table.Table("inline")} {
		if sub.Implicit() {
			implicit = append(implicit, sub.Key())
		}
	}
	if diff := cmp.Diff([]string{"table", "table.below.c"}, implicit); diff != "" {
		t.Errorf("tables that nobody wrote by themselves (-want +got):\n%s", diff)
	}
}

func TestValuesAreThoseOfTheFileWhateverTheMachine(t *testing.T) {
	t.Parallel()
	table := parse(t, "a.toml", `
text = "x"
whole = 3
fraction = 1.5
yes = true
moment = 2026-11-20T10:00:00+02:00
local = 2026-11-20T10:00:00.5
day = 2026-11-20
hour = 07:30:00
list = [1, "a", [true], {b = 2026-01-02}]
`)
	want := map[string]any{
		"text": "x", "whole": int64(3), "fraction": 1.5, "yes": true,
		"moment": time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC),
		"local":  time.Date(2026, 11, 20, 10, 0, 0, 500_000_000, time.UTC),
		"day":    "2026-11-20", "hour": "07:30:00",
		"list": []any{int64(1), "a", []any{true}, map[string]any{"b": "2026-01-02"}},
	}
	if diff := cmp.Diff(want, Plain(table)); diff != "" {
		t.Errorf("values (-want +got):\n%s", diff)
	}
}

func TestATableIsLaidOverItsDefaults(t *testing.T) {
	t.Parallel()
	base := parse(t, "base.toml", "a = 1\nb = 2\n[deep]\nx = 1\ny = 1\n[flat]\nx = 1\ny = 1\n[only]\nz = 1\n[clash]\nq = 1\n")
	top := parse(t, "top.toml", "b = 3\nclash = 4\n[flat]\nx = 2\n[deep]\ny = 2\n")
	merged := top.Over(base, func(e Entry) bool { return e.Name == "deep" })
	want := map[string]any{
		"a": int64(1), "b": int64(3), "clash": int64(4),
		"deep": map[string]any{"x": int64(1), "y": int64(2)},
		"flat": map[string]any{"x": int64(2)},
		"only": map[string]any{"z": int64(1)},
	}
	if diff := cmp.Diff(want, Plain(merged)); diff != "" {
		t.Errorf("merged (-want +got):\n%s", diff)
	}
	var files []string
	for _, e := range merged.Entries() {
		files = append(files, e.Name+" of "+e.File())
	}
	wantFiles := []string{"b of top.toml", "clash of top.toml", "flat of top.toml", "deep of top.toml", "a of base.toml", "only of base.toml"}
	if diff := cmp.Diff(wantFiles, files); diff != "" {
		t.Errorf("where the keys were written (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(Plain(top), Plain(top.Over(nil, nil))); diff != "" {
		t.Errorf("no defaults change the table (-want +got):\n%s", diff)
	}
}

func TestWhatIsNoTOMLIsRefusedWithItsPlaceAndWithoutItsWords(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ text, want string }{
		"a word without quotation marks": {
			"a = 1\ntoken = canary\n", `f.toml:2: is not TOML: expected value but found "…" instead; text stands in quotation marks (column 9)`,
		},
		"a number gone wrong":  {"token = 12__34", `f.toml:1: is not TOML: Invalid integer "…": underscores must be surrounded by digits (column 9)`},
		"a number too large":   {"token = 99999999999999999999", `f.toml:1: is not TOML: a number is out of range for int64 (column 9)`},
		"a date gone wrong":    {"token = 2026-13-45", `f.toml:1: is not TOML: invalid datetime: "…" (column 9)`},
		"an endless string":    {"a = \"canary\n", `f.toml:1: is not TOML: strings cannot contain newlines (column 12)`},
		"a key twice":          {"a = 1\na = 2\n", `f.toml:2: is not TOML: Key 'a' has already been defined. (column 7)`},
		"a control character":  {"a = \"\x01\"", `f.toml:1: is not TOML: TOML files cannot contain control characters: '0x01' (column 5)`},
		"UTF-16":               {"\xff\xfea\x00", `f.toml:1: is not UTF-8 text`},
		"zeros":                {"a\x00=\x001\x00", `f.toml:1: is not TOML: files cannot contain NULL bytes; probably using UTF-16; TOML files must be UTF-8 (column 1)`},
		"bytes that are none":  {"a = 1\n# \xff\n", `f.toml:2: is not UTF-8 text`},
		"a book":               {"# " + strings.Repeat("x", 256<<10), `f.toml: is larger than 256 KiB`},
		"lists without end":    {"a = 1\nb = " + strings.Repeat("[", 100_000), `f.toml:2: nests lists and tables more than 64 deep, or has a key of more than 64 parts`},
		"tables without end":   {"a = " + strings.Repeat("{a=", 50_000), `f.toml:1: nests lists and tables more than 64 deep, or has a key of more than 64 parts`},
		"a key without end":    {strings.Repeat("a.", 100_000) + "a = 1", `f.toml:1: nests lists and tables more than 64 deep, or has a key of more than 64 parts`},
		"a header without end": {"\n[" + strings.Repeat("a.", 100_000) + "a]", `f.toml:2: nests lists and tables more than 64 deep, or has a key of more than 64 parts`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			table, problems := Parse("f.toml", []byte(tt.text))
			if table != nil {
				t.Error("there is a table all the same")
			}
			if diff := cmp.Diff(tt.want, problems.Error()); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
		})
	}
}

func TestBracketsAndDotsWithinTextAreNotCounted(t *testing.T) {
	t.Parallel()
	many := strings.Repeat("[.", 500)
	for _, text := range []string{
		`a = "` + many + `"`,
		`a = '` + many + `'`,
		"a = \"\"\"\n" + many + "\n\"quoted\" " + many + "\"\"\"",
		"a = '''\n" + many + "\n'quoted' " + many + "'''",
		`a = "\"` + many + `"`,
		"a = 1 # " + many,
		"# " + many + "\na = 1",
		strings.Repeat("[a.b]\n", 1) + strings.Repeat("x = 1.5 \n", 1),
	} {
		if _, problems := Parse("f.toml", []byte(text)); len(problems) > 0 {
			t.Errorf("%.30q: %s", text, problems)
		}
	}
}

func TestAFileFromAnotherSystemIsRead(t *testing.T) {
	t.Parallel()
	table := parse(t, "f.toml", "\ufeffa = 1\r\n[b]\r\nc = \"x\"\r\n")
	if diff := cmp.Diff([]line{{"a", 1}, {"b", 2}, {"b.c", 3}}, linesOf(table)); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("a = 1\n[b.c]\nd = { e = [1, {f = 2}] }\n[[g]]\nh = 1\n[[g]]\ni = 2026-01-01\n"))
	f.Add([]byte("a.b.\"c d\" = '''\nx'''\n\"\" = 1\n'' = 2\n"))
	f.Add([]byte("\"\\\"\" = {}\nx = [[{a=1},{a=2,b.c=3}]]"))
	f.Fuzz(func(t *testing.T, data []byte) {
		table, problems := Parse("f.toml", data)
		if (table == nil) == (len(problems) == 0) {
			t.Fatalf("a table and problems, or neither: %v", problems)
		}
		last := strings.Count(string(data), "\n") + 1
		for _, p := range problems {
			if p.Line < 0 || p.Line > last {
				t.Errorf("line %d of %d", p.Line, last)
			}
		}
		if table == nil {
			return
		}
		for _, l := range linesOf(table) {
			if l.Line < 1 || l.Line > last {
				t.Errorf("%s: line %d of %d", l.Key, l.Line, last)
			}
		}
		var direct map[string]any
		if _, err := toml.Decode(string(data), &direct); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(count(direct), count(Plain(table))); diff != "" {
			t.Errorf("keys were lost (-decoder +table):\n%s", diff)
		}
	})
}

// count counts the keys and the elements within value.
func count(value any) int {
	n := 1
	switch v := value.(type) {
	case map[string]any:
		for _, below := range v {
			n += count(below)
		}
	case []any:
		for _, below := range v {
			n += count(below)
		}
	case []map[string]any:
		for _, below := range v {
			n += count(below)
		}
	}
	return n
}
