package samples_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"spillway/destinations"
	"spillway/syncer/runlog"
	"spillway/syncer/samples"
)

func fit(m *samples.Mask, kind, body string, values ...string) runlog.Message {
	b := m.Read(destinations.Message{Type: kind, Body: []byte(body)}, values)
	return b.Fit(4<<10, samples.Records{Count: 1, Problem: func(int) bool { return true }})
}

func TestMaskedFieldsAreCutOutWhereverTheyStand(t *testing.T) {
	t.Parallel()
	const form = "application/x-www-form-urlencoded"
	for name, test := range map[string]struct {
		fields, values   []string
		kind, body, want string
	}{
		"a member":                        {[]string{"email"}, nil, "", `{"email":"ada@x.io","plan":"Pro"}`, `{"email":"•••","plan":"Pro"}`},
		"whatever its case":               {[]string{"Email"}, nil, "", `{"EMAIL":"ada@x.io"}`, `{"EMAIL":"•••"}`},
		"at any depth":                    {[]string{"email"}, nil, "", `[{"a":[{"email":{"x":1}}]}]`, `[{"a":[{"email":"•••"}]}]`},
		"no value":                        {[]string{"email"}, nil, "", `{"email":null}`, `{"email":null}`},
		"a number":                        {[]string{"score"}, nil, "", `{"score":12.50,"rest":12.50}`, `{"score":"•••","rest":12.50}`},
		"a path":                          {[]string{"merge_fields.FNAME"}, nil, "", `{"merge_fields":{"FNAME":"Ada"},"FNAME":"x"}`, `{"merge_fields":{"FNAME":"•••"},"FNAME":"x"}`},
		"a path that is a name":           {[]string{"custom.plan"}, nil, "", `{"custom.plan":"Pro"}`, `{"custom.plan":"•••"}`},
		"a value beside its field's name": {[]string{"email"}, nil, "", `[{"property":"email","value":"ada@x.io"}]`, `[{"property":"email","value":"•••"}]`},
		"a member there twice":            {[]string{"email"}, nil, "", `{"email":1,"email":2}`, `{"email":"•••","email":"•••"}`},
		"a value under another name":      {[]string{"email"}, []string{"Ada@x.io"}, "", `{"id":"ada@X.io"}`, `{"id":"•••"}`},
		"a value within a text":           {[]string{"email"}, []string{"ada@x.io"}, "", `{"message":"Contact <ADA@x.io> exists, and é ada@x.io too"}`, `{"message":"Contact <•••> exists, and é ••• too"}`},
		"a value as a member's name":      {[]string{"email"}, []string{"ada@x.io"}, "", `{"ada@x.io":1}`, `{"•••":1}`},
		"the longest value":               {[]string{"email"}, []string{"ada", "ada@x.io"}, "", `{"id":"see ada@x.io"}`, `{"id":"see •••"}`},
		"a short value alone":             {[]string{"plan"}, []string{"A"}, "", `{"id":"A","word":"ALAS"}`, `{"id":"•••","word":"ALAS"}`},
		"a number elsewhere":              {[]string{"phone"}, []string{"4412"}, "", `{"x":4412,"y":7}`, `{"x":"•••","y":7}`},
		"an escaped value":                {[]string{"name"}, []string{"a\"b"}, "", `{"x":"a\u0022b"}`, `{"x":"•••"}`},
		"a form":                          {[]string{"email"}, nil, form, "email=ada%40x.io&plan=Pro", "email=•••&plan=Pro"},
		"a form with a charset":           {[]string{"email"}, nil, form + "; charset=utf-8", "email=ada", "email=•••"},
		"a nested form":                   {[]string{"email"}, nil, form, "properties%5Bemail%5D=ada&x", "properties%5Bemail%5D=•••&x"},
		"a value in a form":               {[]string{"email"}, []string{"ada@x.io"}, form, "q=to+ada%40x.io", "q=to+•••"},
		"a form that is none":             {[]string{"email"}, nil, form, "x=%zz", "x=•••"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(test.want, fit(samples.NewMask(test.fields), test.kind, test.body, test.values...).Body); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestWhatIsNotUnderstoodIsKeptOnlyWhereNothingIsHidden(t *testing.T) {
	t.Parallel()
	mask := samples.NewMask([]string{"email"})
	for name, body := range map[string]string{
		"text": "no", "half a document": `{"email":"ada@x.io"`, "two documents": `{"email":1}{"email":2}`, "CSV": "email\nada@x.io\n",
		"nested without end": strings.Repeat("[", 200) + strings.Repeat("]", 200),
		"a huge one":         `["` + strings.Repeat("x", 3<<20) + `"]`,
	} {
		if kept := fit(mask, "text/csv", body); kept.Body != "" || kept.Left == "" || kept.Bytes != int64(len(body)) {
			t.Errorf("%s, masked: %.100q, %q", name, kept.Body, kept.Left)
		}
		if kept := fit(nil, "text/csv", body); !strings.HasPrefix(body, kept.Body) && name != "a huge one" || kept.Body == "" {
			t.Errorf("%s, without a mask: %.100q, %q", name, kept.Body, kept.Left)
		}
	}
	if kept := fit(nil, "", "\xff\xfe"); kept.Body != "" || kept.Left != "it is no text" {
		t.Errorf("%+v", kept)
	}
	if kept := fit(mask, "", ""); kept.Left != "" {
		t.Errorf("an empty body: %+v", kept)
	}
}

func TestALongBodyKeepsWhatItIsKeptFor(t *testing.T) {
	t.Parallel()
	var records []string
	for n := range 50 {
		records = append(records, fmt.Sprintf(`{"id":%d,"note":%q}`, n, strings.Repeat("é", 100)))
	}
	body := `{"records":[` + strings.Join(records, ",") + `],"tags":[1,2,3,4,5],"op":"upsert"}`
	b := (*samples.Mask)(nil).Read(destinations.Message{Body: []byte(body)}, nil)
	kept := b.Fit(1000, samples.Records{Count: 50, Problem: func(n int) bool { return n == 7 || n == 40 }})
	want := `{"records":[` + records[7] + "," + records[40] + `,"… 48 more"],"tags":[1,2,"… 3 more"],"op":"upsert"}`
	if kept.Body != want || !kept.Cut || kept.Bytes != int64(len(body)) {
		t.Errorf("%+v", kept)
	}
	kept = b.Fit(101, samples.Records{Count: 50, Problem: func(n int) bool { return n == 7 }})
	if len(kept.Body) > 101 || len(kept.Body) < 99 || !strings.HasPrefix(kept.Body, `{"records":[{"id":7`) || strings.Contains(kept.Body, "\uFFFD") {
		t.Errorf("%q", kept.Body)
	}
}

// TestAnswersAreInAnyOrder: what tells a record from the others in the request finds its part of the answer.
func TestAnswersAreInAnyOrder(t *testing.T) {
	t.Parallel()
	const count = 40
	inputs, results := make([]string, count), make([]string, count)
	for n := range count {
		inputs[n] = fmt.Sprintf(`{"ref":"%d","fields":{"email":"•••","plan":"Pro"}}`, n)
		results[count-1-n] = fmt.Sprintf(`{"ref":%d,"status":"ok","plan":"Pro"}`, n)
	}
	read := func(body string) samples.Body {
		return (*samples.Mask)(nil).Read(destinations.Message{Body: []byte(body)}, nil)
	}
	request := read(`{"inputs":[` + strings.Join(inputs, ",") + `]}`)
	of := samples.Records{Count: count, Problem: func(n int) bool { return n == 7 }}.MarkedBy(&request)
	for body, want := range map[string]string{
		`{"results":[` + strings.Join(results, ",") + `]}`: `{"results":[{"ref":7,"status":"ok","plan":"Pro"},"… 39 more"]}`,
		`{"results":[` + strings.Join(results[:32], ",") + `],"errors":[{"context":{"ref":["1"]}},{"context":{"ref":["2"]}},{"context":{"ref":["7"]}}]}`: `{"results":[` +
			results[0] + "," + results[1] + `,"… 30 more"],"errors":[{"context":{"ref":["7"]}},"… 2 more"]}`,
	} {
		answer := read(body)
		if kept := answer.Fit(400, of); kept.Body != want {
			t.Errorf("%s\nis kept of %s\nwant %s", kept.Body, body, want)
		}
	}
}

// FuzzMask looks for values that a mask lets through.
func FuzzMask(f *testing.F) {
	f.Add(`{"email":"secret-value","x":["a secret-value b",{"SECRET-VALUE":1}]}`, "application/json")
	f.Add("a=secret-value&b[email]=x+secret%2Dvalue", "application/x-www-form-urlencoded")
	f.Fuzz(func(t *testing.T, body, kind string) {
		kept := fit(samples.NewMask([]string{"email"}), kind, body, "secret-value")
		if strings.Contains(strings.ToLower(kept.Body), "secret-value") {
			t.Errorf("%q becomes %q", body, kept.Body)
		}
	})
}
