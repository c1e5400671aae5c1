package destinations

import "errors"

var errNotJSON = errors.New("the value is no JSON")

// maxNesting is how deep a document may hold others, as for encoding/json.
const maxNesting = 10_000

// compactor appends a document without its white space, and checks it on the way. encoding/json.Compact does the same
// and takes several times as long for the small documents that columns hold.
type compactor[T string | []byte] struct {
	src T
	at  int
	dst []byte
}

// AppendDocument appends a document of JSON without its white space, as AppendJSON does.
func AppendDocument[T string | []byte](dst []byte, doc T) ([]byte, error) {
	c := compactor[T]{src: doc, dst: dst}
	if !c.value(0) {
		return nil, errNotJSON
	}
	if c.space(); c.at < len(c.src) {
		return nil, errNotJSON
	}
	return c.dst, nil
}

func (c *compactor[T]) space() {
	for c.at < len(c.src) && (c.src[c.at] == ' ' || c.src[c.at] == '\t' || c.src[c.at] == '\r' || c.src[c.at] == '\n') {
		c.at++
	}
}

// next passes b if it follows, and appends it.
func (c *compactor[T]) next(b byte) bool {
	c.space()
	if c.at >= len(c.src) || c.src[c.at] != b {
		return false
	}
	c.at++
	c.dst = append(c.dst, b)
	return true
}

func (c *compactor[T]) value(depth int) bool {
	c.space()
	if c.at >= len(c.src) {
		return false
	}
	switch b := c.src[c.at]; b {
	case '{':
		return c.members(depth, '}', true)
	case '[':
		return c.members(depth, ']', false)
	case '"':
		return c.text()
	case 't':
		return c.word("true")
	case 'f':
		return c.word("false")
	case 'n':
		return c.word("null")
	}
	return c.number()
}

// members passes the inside of an object, whose values have names, or of an array.
func (c *compactor[T]) members(depth int, end byte, named bool) bool {
	if depth >= maxNesting {
		return false
	}
	c.dst = append(c.dst, c.src[c.at])
	c.at++
	if c.next(end) {
		return true
	}
	for {
		if named {
			if c.space(); !c.text() || !c.next(':') {
				return false
			}
		}
		if !c.value(depth + 1) {
			return false
		}
		if !c.next(',') {
			return c.next(end)
		}
	}
}

func (c *compactor[T]) word(w string) bool {
	if len(c.src)-c.at < len(w) || string(c.src[c.at:c.at+len(w)]) != w {
		return false
	}
	c.at += len(w)
	c.dst = append(c.dst, w...)
	return true
}

func (c *compactor[T]) number() bool {
	end := c.at
	for end < len(c.src) && (c.src[end] >= '0' && c.src[end] <= '9' || c.src[end] == '-' || c.src[end] == '+' || c.src[end] == '.' || c.src[end]|0x20 == 'e') {
		end++
	}
	text := c.src[c.at:end]
	if !isNumber(string(text)) {
		return false
	}
	c.dst = append(c.dst, text...)
	c.at = end
	return true
}

// text passes a string as it stands.
func (c *compactor[T]) text() bool {
	if c.at >= len(c.src) || c.src[c.at] != '"' {
		return false
	}
	for end := c.at + 1; end < len(c.src); end++ {
		switch b := c.src[end]; {
		case b == '"':
			c.dst = append(c.dst, c.src[c.at:end+1]...)
			c.at = end + 1
			return true
		case b < ' ':
			return false
		case b == '\\':
			n := escapeLength(c.src[end:])
			if n == 0 {
				return false
			}
			end += n - 1
		}
	}
	return false
}

// escapeLength is the length of the escape that text begins with, 0 if it is none.
func escapeLength[T string | []byte](text T) int {
	if len(text) < 2 {
		return 0
	}
	switch text[1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2
	case 'u':
		if len(text) < 6 {
			return 0
		}
		for _, d := range []byte(text[2:6]) {
			if (d < '0' || d > '9') && (d|0x20 < 'a' || d|0x20 > 'f') {
				return 0
			}
		}
		return 6
	}
	return 0
}
