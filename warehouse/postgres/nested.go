package postgres

import (
	"encoding/json"
	"errors"
	"sort"
	"strings"

	"spillway/warehouse"
	"spillway/warehouse/sqldb"
)

var (
	errArray     = errors.New("an array cannot be read")
	errComposite = errors.New("a composite value cannot be read")
)

// array reads the text of an array, {1,NULL,"a b"}, as a JSON array. Bounds other than 1 are not kept.
func array(element decoder, delimiter byte) decoder {
	return func(src []byte) (warehouse.Value, error) {
		text := string(src)
		if strings.HasPrefix(text, "[") {
			_, body, ok := strings.Cut(text, "=")
			if !ok {
				return nil, errArray
			}
			text = body
		}
		p := literal{text: text, delimiter: delimiter}
		doc, err := p.array(make([]byte, 0, len(text)+2), element)
		if err != nil {
			return nil, err
		}
		if p.pos != len(p.text) {
			return nil, errArray
		}
		return json.RawMessage(doc), nil
	}
}

// literal is the text of an array or a composite value while it is read.
type literal struct {
	text      string
	pos       int
	delimiter byte
}

func (p *literal) peek() byte {
	if p.pos < len(p.text) {
		return p.text[p.pos]
	}
	return 0
}

func (p *literal) array(dst []byte, element decoder) ([]byte, error) {
	if p.peek() != '{' {
		return nil, errArray
	}
	p.pos++
	dst = append(dst, '[')
	if p.peek() == '}' {
		p.pos++
		return append(dst, ']'), nil
	}
	for {
		var err error
		if p.peek() == '{' {
			dst, err = p.array(dst, element)
		} else {
			dst, err = p.element(dst, element)
		}
		if err != nil {
			return nil, err
		}
		c := p.peek()
		p.pos++
		switch c {
		case p.delimiter:
			dst = append(dst, ',')
		case '}':
			return append(dst, ']'), nil
		default:
			return nil, errArray
		}
	}
}

func (p *literal) element(dst []byte, element decoder) ([]byte, error) {
	var text string
	if p.peek() == '"' {
		var ok bool
		if text, ok = p.quoted(); !ok {
			return nil, errArray
		}
	} else {
		if text = p.bare('}'); text == "NULL" {
			return append(dst, "null"...), nil
		}
	}
	v, err := element([]byte(text))
	if err != nil {
		return nil, err
	}
	return sqldb.AppendJSON(dst, v), nil
}

// quoted reads a text in double quotes, in which a backslash or a doubled quote stands for the next character.
func (p *literal) quoted() (string, bool) {
	var b strings.Builder
	for p.pos++; p.pos < len(p.text); p.pos++ {
		switch c := p.text[p.pos]; c {
		case '\\':
			p.pos++
			b.WriteByte(p.peek())
		case '"':
			if p.pos+1 < len(p.text) && p.text[p.pos+1] == '"' {
				p.pos++
				b.WriteByte('"')
				continue
			}
			p.pos++
			return b.String(), true
		default:
			b.WriteByte(c)
		}
	}
	return "", false
}

// bare reads up to the delimiter or the closing bracket.
func (p *literal) bare(closing byte) string {
	start := p.pos
	for p.pos < len(p.text) && p.text[p.pos] != p.delimiter && p.text[p.pos] != closing {
		p.pos++
	}
	return p.text[start:p.pos]
}

// field is one part of a composite type.
type field struct {
	name   string
	decode decoder
}

// composite reads the text of a composite value, (1,"a b",), as a JSON object.
func composite(fields []field) decoder {
	order := make([]int, len(fields))
	for i := range order {
		order[i] = i
	}
	sort.Slice(order, func(a, b int) bool { return fields[order[a]].name < fields[order[b]].name })
	return func(src []byte) (warehouse.Value, error) {
		values, err := compositeValues(string(src), fields)
		if err != nil {
			return nil, err
		}
		dst := []byte{'{'}
		for i, at := range order {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = append(sqldb.AppendJSON(dst, fields[at].name), ':')
			dst = sqldb.AppendJSON(dst, values[at])
		}
		return json.RawMessage(append(dst, '}')), nil
	}
}

func compositeValues(text string, fields []field) ([]warehouse.Value, error) {
	p := literal{text: text, delimiter: ','}
	if p.peek() != '(' {
		return nil, errComposite
	}
	p.pos++
	values := make([]warehouse.Value, len(fields))
	for i, f := range fields {
		if i > 0 {
			if p.peek() != ',' {
				return nil, errComposite
			}
			p.pos++
		}
		part, null, ok := p.part()
		if !ok {
			return nil, errComposite
		}
		if null {
			continue
		}
		var err error
		if values[i], err = f.decode([]byte(part)); err != nil {
			return nil, err
		}
	}
	if p.text[p.pos:] != ")" {
		return nil, errComposite
	}
	return values, nil
}

// part reads one field; nothing at all between commas is null.
func (p *literal) part() (text string, null, ok bool) {
	if p.peek() == '"' {
		text, ok = p.quoted()
		return text, false, ok
	}
	text = p.bare(')')
	return text, text == "", true
}
