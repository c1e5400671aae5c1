package settings

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"spillway/syncer/secrets"
)

type hook struct {
	URL   string                `toml:"url" required:"true" help:"Where to post."`
	Kind  string                `toml:"kind" default:"batch" enum:"batch,single" help:"One | many."`
	Token credential            `toml:"token" help:"The token."`
	More  map[string]credential `toml:"more" help:"More of them."`
	Max   int                   `toml:"max" default:"100" min:"1" max:"1000" help:"At most."`
	Try   nested                `toml:"try" help:"How often."`
	Quick *bool                 `toml:"quick" help:"Quick."`
	Ports map[string]nested     `toml:"ports" help:"Ports."`
}

func TestSettingsDescribeThemselvesToPrograms(t *testing.T) {
	t.Parallel()
	got, err := json.MarshalIndent(Describe(new(hook))[:5], "", " ")
	if err != nil {
		t.Fatal(err)
	}
	want := `[
 {
  "name": "url",
  "type": "string",
  "required": true,
  "secret": false,
  "default": null,
  "help": "Where to post.",
  "enum": []
 },
 {
  "name": "kind",
  "type": "string",
  "required": false,
  "secret": false,
  "default": "batch",
  "help": "One | many.",
  "enum": [
   "batch",
   "single"
  ]
 },
 {
  "name": "token",
  "type": "secret",
  "required": false,
  "secret": true,
  "default": null,
  "help": "The token.",
  "enum": []
 },
 {
  "name": "more",
  "type": "table of secrets",
  "required": false,
  "secret": true,
  "default": null,
  "help": "More of them.",
  "enum": []
 },
 {
  "name": "max",
  "type": "integer",
  "required": false,
  "secret": false,
  "default": 100,
  "help": "At most.",
  "enum": []
 }
]`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("settings (-want +got):\n%s", diff)
	}
}

func TestSettingsAreATableOfTheDocumentation(t *testing.T) {
	t.Parallel()
	want := "| key | type | default | what it is |\n" +
		"|---|---|---|---|\n" +
		"| `url` | string | required | Where to post. |\n" +
		"| `kind` | string | `batch` | One \\| many. One of `batch`, `single`. |\n" +
		"| `token` | secret |  | The token. |\n" +
		"| `more` | table of secrets |  | More of them. |\n" +
		"| `max` | integer | `100` | At most. |\n" +
		"| `try` | table |  | How often. |\n" +
		"| `try.runs` | integer | `10` | Runs. |\n" +
		"| `try.age` | duration | `14d` | Age. |\n" +
		"| `quick` | boolean |  | Quick. |\n" +
		"| `ports` | table of tables |  | Ports. |\n" +
		"| `ports.*.runs` | integer | `10` | Runs. |\n" +
		"| `ports.*.age` | duration | `14d` | Age. |\n"
	if diff := cmp.Diff(want, Markdown(hook{})); diff != "" {
		t.Errorf("the table (-want +got):\n%s", diff)
	}
}

func TestEveryKindOfSettingHasAName(t *testing.T) {
	t.Parallel()
	got := map[string]string{}
	for _, s := range Describe(everything{}) {
		got[s.Name] = s.Type
	}
	want := map[string]string{
		"base_url": "string", "text": "string", "word": "string", "yes": "boolean", "no": "boolean", "int": "integer",
		"small": "integer", "size": "integer", "float": "number", "age": "duration", "even": "string",
		"list": "list of strings", "many": "string or list of strings", "any": "any", "words": "table of strings",
		"anys": "table", "nested": "table", "tables": "table of tables", "token": "secret", "open": "secret",
		"direct": "secret", "headers": "table of secrets", "raw": "table",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("names of types (-want +got):\n%s", diff)
	}
}

func TestPublicSettingsAreAllButTheSecretAndTheUnset(t *testing.T) {
	t.Parallel()
	no := false
	secret := secrets.Literal("canary")
	e := everything{
		common: common{BaseURL: "u"}, Word: "one", No: &no, Int: 1, Age: time.Minute, Even: even{half: 1},
		Many: Strings{"a"}, Nested: nested{Runs: 1}, Tables: map[string]nested{"x": {Runs: 2}},
		Words: map[string]word{"a": "one"}, Token: secret, Open: secret, Direct: secret,
		Headers: map[string]credential{"X": secret}, Raw: parse(t, "f", "a = {b = 1}"), Skipped: "s",
	}
	got, err := json.Marshal(Public(&e))
	if err != nil {
		t.Fatal(err)
	}
	want := `{"age":60000000000,"base_url":"u","even":"xx","int":1,"many":["a"],"nested":{"runs":1},"no":false,` +
		`"raw":{"a":{"b":1}},"tables":{"x":{"runs":2}},"word":"one","words":{"a":"one"}}`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("public settings (-want +got):\n%s", diff)
	}
}
