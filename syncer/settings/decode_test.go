package settings

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"spillway/syncer/secrets"
)

// credential is a secret as the leaves of the project declare it.
type credential interface {
	Reveal(ctx context.Context) (string, error)
}

type word string

// even is a number that reads itself.
type even struct{ half int }

func (e *even) UnmarshalText(text []byte) error {
	if len(text)%2 != 0 {
		return errors.New("must have an even number of digits")
	}
	*e = even{half: len(text) / 2}
	return nil
}

func (e even) MarshalText() ([]byte, error) { return []byte(strings.Repeat("xx", e.half)), nil }

type common struct {
	BaseURL string `toml:"base_url" default:"https://example.com" help:"Where it is."`
}

type nested struct {
	Runs int           `toml:"runs" default:"10" min:"1" help:"Runs."`
	Age  time.Duration `toml:"age" default:"14d" help:"Age."`
}

type everything struct {
	common
	Text    string                `toml:"text" default:"x y" help:"Text."`
	Word    word                  `toml:"word" enum:"one,two" default:"two" help:"A word."`
	Yes     bool                  `toml:"yes" default:"true" help:"A switch."`
	No      *bool                 `toml:"no" help:"A switch that may be unset."`
	Int     int                   `toml:"int" default:"3" min:"-5" max:"5" help:"A number."`
	Small   int8                  `toml:"small" help:"A small number."`
	Size    uint16                `toml:"size" help:"A size."`
	Float   float64               `toml:"float" default:"0.5" max:"1" help:"A fraction."`
	Age     time.Duration         `toml:"age" default:"1d12h" min:"1m" max:"30d" help:"An age."`
	Even    even                  `toml:"even" help:"Reads itself."`
	List    []word                `toml:"list" default:"one,two" enum:"one,two" help:"A list."`
	Many    Strings               `toml:"many" help:"One or many."`
	Any     any                   `toml:"any" help:"Anything."`
	Words   map[string]word       `toml:"words" enum:"one,two" help:"Words."`
	Anys    map[string]any        `toml:"anys" help:"A table of anything."`
	Nested  nested                `toml:"nested" help:"A table."`
	Tables  map[string]nested     `toml:"tables" help:"Tables."`
	Token   credential            `toml:"token" help:"A secret."`
	Open    credential            `toml:"open" literal:"true" help:"A secret that may stand here."`
	Direct  secrets.Secret        `toml:"direct" help:"A secret by its own type."`
	Headers map[string]credential `toml:"headers" help:"Secrets."`
	Raw     *Table                `toml:"raw" help:"Read elsewhere."`
	Skipped string                `toml:"-"`
}

// plainOf leaves out what go-cmp cannot compare.
func plainOf(e everything) everything {
	e.Token, e.Open, e.Headers, e.Raw, e.Direct = nil, nil, nil, nil, secrets.Secret{}
	return e
}

func compare(t *testing.T, want, got everything) {
	t.Helper()
	opts := cmp.Options{cmp.AllowUnexported(everything{}, even{}), cmp.Comparer(func(a, b secrets.Secret) bool { return a.Origin() == b.Origin() })}
	if diff := cmp.Diff(want, plainOf(got), opts); diff != "" {
		t.Errorf("settings (-want +got):\n%s", diff)
	}
}

func defaults() everything {
	return everything{
		common: common{BaseURL: "https://example.com"},
		Text:   "x y", Word: "two", Yes: true, Int: 3, Float: 0.5, Age: 36 * time.Hour, List: []word{"one", "two"},
		Nested: nested{Runs: 10, Age: 14 * 24 * time.Hour},
	}
}

func TestAnEmptyAndAnAbsentTableHaveTheDefaults(t *testing.T) {
	t.Parallel()
	for _, table := range []*Table{nil, parse(t, "f.toml", "")} {
		var got everything
		if err := Decode(table, &got, Options{}).Err(); err != nil {
			t.Fatal(err)
		}
		compare(t, defaults(), got)
		if got.Token != nil || got.Raw != nil {
			t.Errorf("what was not given is set: %v %v", got.Token, got.Raw)
		}
	}
}

func TestEveryKindOfSettingIsRead(t *testing.T) {
	t.Parallel()
	table := parse(t, "f.toml", `
base_url = "http://localhost"
text = ""
word = "one"
yes = false
no = false
int = -5
small = -128
size = 65535
float = 1
age = "90m"
even = 1234
list = []
many = "a"
any = { a = [1, 2.5, 2026-01-02] }
words = { a = "one" }
anys = { b = { c = true } }
nested = { runs = 3 }
token = { env = "A_TOKEN" }
open = "literal"
direct = { file = "secret.txt" }
raw = { z = 1, a = 2 }
[tables.x]
age = "2h"
[headers]
X-Key = { command = ["op", "read"] }
`)
	var got everything
	if err := Decode(table, &got, Options{Root: "/project"}).Err(); err != nil {
		t.Fatal(err)
	}
	no := false
	compare(t, everything{
		common: common{BaseURL: "http://localhost"},
		Word:   "one", No: &no, Int: -5, Small: -128, Size: 65535, Float: 1, Age: 90 * time.Minute,
		Even: even{half: 2}, List: []word{}, Many: Strings{"a"},
		Any:    map[string]any{"a": []any{int64(1), 2.5, "2026-01-02"}},
		Words:  map[string]word{"a": "one"},
		Anys:   map[string]any{"b": map[string]any{"c": true}},
		Nested: nested{Runs: 3, Age: 14 * 24 * time.Hour},
		Tables: map[string]nested{"x": {Runs: 10, Age: 2 * time.Hour}},
	}, got)
	origins := map[string]string{}
	for name, c := range map[string]credential{"token": got.Token, "open": got.Open, "direct": got.Direct, "headers.X-Key": got.Headers["X-Key"]} {
		if s, ok := c.(secrets.Secret); ok {
			origins[name] = s.Origin()
		}
	}
	want := map[string]string{
		"token": "environment variable A_TOKEN", "open": "a literal", "direct": "file /project/secret.txt", "headers.X-Key": "command op",
	}
	if diff := cmp.Diff(want, origins); diff != "" {
		t.Errorf("secrets (-want +got):\n%s", diff)
	}
	if value, err := got.Open.Reveal(t.Context()); err != nil || value != "literal" {
		t.Errorf("Reveal() = %q, %v", value, err)
	}
	if diff := cmp.Diff([]string{"z", "a"}, []string{got.Raw.Entries()[0].Name, got.Raw.Entries()[1].Name}); diff != "" {
		t.Errorf("the raw table (-want +got):\n%s", diff)
	}
}

func TestEachWrongValueIsNamedAndKeepsItsDefault(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`text = 1`:                     `text: must be a string, not a whole number`,
		`text = {}`:                    `text: must be a string, not a table`,
		`word = "tow"`:                 `word: "tow" is not one of one, two; did you mean "two"?`,
		`word = true`:                  `word: must be a string, not true or false`,
		`yes = "true"`:                 `yes: must be true or false, not a string`,
		`no = 0`:                       `no: must be true or false, not a whole number`,
		`int = 6`:                      `int: must be between -5 and 5`,
		`int = 1.0`:                    `int: must be a whole number, not a number with a fraction`,
		`int = 2026-01-01`:             `int: must be a whole number, not a date`,
		`int = 2026-01-01T00:00:00Z`:   `int: must be a whole number, not a time`,
		`small = 128`:                  `small: is out of range`,
		`size = -1`:                    `size: is out of range`,
		`size = 65536`:                 `size: is out of range`,
		`float = 1.5`:                  `float: must be at most 1`,
		`float = "1"`:                  `float: must be a number, not a string`,
		`float = nan`:                  `float: must be a finite number`,
		`float = -inf`:                 `float: must be a finite number`,
		`age = 30`:                     `age: must be a length of time such as "30s", "15m", "1h30m" or "14d", not a whole number`,
		`age = "1 day"`:                `age: "1 day" must be a length of time such as "30s", "15m", "1h30m" or "14d"`,
		`age = "31d"`:                  `age: must be between 1m and 30d`,
		`even = 123`:                   `even: must have an even number of digits`,
		`even = [1]`:                   `even: must be a string, not a list`,
		`list = "one"`:                 `list: must be a list of strings, not a string`,
		`list = ["one", "tree", 3]`:    "list[1]: \"tree\" is not one of one, two\nlist[2]: must be a string, not a whole number",
		`many = 1`:                     `many: must be a string or a list of strings, not a whole number`,
		`many = ["a", ["b"]]`:          `many[1]: must be a string, not a list`,
		`any = [1, {a = nan}]`:         `any[1].a: must be a finite number`,
		`words = "one"`:                `words: must be a table, not a string`,
		`words = { a = "three" }`:      `words.a: "three" is not one of one, two`,
		`anys = []`:                    `anys: must be a table, not a list`,
		`nested = { runs = 0 }`:        `nested.runs: must be at least 1`,
		`nested = { rnus = 1 }`:        `nested.rnus: unknown key; did you mean "runs"?`,
		`nested = 3`:                   `nested: must be a table, not a whole number`,
		`tables = { x = 1 }`:           `tables.x: must be a table, not a whole number`,
		`tables.x.y = 1`:               `tables.x.y: unknown key; known: age, runs`,
		`raw = 1`:                      `raw: must be a table, not a whole number`,
		`token = 1`:                    `token: must be a reference to a secret such as { env = "NAME" }, not a whole number`,
		`token = { env = 3 }`:          `token.env: must be a string, not a whole number`,
		`token = { file = [] }`:        `token.file: must be a string, not a list`,
		`token = { command = [1] }`:    `token.command[0]: must be a string, not a whole number`,
		`token = { ENV = "A" }`:        `token.ENV: unknown key; did you mean "env"?`,
		`open = ""`:                    `open: must not be empty`,
		`headers = { a = "x" }`:        `headers.a: must not stand here itself: write { env = "NAME" }, { file = "PATH" } or { command = ["PROGRAM", "ARGUMENT"] }, or set allow_plaintext_secrets = true under [project]`,
		`headers = "x"`:                `headers: must be a table, not a string`,
		`skipped = "x"`:                `skipped: unknown key`,
		`txt = "x"`:                    `txt: unknown key; did you mean "text"?`,
		"text = 1\nyes = 1\nother = 1": "text: must be a string, not a whole number\nyes: must be true or false, not a whole number\nother: unknown key",
	} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			var got everything
			problems := Decode(parse(t, "f.toml", text), &got, Options{})
			var said []string
			for _, p := range problems.Sorted() {
				said = append(said, p.Key+": "+p.Message)
			}
			if diff := cmp.Diff(strings.Split(want, "\n"), said); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
		})
	}
}

func TestALiteralSecretIsTakenWhereTheProjectAllowsIt(t *testing.T) {
	t.Parallel()
	var got everything
	table := parse(t, "f.toml", `token = "s3cret"`)
	if err := Decode(table, &got, Options{PlaintextSecrets: true}).Err(); err != nil {
		t.Fatal(err)
	}
	if value, err := got.Token.Reveal(t.Context()); err != nil || value != "s3cret" {
		t.Errorf("Reveal() = %q, %v", value, err)
	}
	problems := Decode(table, &got, Options{})
	if len(problems) != 1 || strings.Contains(problems.Error(), "s3cret") {
		t.Errorf("without it: %s", problems)
	}
}

func TestWhatIsRequiredMayBeMissingFromAPart(t *testing.T) {
	t.Parallel()
	type strict struct {
		Name string   `toml:"name" required:"true" help:"A name."`
		Keys []string `toml:"keys" required:"true" help:"Keys."`
	}
	var got strict
	want := "f.toml:1: keys: is required\nf.toml:1: name: is required"
	if diff := cmp.Diff(want, Decode(parse(t, "f.toml", ""), &got, Options{}).Sorted().Error()); diff != "" {
		t.Errorf("the whole (-want +got):\n%s", diff)
	}
	if err := Decode(parse(t, "f.toml", "type = 1"), &got, Options{Partial: true, Ignore: []string{"type"}}).Err(); err != nil {
		t.Errorf("a part: %s", err)
	}
	if diff := cmp.Diff("f.toml:1: name: must not be empty\nf.toml:2: keys[0]: must not be empty",
		Decode(parse(t, "f.toml", "name = ''\nkeys = ['']\n"), &got, Options{}).Sorted().Error()); diff != "" {
		t.Errorf("empty values (-want +got):\n%s", diff)
	}
}

func TestAWrongDeclarationPanics(t *testing.T) {
	t.Parallel()
	for name, v := range map[string]any{
		"without help": &struct {
			A string `toml:"a"`
		}{},
		"without a name": &struct {
			A string `help:"x"`
		}{},
		"of an impossible type": &struct {
			A chan int `toml:"a" help:"x"`
		}{},
		"with a default no int": &struct {
			A int `toml:"a" default:"x" help:"x"`
		}{},
		"with a default no word": &struct {
			A string `toml:"a" default:"x" enum:"y" help:"x"`
		}{},
		"with a default no time": &struct {
			A time.Duration `toml:"a" default:"x" help:"x"`
		}{},
		"with a default no bool": &struct {
			A bool `toml:"a" default:"x" help:"x"`
		}{},
		"with a default too low": &struct {
			A int `toml:"a" default:"1" min:"2" help:"x"`
		}{},
		"with a bound no int": &struct {
			A int `toml:"a" default:"1" min:"x" help:"x"`
		}{},
		"with a default no float": &struct {
			A float64 `toml:"a" default:"x" help:"x"`
		}{},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			defer func() {
				if recover() == nil {
					t.Error("it was taken")
				}
			}()
			Describe(v)
		})
	}
}
