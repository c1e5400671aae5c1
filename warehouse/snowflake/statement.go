package snowflake

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"spillway/warehouse"
)

// readsOnly refuses sql that is not one SELECT. Snowflake has neither read-only sessions nor read-only transactions,
// so what it cannot refuse is refused before it is sent: other statements, chains of several, and the anonymous
// procedure that begins with WITH.
func readsOnly(sql string) error {
	words := scan(sql)
	switch {
	case words.unclosed != "":
		return notQuery("the model has " + words.unclosed + " that does not end")
	case words.first == "":
		return notQuery("the model holds no statement")
	case words.first != "SELECT" && words.first != "WITH" && words.first != "VALUES":
		return notQuery("the model begins with " + words.first)
	case words.second:
		return notQuery("the model holds more than one statement")
	case words.procedure:
		return notQuery("the model holds a procedure")
	}
	return nil
}

func notQuery(message string) error {
	return &warehouse.Error{Message: message, Hint: "a model is one SELECT statement and only reads"}
}

// outline is what has to be known of a statement.
type outline struct {
	first     string // the first word, in upper case
	second    bool   // something follows a semicolon or the operator ->>
	procedure bool   // AS PROCEDURE stands in it
	unclosed  string // what has a beginning and no end
}

// scan goes through a statement, past comments, texts and quoted names.
func scan(sql string) outline {
	var o outline
	var before string
	ended := false
	for sql != "" {
		token, kind := cut(sql)
		sql = sql[len(token):]
		switch {
		case kind == space:
			continue
		case kind != word && kind != sign:
			if kind != quoted {
				o.unclosed = string(kind)
			}
		case token == "->>":
			o.second = true
		case token == ";":
			ended = true
			continue
		case kind == word:
			token = strings.ToUpper(token)
			o.procedure = o.procedure || before == "AS" && token == "PROCEDURE"
			if o.first == "" {
				o.first = token
			}
		case o.first == "" && token != "(":
			o.first = token
		}
		o.second = o.second || ended
		before = token
	}
	return o
}

// kind is the kind of a token, or what does not end in it.
type kind string

const (
	space  kind = "space" // and comments
	word   kind = "word"
	sign   kind = "sign"
	quoted kind = "quoted"
)

// cut returns the first token of sql, which is not empty.
func cut(sql string) (token string, k kind) {
	for _, b := range [...]struct {
		begin, end, escape string
		kind               kind
		unclosed           kind
	}{
		{"--", "\n", "", space, space},
		{"//", "\n", "", space, space},
		{"/*", "*/", "", space, "a comment"},
		{"$$", "$$", "", quoted, "a text"},
		{"'", "'", `\`, quoted, "a text"},
		{`"`, `"`, "", quoted, "a quoted name"},
	} {
		if !strings.HasPrefix(sql, b.begin) {
			continue
		}
		if end := find(sql[len(b.begin):], b.end, b.escape); end >= 0 {
			return sql[:len(b.begin)+end+len(b.end)], b.kind
		}
		return sql, b.unclosed
	}
	if strings.HasPrefix(sql, "->>") {
		return "->>", sign
	}
	first, size := utf8.DecodeRuneInString(sql)
	switch {
	case unicode.IsSpace(first):
		return sql[:size], space
	case !inWord(first):
		return sql[:size], sign
	}
	if end := strings.IndexFunc(sql, func(r rune) bool { return !inWord(r) }); end >= 0 {
		return sql[:end], word
	}
	return sql, word
}

func inWord(r rune) bool { return r == '_' || r == '$' || unicode.IsLetter(r) || unicode.IsDigit(r) }

// find returns where end stands in text, past what escape hides. A quote that is doubled ends one text and begins the
// next, which comes to the same.
func find(text, end, escape string) int {
	for at := 0; at < len(text); at++ {
		switch {
		case escape != "" && strings.HasPrefix(text[at:], escape):
			at++
		case strings.HasPrefix(text[at:], end):
			return at
		}
	}
	return -1
}
