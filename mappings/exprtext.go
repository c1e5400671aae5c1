package mappings

import (
	"encoding/base64"
	"math/big"
	"strings"
	"unicode/utf8"
)

func textFunctions() map[string]function {
	return map[string]function{
		"upper":       {types: forms(text1(nil)), call: onText(strings.ToUpper)},
		"lower":       {types: forms(text1(nil)), call: onText(strings.ToLower)},
		"toBase64":    {types: forms(text1(nil)), call: onText(func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) })},
		"fromBase64":  {types: forms(text1(nil)), call: taking(fromBase64)},
		"trim":        {types: forms(text1(nil), text2(nil)), call: onTexts(strings.TrimSpace, strings.Trim)},
		"trimPrefix":  {types: forms(text2(nil)), call: onTexts(nil, strings.TrimPrefix)},
		"trimSuffix":  {types: forms(text2(nil)), call: onTexts(nil, strings.TrimSuffix)},
		"hasPrefix":   {types: forms((func(string, string) bool)(nil)), call: onTexts(nil, strings.HasPrefix)},
		"hasSuffix":   {types: forms((func(string, string) bool)(nil)), call: onTexts(nil, strings.HasSuffix)},
		"indexOf":     {types: forms((func(string, string) int)(nil)), call: onTexts(nil, characterIndex(strings.Index))},
		"lastIndexOf": {types: forms((func(string, string) int)(nil)), call: onTexts(nil, characterIndex(strings.LastIndex))},
		"split": {
			types: forms((func(string, string) []any)(nil), (func(string, string, int) []any)(nil)),
			call:  taking(split),
		},
		"replace": {
			types: forms((func(string, string, string) string)(nil), (func(string, string, string, int) string)(nil)),
			call:  taking(replace),
		},
		"repeat": {types: forms((func(string, int) string)(nil)), call: taking(repeat)},
		"join": {
			types: forms((func([]any) string)(nil), (func([]any, string) string)(nil)),
			call:  taking(join),
		},
		"string": {types: forms((func(any) string)(nil)), call: taking(toText)},
		"len": {
			types: forms((func(string) int)(nil), (func([]any) int)(nil), (func(map[string]any) int)(nil)),
			call:  taking(length),
		},
		"toJSON":   {types: forms((func(any) string)(nil)), nulls: true, call: taking(writeJSON)},
		"fromJSON": {types: forms((func(string) any)(nil)), call: taking(readJSON)},
	}
}

func onText(f func(string) string) func(args []any) (any, *failure) {
	return taking(func(a *arguments) (any, *failure) { return f(read[string](a)), nil })
}

// onTexts calls one with a single text, which it may be nil for, and two with two of them.
func onTexts[T any](one func(string) T, two func(string, string) T) func(args []any) (any, *failure) {
	return taking(func(a *arguments) (any, *failure) {
		s := read[string](a)
		if one != nil && !a.more() {
			return one(s), nil
		}
		return two(s, read[string](a)), nil
	})
}

// characterIndex counts in characters where index counts in bytes.
func characterIndex(index func(s, part string) int) func(s, part string) int64 {
	return func(s, part string) int64 {
		i := index(s, part)
		if i < 0 {
			return -1
		}
		return int64(utf8.RuneCountInString(s[:i]))
	}
}

func fromBase64(a *arguments) (any, *failure) {
	b, err := base64.StdEncoding.DecodeString(read[string](a))
	if err != nil {
		return nil, inExpression("fromBase64 is given a text that is not base64")
	}
	return string(b), nil
}

func split(a *arguments) (any, *failure) {
	s, separator, n := read[string](a), read[string](a), -1
	if a.more() {
		n = a.integer()
	}
	if strings.Count(s, separator) > maxList {
		return nil, inExpression("split gives too many parts")
	}
	parts := strings.SplitN(s, separator, n)
	list := make([]any, len(parts))
	for i := range parts {
		list[i] = parts[i]
	}
	return list, nil
}

func replace(a *arguments) (any, *failure) {
	s, from, to, n := read[string](a), read[string](a), read[string](a), -1
	if a.more() {
		n = a.integer()
	}
	if len(to) > len(from) && len(s)+strings.Count(s, from)*(len(to)-len(from)) > maxValue {
		return nil, inExpression("replace gives a text beyond 1 MiB")
	}
	return strings.Replace(s, from, to, n), nil
}

func repeat(a *arguments) (any, *failure) {
	s, n := read[string](a), a.integer()
	if n < 0 || len(s)*n > maxValue {
		return nil, inExpression("repeat gives a text beyond 1 MiB, or is given a negative number")
	}
	return strings.Repeat(s, n), nil
}

// join leaves nulls out, as SQL's string_agg does.
func join(a *arguments) (any, *failure) {
	list, separator := read[[]any](a), ""
	if a.more() {
		separator = read[string](a)
	}
	var b strings.Builder
	first := true
	for _, e := range list {
		if e == nil {
			continue
		}
		s, ok := e.(string)
		if !ok {
			return nil, inExpression("join needs a list of texts: map(list, string(#)) makes one")
		}
		if !first {
			b.WriteString(separator)
		}
		first = false
		if b.WriteString(s); b.Len() > maxValue {
			return nil, inExpression("join gives a text beyond 1 MiB")
		}
	}
	return b.String(), nil
}

// toText writes a value as type = "string" does.
func toText(a *arguments) (any, *failure) {
	v := read[any](a)
	if r, ok := v.(*big.Rat); ok {
		return ratText(r), nil
	}
	s, failed := text(v)
	if failed != nil {
		return nil, inExpression(failed.reason)
	}
	return s, nil
}

func length(a *arguments) (any, *failure) {
	switch v := read[any](a).(type) {
	case string:
		return int64(utf8.RuneCountInString(v)), nil
	case []any:
		return int64(len(v)), nil
	case map[string]any:
		return int64(len(v)), nil
	}
	return nil, inExpression("len needs a text, a list or a map")
}

func writeJSON(a *arguments) (any, *failure) {
	if len(a.args) != 1 {
		a.failed = true
		return nil, nil
	}
	v := a.args[0]
	a.args = nil
	doc, failed := appendStructure(nil, v, 0)
	if failed != nil {
		return nil, inExpression(failed.reason)
	}
	return string(doc), nil
}

func readJSON(a *arguments) (any, *failure) {
	v, failed := parseStructure([]byte(read[string](a)))
	if failed != nil && !a.failed {
		return nil, inExpression("fromJSON: " + failed.reason)
	}
	return v, nil
}
