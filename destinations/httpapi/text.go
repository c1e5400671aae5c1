package httpapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	maxReason = 500 // bytes of a service's words
	maxCode   = 64  // bytes of a service's code
)

// Text is the answer's body as a reason: valid text without control characters, at most 500 bytes. An empty body
// gives a sentence with the status.
func (a Answer) Text() string {
	if text := clean(string(a.Body[:min(len(a.Body), 4*maxReason)]), maxReason); text != "" {
		return text
	}
	return fmt.Sprintf("the service answered %d %s and gave no reason", a.Status, http.StatusText(a.Status))
}

// clean makes one line of text, at most limit bytes long.
func clean(text string, limit int) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == utf8.RuneError || unicode.Is(unicode.Cf, r) {
			return ' '
		}
		return r
	}, text)
	text = strings.Join(strings.Fields(text), " ")
	if len(text) <= limit {
		return text
	}
	cut := limit - len("…")
	for cut > 0 && !utf8.RuneStart(text[cut]) {
		cut--
	}
	return text[:cut] + "…"
}

// withoutValues cuts out of text what stands as a value in a JSON body, so that a service's words can be shown
// where no row value may be (invariant 10).
func withoutValues(text string, body []byte) string {
	var values []string
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	var document any
	if len(body) == 0 {
		return text
	}
	if err := decoder.Decode(&document); err != nil {
		return "" // a body of another form: nothing is known to be safe
	}
	collect(document, &values)
	slices.SortFunc(values, func(a, b string) int { return len(b) - len(a) })
	for _, v := range values {
		text = strings.ReplaceAll(text, v, "…")
	}
	if head, cut := strings.CutSuffix(text, "…"); cut {
		text = withoutHalf(head, values) + "…"
	}
	return text
}

// withoutHalf cuts off the end of text if a value begins there that was cut short with it.
func withoutHalf(text string, values []string) string {
	for _, v := range values {
		for n := len(v) - 1; n >= 3; n-- {
			if head, cut := strings.CutSuffix(text, v[:n]); cut {
				return head
			}
		}
	}
	return text
}

func collect(v any, into *[]string) {
	switch v := v.(type) {
	case map[string]any:
		for _, member := range v {
			collect(member, into)
		}
	case []any:
		for _, member := range v {
			collect(member, into)
		}
	case string:
		if text := clean(v, maxReason); len(text) >= 3 {
			*into = append(*into, text)
		}
	case json.Number:
		if len(v) >= 4 {
			*into = append(*into, v.String())
		}
	}
}

// plain takes the address off an error, as it may hold what must not be shown.
func plain(err error) error {
	var u *url.Error
	for errors.As(err, &u) {
		err = u.Err
	}
	return err
}
