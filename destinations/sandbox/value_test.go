package sandbox

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestValuesAreCheckedByTheTypeOfTheirField(t *testing.T) {
	t.Parallel()
	tests := []struct {
		field, value, want string // a value as it is kept, or the code of a refusal
	}{
		{"email", `"ada@x.io"`, `"ada@x.io"`},
		{"email", `"zoë+a@bücher.example"`, `"zoë+a@bücher.example"`},
		{"email", `"ada"`, "invalid_email"},
		{"email", `"ada@localhost"`, "invalid_email"},
		{"email", `"Ada <ada@x.io>"`, "invalid_email"},
		{"email", `"ada@x.io, bob@x.io"`, "invalid_email"},
		{"email", `" ada@x.io"`, "invalid_email"},
		{"email", `""`, "required_field"},
		{"email", `null`, "required_field"},
		{"email", `7`, "invalid_text"},
		{"firstname", `null`, `null`},
		{"firstname", `""`, `""`},
		{"firstname", `"\u003cb\u003e"`, `"<b>"`},
		{"firstname", `"` + strings.Repeat("ä", maxText) + `"`, `"` + strings.Repeat("ä", maxText) + `"`},
		{"firstname", `"` + strings.Repeat("ä", maxText+1) + `"`, "too_long"},
		{"firstname", `["a"]`, "invalid_text"},
		{"plan", `"Pro"`, `"Pro"`},
		{"plan", `"pro"`, "invalid_option"},
		{"plan", `""`, "invalid_option"},
		{"company_domain", `"a-b.Example"`, `"a-b.Example"`},
		{"company_domain", `"https://a.example"`, "invalid_domain"},
		{"company_domain", `"localhost"`, "invalid_domain"},
		{"website", `"https://a.example/x?y#z"`, `"https://a.example/x?y#z"`},
		{"website", `"javascript:alert(1)"`, "invalid_url"},
		{"website", `"a.example"`, "invalid_url"},
		{"lead_score", `-9223372036854775808`, `-9223372036854775808`},
		{"lead_score", `9223372036854775808`, "out_of_range"},
		{"lead_score", `1.0`, "invalid_integer"},
		{"lead_score", `1e3`, "invalid_integer"},
		{"lead_score", `"1"`, "invalid_integer"},
		{"lead_score", `-0`, `0`},
		{"lifetime_value", `0.10`, `0.10`},
		{"lifetime_value", `-1.5E+300`, `-1.5E+300`},
		{"lifetime_value", `"12,50"`, "invalid_number"},
		{"lifetime_value", strings.Repeat("1", maxDigits+1), "too_long"},
		{"marketing_opt_in", `true`, `true`},
		{"marketing_opt_in", `"true"`, "invalid_boolean"},
		{"marketing_opt_in", `0`, "invalid_boolean"},
		{"signup", `"2024-02-29"`, `"2024-02-29"`},
		{"signup", `"2023-02-29"`, "invalid_date"},
		{"signup", `"2023-02-28T00:00:00Z"`, "invalid_date"},
		{"first_seen", `"2023-02-28T01:00:00.5+01:00"`, `"2023-02-28T00:00:00.5Z"`},
		{"first_seen", `"2023-02-28 01:00:00"`, "invalid_datetime"},
		{"tags", `["a", 1, null, true]`, `["a",1,null,true]`},
		{"tags", `[["a"]]`, "invalid_list"},
		{"tags", `"a;b"`, "invalid_list"},
		{"tags", "[" + strings.Repeat("1,", maxElements) + "1]", "too_long"},
		{"custom", `{"b": 1, "a": [1.0]}`, `{"b":1,"a":[1.0]}`},
		{"custom", `"text"`, `"text"`},
		{"custom", `"` + strings.Repeat("a", maxDocument) + `"`, "too_long"},
	}
	contacts, _ := findObject("contacts")
	for _, test := range tests {
		f, _ := contacts.field(test.field)
		raw, bad := f.check(json.RawMessage(test.value))
		got := string(raw)
		if bad != nil {
			got = bad.code
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s = %s (-want +got):\n%s", test.field, cut(test.value, 40), diff)
		}
	}
}

func FuzzKeptValuesAreKeptAgainUnchanged(f *testing.F) {
	for _, seed := range []string{`"a"`, `1.50`, `[1,"<",null]`, `{"a":{"b":[]}}`, `"2024-02-29"`, `"\u2028"`, `-0`, `"2023-02-28T01:00:00.5+01:00"`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, value []byte) {
		value = bytes.TrimSpace(value)
		if !json.Valid(value) {
			return
		}
		for _, o := range objects {
			for _, field := range o.fields {
				once, bad := field.check(value)
				if bad != nil {
					if bad.code == "" || bad.message == "" {
						t.Errorf("%s refuses %s without a reason", field.Name, value)
					}
					continue
				}
				twice, bad := field.check(once)
				if bad != nil || !bytes.Equal(once, twice) {
					t.Errorf("%s: %s is kept as %s, then as %s (%v)", field.Name, value, once, twice, bad)
				}
			}
		}
	})
}
