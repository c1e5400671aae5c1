// Package samples makes what a service was sent, and what it said, fit to be kept and shown: without the values that are
// to be hidden, and short.
package samples

import (
	"fmt"
	"mime"
	"net/url"
	"strings"
	"unicode/utf8"

	"spillway/destinations"
	"spillway/syncer/runlog"
)

// largest is how many bytes of a body are looked at where something is to be cut out of it, and held bounds what is held
// of one until it is known whether it is kept.
const (
	largest = 2 << 20
	held    = 128 << 10
)

// Body is what is held of a request or an answer.
type Body struct {
	kind    string
	headers map[string]string
	bytes   int64
	text    string // without what is to be hidden
	json    bool
	left    string // why there is no text
	cut     bool
}

// Read takes what is to be held of a message. Values are hidden wherever they stand in it. A nil mask hides nothing; with
// one, a body is held only if it is understood.
func (m *Mask) Read(message destinations.Message, values []string) Body {
	b := Body{kind: message.Type, headers: message.Headers, bytes: int64(len(message.Body))}
	kind, _, _ := mime.ParseMediaType(message.Type) // one that is malformed is none
	switch {
	case len(message.Body) == 0:
	case m != nil && len(message.Body) > largest:
		b.left = fmt.Sprintf("it has %d bytes, too many to look for what [runlog] mask and keys hide", len(message.Body))
	default:
		b.take(m, message.Body, kind, newFinder(values))
	}
	return b
}

// Held is about how much memory the body takes.
func (b *Body) Held() int { return len(b.text) }

func (b *Body) take(m *Mask, body []byte, kind string, values finder) {
	if document, err := parse(body); err == nil && len(body) <= largest {
		if m != nil {
			document = m.document(document, "", values)
		}
		if b.text, err = encode(document); err == nil {
			b.json = true
			b.hold()
			return
		}
	}
	switch {
	case m != nil && kind == "application/x-www-form-urlencoded":
		b.text = m.form(string(body), values)
	case m != nil:
		b.left = "it is neither JSON nor a form, so that what [runlog] mask and keys hide cannot be cut out"
	case !utf8.Valid(body[:whole(body, held)]):
		b.left = "it is no text"
	default:
		b.text = string(body[:whole(body, held)])
		b.cut = len(b.text) < len(body)
	}
	b.hold()
}

// hold shortens what is too long to be held.
func (b *Body) hold() {
	if len(b.text) > held {
		b.text, b.json, b.cut = b.text[:whole(b.text, held)], false, true
	}
}

// form cuts what is to be hidden out of a form. Names such as properties[email] are paths.
func (m *Mask) form(body string, values finder) string {
	pairs := strings.Split(body, "&")
	for n, pair := range pairs {
		name, value, given := strings.Cut(pair, "=")
		plainName, errName := url.QueryUnescape(name)
		plain, errValue := url.QueryUnescape(value)
		path := strings.NewReplacer("[", ".", "]", "").Replace(plainName)
		switch {
		case errName != nil || errValue != nil || m.Covers(path) && plain != "":
			plain = Hidden
		default:
			plain = values.cut(plain)
		}
		pairs[n] = escape(values.cut(plainName))
		if given {
			pairs[n] += "=" + escape(plain)
		}
	}
	return strings.Join(pairs, "&")
}

// escape writes a part of a form; what was cut out of it stays readable.
func escape(text string) string {
	return strings.ReplaceAll(url.QueryEscape(text), url.QueryEscape(Hidden), Hidden)
}

// Fit is what is kept of the body: at most limit bytes of text. In lists of the records that it was about, as many of
// those that are not in question as necessary make room.
func (b *Body) Fit(limit int, of Records) runlog.Message {
	kept := runlog.Message{Type: b.kind, Headers: b.headers, Bytes: b.bytes, Body: b.text, Cut: b.cut, Left: b.left}
	if len(kept.Body) <= limit {
		return kept
	}
	kept.Cut = true
	if b.json {
		if document, err := parse([]byte(b.text)); err == nil {
			if text, err := encode(thin(document, of)); err == nil {
				kept.Body = text
			}
		}
	}
	kept.Body = kept.Body[:whole(kept.Body, limit)]
	return kept
}

// few is how many elements a list keeps of which none is about the records in question.
const few = 2

// thin leaves out what is not about the records in question.
func thin(value any, of Records) any {
	switch value := value.(type) {
	case object:
		for n := range value {
			value[n].value = thin(value[n].value, of)
		}
		return value
	case []any:
		if len(value) <= few {
			return thinned(value, of, func(int) bool { return true })
		}
		return thinned(value, of, of.keeps(value))
	}
	return value
}

func thinned(list []any, of Records, keep func(n int) bool) []any {
	var kept []any
	left := 0
	for n, element := range list {
		if !keep(n) {
			left++
			continue
		}
		kept = append(kept, thin(element, of))
	}
	if left > 0 {
		kept = append(kept, fmt.Sprintf("… %d more", left))
	}
	return kept
}

// whole is how many bytes of text, at most limit, end with a whole character.
func whole[T string | []byte](text T, limit int) int {
	if len(text) <= limit {
		return len(text)
	}
	for limit > 0 && !utf8.RuneStart(text[limit]) {
		limit--
	}
	return limit
}
