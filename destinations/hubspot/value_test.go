package hubspot

import (
	"encoding/json"
	"math/big"
	"testing"

	"github.com/google/go-cmp/cmp"

	"spillway/destinations"
	"spillway/destinations/httpapi"
)

func TestValuesAreSentAsText(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		value destinations.Value
		want  string
	}{
		{"null clears", nil, ""},
		{"a whole number of 64 bits", json.Number("-9223372036854775808"), "-9223372036854775808"},
		{"a decimal keeps its scale", json.Number("1.500"), "1.500"},
		{"an exponent is written out", json.Number("1.5e3"), "1500"},
		{"a negative exponent is written out", json.Number("-15E-3"), "-0.015"},
		{"an exponent keeps all digits", json.Number("1.23456789012345678901E+10"), "12345678901.2345678901"},
		{"an exponent beyond all bounds is left as it is", json.Number("1e100000000"), "1e100000000"},
		{"no options clear", []destinations.Value{}, ""},
		{"options are joined", []destinations.Value{"a", json.Number("2"), true}, "a;2;true"},
		{"no option leads with a semicolon", []destinations.Value{"", "a"}, "a"},
		{"a document is its JSON", json.RawMessage(`{"a":[1.50]}`), `{"a":[1.50]}`},
	}
	for _, test := range tests {
		if diff := cmp.Diff(test.want, text(test.value)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
}

func FuzzDigitsAreTheSameNumber(f *testing.F) {
	for _, seed := range []string{"0", "-0.0", "1e3", "1.5E-7", "12345678901234567890.10", "1e401", "9e-400"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if !json.Valid([]byte(s)) || s == "" || s[0] != '-' && (s[0] < '0' || s[0] > '9') || len(s) > 50 {
			return
		}
		got := digits(json.Number(s))
		if got == s {
			return
		}
		want, _ := new(big.Rat).SetString(s)
		exact, ok := new(big.Rat).SetString(got)
		if !ok || want.Cmp(exact) != 0 {
			t.Errorf("%s became %s", s, got)
		}
	})
}

func FuzzAnswersAreNeverTakenForMoreThanTheySay(f *testing.F) {
	f.Add(200, `{"status":"COMPLETE","results":[{"id":"1","objectWriteTraceId":"0"}]}`)
	f.Add(207, `{"results":[],"errors":[{"category":"CONFLICT","message":"no","context":{"objectWriteTraceId":["1","7"],"ids":"x"}}]}`)
	f.Add(207, `{"status":"PENDING","errors":[{"message":"Property values were not valid: [{\"error\":\"X\"}]"}]}`)
	f.Add(204, ``)
	f.Add(200, `[]`)
	b := contacts(destinations.Upsert, person(1), person(2), person(3))
	f.Fuzz(func(t *testing.T, status int, body string) {
		a := httpapi.Answer{Status: status, Body: []byte(body)}
		for name, decode := range map[string]decoder{"written": decodeWritten, "updated": decodeUpdated, "archived": decodeArchived, "found": decodeFound} {
			got, err := decode(b, a)
			if err != nil {
				continue
			}
			if len(got) != len(b.Records) {
				t.Fatalf("%s: %d results", name, len(got))
			}
			for i, r := range got {
				if r.Status != destinations.Accepted && (r.Code == "" || r.Reason == "") {
					t.Errorf("%s: result %d has no code or reason: %+v", name, i, r)
				}
			}
		}
	})
}
