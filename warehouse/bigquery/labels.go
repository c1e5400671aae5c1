package bigquery

import (
	"strings"
	"unicode"

	"spillway/warehouse"
)

// maxLabel is the length in characters of a label's value.
const maxLabel = 63

// labels names the work that a job belongs to, as its labels can: in lower-case letters, digits, "_" and "-".
func labels(tag warehouse.Tag) map[string]string {
	out := map[string]string{"application": "spillway"}
	if tag.Sync != "" {
		out["spillway_sync"] = label(tag.Sync)
	}
	if tag.Run != "" {
		out["spillway_run"] = label(tag.Run)
	}
	return out
}

// label makes text a label's value. BigQuery allows letters of all scripts that have no upper case.
func label(text string) string {
	runes := []rune(strings.ToLower(text))
	for i, r := range runes {
		if !unicode.IsLower(r) && !unicode.Is(unicode.Lo, r) && !unicode.IsDigit(r) && r != '_' && r != '-' {
			runes[i] = '_'
		}
	}
	return string(runes[:min(len(runes), maxLabel)])
}

// idPart makes text a part of a job's id: ASCII letters, digits, "_" and "-".
func idPart(text string) string {
	text = strings.Map(func(r rune) rune {
		if r < unicode.MaxASCII && (unicode.IsLetter(r) || unicode.IsDigit(r) || r == '-') {
			return r
		}
		return '_'
	}, text)
	return text[:min(len(text), maxLabel)]
}
