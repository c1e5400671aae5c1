package sqldb

import (
	"bytes"
	"unicode/utf8"
)

// maxSorted is how deep appendSorted looks.
const maxSorted = 32

// appendSorted appends the canonical form of a document that is one already but for its spaces, as most documents are
// that a system made itself: keys sorted, nothing escaped. It is not ok for any other.
func appendSorted(dst, src []byte) ([]byte, bool) {
	if bytes.IndexByte(src, '\\') >= 0 || !utf8.Valid(src) {
		return dst, false
	}
	s := sorted{parser: parser{src: src}, dst: dst}
	s.space()
	if !s.value(0) {
		return dst, false
	}
	s.space()
	return append(s.dst, src[s.from:s.pos]...), s.pos == len(src)
}

// sorted reads such a document, and copies what stands between its spaces.
type sorted struct {
	parser
	dst  []byte
	from int // what follows was not copied yet
}

// space passes spaces.
func (s *sorted) space() {
	if c := s.peek(); c > ' ' {
		return
	}
	end := s.pos
	if s.parser.space(); s.pos > end {
		s.dst = append(s.dst, s.src[s.from:end]...)
		s.from = s.pos
	}
}

func (s *sorted) value(depth int) (ok bool) {
	switch s.peek() {
	case '{':
		return depth < maxSorted && s.members(depth)
	case '[':
		return depth < maxSorted && s.elements(depth)
	case '"':
		_, ok = s.text()
		return ok
	case 't':
		return s.constant("true")
	case 'f':
		return s.constant("false")
	case 'n':
		return s.constant("null")
	}
	return s.passNumber()
}

func (s *sorted) constant(word string) bool {
	if !bytes.HasPrefix(s.src[s.pos:], []byte(word)) {
		return false
	}
	s.pos += len(word)
	return true
}

// text passes a string and returns what it stands for.
func (s *sorted) text() ([]byte, bool) {
	if s.peek() != '"' {
		return nil, false
	}
	start := s.pos + 1
	for i, c := range s.src[start:] {
		switch {
		case c == '"':
			s.pos = start + i + 1
			return s.src[start : start+i], true
		case c < ' ':
			return nil, false
		}
	}
	return nil, false
}

func (s *sorted) members(depth int) bool {
	s.pos++
	s.space()
	if s.peek() == '}' {
		s.pos++
		return true
	}
	var last []byte
	for n := 0; ; n++ {
		s.space()
		key, ok := s.text()
		if !ok || n > 0 && bytes.Compare(last, key) >= 0 {
			return false
		}
		last = key
		s.space()
		if s.peek() != ':' {
			return false
		}
		s.pos++
		s.space()
		if !s.value(depth + 1) {
			return false
		}
		if more, ok := s.separator('}'); !ok || !more {
			return ok
		}
	}
}

func (s *sorted) elements(depth int) bool {
	s.pos++
	s.space()
	if s.peek() == ']' {
		s.pos++
		return true
	}
	for {
		s.space()
		if !s.value(depth + 1) {
			return false
		}
		if more, ok := s.separator(']'); !ok || !more {
			return ok
		}
	}
}

// separator passes what follows an element: a comma, after which there is more, or the closing bracket.
func (s *sorted) separator(closing byte) (more, ok bool) {
	s.space()
	c := s.peek()
	if c != ',' && c != closing {
		return false, false
	}
	s.pos++
	return c == ',', true
}
