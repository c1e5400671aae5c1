package sandbox

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/big"
	"net/mail"
	neturl "net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"spillway/destinations"
)

// fault is why the sandbox refuses a record.
type fault struct {
	code    string
	message string
}

func refuse(code, format string, args ...any) *fault {
	return &fault{code: code, message: fmt.Sprintf(format, args...)}
}

const (
	maxDigits   = 100    // characters of a number
	maxElements = 200    // of a list
	maxDocument = 65_536 // bytes of a list or a document
)

var hostPattern = regexp.MustCompile(`^([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?\.)+[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])$`)

// check returns raw in the one form in which the sandbox keeps a value of f, or why it does not take it.
// Null is kept as null, whatever the type.
func (f field) check(raw json.RawMessage) (json.RawMessage, *fault) {
	if isNull(raw) {
		if f.Required {
			return nil, refuse("required_field", "%s cannot be empty", f.Name)
		}
		return json.RawMessage("null"), nil
	}
	switch f.Type {
	case destinations.String:
		return f.checkText(raw)
	case destinations.Number:
		return f.checkNumber(raw)
	case destinations.Integer:
		return f.checkInteger(raw)
	case destinations.Boolean:
		if s := string(raw); s != "true" && s != "false" {
			return nil, refuse("invalid_boolean", "%s takes true or false, not %s", f.Name, quote(raw))
		}
		return raw, nil
	case destinations.DateType:
		return f.checkTime(raw, time.DateOnly, "invalid_date", "a day such as 2026-11-20")
	case destinations.DateTime:
		return f.checkTime(raw, time.RFC3339Nano, "invalid_datetime", "a time such as 2026-11-20T09:30:00Z")
	case destinations.List:
		return f.checkList(raw)
	case destinations.JSON, destinations.Any:
		return f.checkDocument(raw)
	}
	return nil, refuse("invalid_value", "%s takes no values", f.Name)
}

func (f field) checkText(raw json.RawMessage) (json.RawMessage, *fault) {
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return nil, refuse("invalid_text", "%s takes text, not %s", f.Name, quote(raw))
	}
	limit := f.max
	if limit == 0 {
		limit = maxText
	}
	if n := utf8.RuneCountInString(s); n > limit {
		return nil, refuse("too_long", "%s takes %d characters at most, not %d", f.Name, limit, n)
	}
	if s == "" && f.Required {
		return nil, refuse("required_field", "%s cannot be empty", f.Name)
	}
	if bad := f.misshapen(s); bad != nil {
		return nil, bad
	}
	return encodeText(s), nil
}

// misshapen says what is wrong with the look of s, which is otherwise a good text.
func (f field) misshapen(s string) *fault {
	if len(f.Enum) > 0 {
		if slices.Contains(f.Enum, s) {
			return nil
		}
		return refuse("invalid_option", "%q is no option of %s, which are %s", s, f.Name, strings.Join(f.Enum, ", "))
	}
	if s == "" {
		return nil
	}
	switch f.form {
	case emailAddress:
		if !looksLikeEmail(s) {
			return refuse("invalid_email", "%s: %q does not look like an e-mail address", f.Name, s)
		}
	case hostName:
		if !hostPattern.MatchString(strings.ToLower(s)) {
			return refuse("invalid_domain", "%s: %q does not look like a domain", f.Name, s)
		}
	case webAddress:
		if u, err := neturl.Parse(s); err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
			return refuse("invalid_url", "%s: %q is no http or https address", f.Name, s)
		}
	case anyText:
	}
	return nil
}

func looksLikeEmail(s string) bool {
	a, err := mail.ParseAddress(s)
	if err != nil || a.Address != s {
		return false
	}
	_, domain, _ := strings.Cut(s[strings.LastIndexByte(s, '@'):], "@")
	return strings.Contains(domain, ".") && !strings.HasPrefix(domain, "[")
}

func (f field) checkNumber(raw json.RawMessage) (json.RawMessage, *fault) {
	if !isNumber(raw) {
		return nil, refuse("invalid_number", "%s takes a number, not %s", f.Name, quote(raw))
	}
	if len(raw) > maxDigits {
		return nil, refuse("too_long", "%s takes numbers of %d characters at most", f.Name, maxDigits)
	}
	return raw, nil
}

func (f field) checkInteger(raw json.RawMessage) (json.RawMessage, *fault) {
	if !isNumber(raw) {
		return nil, refuse("invalid_integer", "%s takes a whole number, not %s", f.Name, quote(raw))
	}
	n, ok := new(big.Int).SetString(string(raw), 10)
	if !ok {
		return nil, refuse("invalid_integer", "%s takes a whole number, not %s", f.Name, quote(raw))
	}
	if !n.IsInt64() {
		return nil, refuse("out_of_range", "%s takes whole numbers of 64 bits, which %s is not", f.Name, quote(raw))
	}
	return json.RawMessage(strconv.FormatInt(n.Int64(), 10)), nil
}

func (f field) checkTime(raw json.RawMessage, layout, code, example string) (json.RawMessage, *fault) {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		if t, err := time.Parse(layout, s); err == nil {
			return encodeText(t.UTC().Format(layout)), nil
		}
	}
	return nil, refuse(code, "%s takes %s, not %s", f.Name, example, quote(raw))
}

func (f field) checkList(raw json.RawMessage) (json.RawMessage, *fault) {
	var elements []json.RawMessage
	if json.Unmarshal(raw, &elements) != nil {
		return nil, refuse("invalid_list", "%s takes a list, not %s", f.Name, quote(raw))
	}
	if len(elements) > maxElements {
		return nil, refuse("too_long", "%s takes %d elements at most, not %d", f.Name, maxElements, len(elements))
	}
	for _, e := range elements {
		if c := bytes.TrimSpace(e)[0]; c == '{' || c == '[' {
			return nil, refuse("invalid_list", "%s takes a list of plain values, not of documents", f.Name)
		}
	}
	return f.checkDocument(raw)
}

func (f field) checkDocument(raw json.RawMessage) (json.RawMessage, *fault) {
	if len(raw) > maxDocument {
		return nil, refuse("too_long", "%s takes %d bytes at most, not %d", f.Name, maxDocument, len(raw))
	}
	var b bytes.Buffer
	if err := json.Compact(&b, raw); err != nil {
		return nil, refuse("invalid_json", "%s takes JSON: %v", f.Name, err)
	}
	return b.Bytes(), nil
}

func isNull(raw json.RawMessage) bool { return len(raw) == 0 || string(raw) == "null" }

func isNumber(raw json.RawMessage) bool {
	return len(raw) > 0 && (raw[0] == '-' || raw[0] >= '0' && raw[0] <= '9')
}

// encode writes v as JSON that holds the characters of its texts as they are, so that a value read back is the
// value written.
func encode(v any) (json.RawMessage, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// encodeText writes s as JSON. There is no text that this cannot do.
func encodeText(s string) json.RawMessage {
	raw, err := encode(s)
	if err != nil {
		return json.RawMessage(`""`)
	}
	return raw
}

// quote shows a refused value in an error, cut to a length that a person reads.
func quote(raw json.RawMessage) string {
	const most = 60
	return cut(string(raw), most)
}

// cut returns the first most characters of s.
func cut(s string, most int) string {
	if len(s) <= most {
		return s
	}
	r := []rune(s)
	if len(r) <= most {
		return s
	}
	return string(r[:most]) + "…"
}

// plain is the text of a kept value as people read it: texts without their quotation marks, all else as JSON.
func plain(raw json.RawMessage) string {
	if isNull(raw) {
		return ""
	}
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s
	}
	return string(raw)
}
