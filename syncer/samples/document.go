package samples

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
)

// object is an object of JSON with its members in the order in which they stand, be they there twice.
type object []member

type member struct {
	name  string
	value any
}

// deepest is how deep a document may nest.
const deepest = 100

var errDeep = errors.New("the document nests too deep")

// parse reads one document of JSON. Its values are objects, lists ([]any), strings, json.Number, bool and nil.
func parse(text []byte) (any, error) {
	if !json.Valid(text) {
		return nil, errors.New("it is no JSON")
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	return readValue(d, 0)
}

func readValue(d *json.Decoder, depth int) (any, error) {
	token, err := d.Token()
	if err != nil {
		return nil, err
	}
	delim, nested := token.(json.Delim)
	switch {
	case !nested:
		return token, nil
	case depth == deepest:
		return nil, errDeep
	case delim == '[':
		list := []any{}
		for d.More() {
			value, err := readValue(d, depth+1)
			if err != nil {
				return nil, err
			}
			list = append(list, value)
		}
		_, err = d.Token()
		return list, err
	}
	members := object{}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return nil, err
		}
		text, _ := name.(string)
		value, err := readValue(d, depth+1)
		if err != nil {
			return nil, err
		}
		members = append(members, member{text, value})
	}
	_, err = d.Token()
	return members, err
}

// MarshalJSON writes the object as it was read.
func (o object) MarshalJSON() ([]byte, error) {
	b := []byte{'{'}
	for n, m := range o {
		if n > 0 {
			b = append(b, ',')
		}
		name, err := encode(m.name)
		if err != nil {
			return nil, err
		}
		value, err := encode(m.value)
		if err != nil {
			return nil, err
		}
		b = append(append(append(b, name...), ':'), value...)
	}
	return append(b, '}'), nil
}

// encode writes a value without the escapes that JSON does not need.
func encode(v any) (string, error) {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return strings.TrimSuffix(b.String(), "\n"), err
}
