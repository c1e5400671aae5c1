package mappings

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"spillway/destinations"
)

func codecSeeds() map[string]destinations.Fields {
	at := time.Date(2026, 11, 20, 15, 4, 5, 999_999_999, time.UTC)
	return map[string]destinations.Fields{
		"no fields": {},
		"every type": {
			{Name: "null"},
			{Name: "true", Value: true},
			{Name: "false", Value: false},
			{Name: "text", Value: "größe\x00"},
			{Name: "empty", Value: ""},
			{Name: "number", Value: json.Number("-0012.500e+07")},
			{Name: "day", Value: destinations.Date("2026-11-20")},
			{Name: "time", Value: at},
			{Name: "early", Value: time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC)},
			{Name: "late", Value: time.Date(9999, 12, 31, 23, 59, 59, 1, time.UTC)},
			{Name: "document", Value: json.RawMessage(` {"b":1.0} `)},
			{Name: "list", Value: []any{"a", []any{}, nil, json.Number("1"), json.RawMessage(`{}`), at}},
		},
		"a name twice":      {{Name: "a", Value: "1"}, {Name: "a", Value: "2"}},
		"an empty name":     {{Name: ""}},
		"names that differ": {{Name: "b"}, {Name: "a"}},
	}
}

func TestStoredFieldsReadBackExactly(t *testing.T) {
	t.Parallel()
	for name, fields := range codecSeeds() {
		stored := AppendFields([]byte("before"), fields)
		got, err := DecodeFields(string(stored[len("before"):]))
		if err != nil {
			t.Errorf("%s: %s", name, err)
		}
		if diff := cmp.Diff(fields, got); diff != "" {
			t.Errorf("%s\n%s", name, diff)
		}
	}
}

func TestATimeIsStoredAsItsInstant(t *testing.T) {
	t.Parallel()
	zoned := time.Date(2026, 11, 20, 1, 0, 0, 0, time.FixedZone("", 3600))
	got, err := DecodeFields(string(AppendFields(nil, destinations.Fields{{Name: "x", Value: zoned}})))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(destinations.Fields{{Name: "x", Value: zoned.UTC()}}, got); diff != "" {
		t.Error(diff)
	}
}

func TestBytesThatAreNoStoredFieldsAreRefused(t *testing.T) {
	t.Parallel()
	whole := AppendFields(nil, codecSeeds()["every type"])
	for n := range whole {
		if f, err := DecodeFields(string(whole[:n])); err == nil {
			t.Errorf("the first %d of %d bytes are taken as %v", n, len(whole), f)
		}
	}
	for _, tt := range []struct {
		name, stored, want string
	}{
		{"nothing", "", "cut short"},
		{"another version", "\x02\x00", "version 2"},
		{"more than there is", string(whole) + "x", "1 bytes that do not belong"},
		{"a count beyond the bytes", "\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", "cut short"},
		{"an unknown type", "\x01\x01\x01xz", "unknown type"},
		{"a time beyond its second", "\x01\x01\x01xT\x00\x80\x94\xeb\xdc\x03", "beyond its second"},
		{"lists within lists", "\x01\x01\x01x" + strings.Repeat("l\x01", 1000) + "n", "lists within lists"},
	} {
		if _, err := DecodeFields(tt.stored); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
	}
}

func FuzzFieldsCodec(f *testing.F) {
	for _, fields := range codecSeeds() {
		f.Add(AppendFields(nil, fields))
	}
	f.Add([]byte{codecVersion, 1, 1, 'x', tagList, 2, tagNull, tagTrue})
	f.Fuzz(func(t *testing.T, stored []byte) {
		fields, err := DecodeFields(string(stored))
		if err != nil {
			return
		}
		again, err := DecodeFields(string(AppendFields(nil, fields)))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(fields, again); diff != "" {
			t.Error(diff)
		}
	})
}

func TestStoredValuesAreWrittenAsTheirValuesWouldBe(t *testing.T) {
	t.Parallel()
	for name, fields := range codecSeeds() {
		for _, f := range fields {
			stored := string(AppendValue(nil, f.Value)) + "rest"
			v, _, err := DecodeValue(stored)
			if err != nil {
				t.Fatal(err)
			}
			want, wrong := destinations.AppendJSON(nil, v)
			got, rest, err := AppendJSON([]byte("before"), stored)
			if (err == nil) != (wrong == nil) || err == nil && (string(got) != "before"+string(want) || rest != "rest") {
				t.Errorf("%s, %s: %s, %q (%v), want %s (%v)", name, f.Name, got, rest, err, want, wrong)
			}
		}
	}
	for _, stored := range []string{"", "s", "s\x05abc", "l\x02n", "z", "T\x00\x80\x94\xeb\xdc\x03", "j\x01{", strings.Repeat("l\x01", 1000) + "n"} {
		if text, _, err := AppendJSON(nil, stored); err == nil {
			t.Errorf("%q is written as %s", stored, text)
		}
	}
}
