package mailchimp

import (
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"spillway/destinations"
)

// hash is the name by which Mailchimp knows the member of an address: the MD5 of it in lower case.
func hash(address string) string {
	sum := md5.Sum([]byte(strings.ToLower(address)))
	return hex.EncodeToString(sum[:])
}

// body is r as a request has it, without the fields that left names.
func body(r destinations.Record, birthdays map[string]bool, left ...string) ([]byte, error) {
	var flat destinations.Fields
	nested := map[string]destinations.Fields{}
	for _, f := range r.Fields {
		v, told := value(f, birthdays)
		if !told || slices.Contains(left, f.Name) {
			continue
		}
		if outer, inner, ok := strings.Cut(f.Name, "."); ok {
			nested[outer] = append(nested[outer], destinations.FieldValue{Name: inner, Value: v})
			continue
		}
		flat = append(flat, destinations.FieldValue{Name: f.Name, Value: v})
	}
	for _, prefix := range []string{mergePrefix, interestsDot, locationDot} {
		outer := strings.TrimSuffix(prefix, ".")
		if nested[outer] == nil {
			continue
		}
		text, err := nested[outer].AppendJSON(nil)
		if err != nil {
			return nil, err
		}
		flat = append(flat, destinations.FieldValue{Name: outer, Value: json.RawMessage(text)})
	}
	return flat.AppendJSON(nil)
}

// value is that of f as Mailchimp takes it, and whether it is to be told at all. An empty text clears a merge field.
func value(f destinations.FieldValue, birthdays map[string]bool) (destinations.Value, bool) {
	switch v := f.Value.(type) {
	case nil:
		switch {
		case strings.HasPrefix(f.Name, mergePrefix), f.Name == "language":
			return "", true
		case strings.HasPrefix(f.Name, interestsDot), f.Name == "vip":
			return false, true
		}
		return nil, false
	case destinations.Date:
		if month, day, ok := strings.Cut(string(v)[min(len("2026-"), len(v)):], "-"); ok && birthdays[f.Name] {
			return month + "/" + day, true
		}
	case time.Time:
		if birthdays[f.Name] {
			return v.UTC().Format("01/02"), true
		}
		return v.UTC().Format(time.RFC3339), true
	}
	return f.Value, true
}

// dated says whether a merge field of b holds a day, which is written by the field's type.
func dated(b destinations.Batch) bool {
	return slices.ContainsFunc(b.Records, func(r destinations.Record) bool {
		return slices.ContainsFunc(r.Fields, func(f destinations.FieldValue) bool {
			switch f.Value.(type) {
			case destinations.Date, time.Time:
				return strings.HasPrefix(f.Name, mergePrefix)
			}
			return false
		})
	})
}

// states says whether r says what its member has agreed to.
func states(r destinations.Record) bool {
	v, _ := r.Fields.Get(status)
	return v != nil
}

// tagsOf are the names of the tags that r is to have.
func tagsOf(r destinations.Record) []string {
	v, _ := r.Fields.Get(tags)
	list, _ := v.([]destinations.Value)
	var names []string
	for _, one := range list {
		name, ok := one.(string)
		if !ok && one != nil {
			name = fmt.Sprint(one)
		}
		if name != "" {
			names = append(names, name)
		}
	}
	return names
}
