package settings

import (
	"maps"
	"reflect"
)

// Object returns the JSON Schema, draft-04, of a table that is read into the struct v or the struct it points to. It
// refers to the definitions that Definitions returns.
func Object(v any) map[string]any {
	return object(fieldsOf(structOf(v)))
}

// Definitions are what the schemas of this package refer to under "definitions".
func Definitions() map[string]any {
	reference := func(key string, value map[string]any) map[string]any {
		return map[string]any{
			"type":                 "object",
			"properties":           map[string]any{key: value},
			"required":             []string{key},
			"additionalProperties": false,
		}
	}
	references := []any{
		reference(secretEnv, map[string]any{
			"type": "string", "pattern": "^[A-Za-z_][A-Za-z0-9_]*$", "description": "The name of an environment variable.",
		}),
		reference(secretFile, map[string]any{
			"type": "string", "minLength": 1, "description": "A file that holds the secret and nothing else.",
		}),
		reference(secretCommand, map[string]any{
			"type": "array", "items": stringSchema(), "minItems": 1,
			"description": "A program that prints the secret, and its arguments. No shell is involved.",
		}),
	}
	return map[string]any{
		"secret":        map[string]any{"oneOf": references},
		"literalSecret": map[string]any{"oneOf": append([]any{map[string]any{"type": "string", "minLength": 1}}, references...)},
	}
}

func object(fields []field) map[string]any {
	properties := map[string]any{}
	var required []string
	for _, f := range fields {
		properties[f.name] = f.schema()
		if f.required {
			required = append(required, f.name)
		}
	}
	o := map[string]any{"type": "object", "properties": properties, "additionalProperties": false}
	if len(required) > 0 { // draft-04 takes no empty list
		o["required"] = required
	}
	return o
}

// schema describes the value of one setting, with its help and its default.
func (f field) schema() map[string]any {
	s := f.form()
	if _, isReference := s["$ref"]; isReference { // whose neighbours draft-04 ignores
		s = map[string]any{"allOf": []any{s}}
	}
	s["description"] = f.help
	if f.preset != "" {
		s["default"] = f.presetValue()
	}
	return s
}

func (f field) form() map[string]any {
	if shape, ok := f.shape(); ok {
		return maps.Clone(shape.Schema)
	}
	switch f.kind {
	case kindBool:
		return map[string]any{"type": "boolean"}
	case kindInt:
		return f.bounded(map[string]any{"type": "integer"})
	case kindFloat:
		return f.bounded(map[string]any{"type": "number"})
	case kindDuration:
		return map[string]any{"type": "string", "pattern": durationPattern}
	case kindList:
		return f.list()
	case kindOneOrMany:
		return map[string]any{"anyOf": []any{f.word(), f.list()}}
	case kindAny:
		return map[string]any{}
	case kindStrings:
		return map[string]any{"type": "object", "additionalProperties": f.word()}
	case kindSecret:
		return f.reference()
	case kindSecrets:
		return map[string]any{"type": "object", "additionalProperties": f.reference()}
	case kindStruct:
		return object(fieldsOf(f.structType()))
	case kindStructs:
		return map[string]any{"type": "object", "additionalProperties": object(fieldsOf(f.structType()))}
	case kindRaw, kindAnything, kindDecodesOwn:
		return map[string]any{"type": "object"}
	default:
		return f.word()
	}
}

func (f field) word() map[string]any {
	s := stringSchema()
	if f.enum != nil {
		s["enum"] = f.enum
	}
	if f.required {
		s["minLength"] = 1
	}
	return s
}

func (f field) list() map[string]any {
	s := map[string]any{"type": "array", "items": f.word()}
	if f.required {
		s["minItems"] = 1
	}
	return s
}

func (f field) reference() map[string]any {
	if f.literal {
		return map[string]any{"$ref": "#/definitions/literalSecret"}
	}
	return map[string]any{"$ref": "#/definitions/secret"}
}

// bounded adds the bounds of a number.
func (f field) bounded(s map[string]any) map[string]any {
	for bound, keyword := range map[string]string{f.min: "minimum", f.max: "maximum"} {
		if bound != "" {
			s[keyword] = field{kind: kindFloat, preset: bound}.presetValue()
		}
	}
	if _, given := s["minimum"]; !given && reflect.Zero(f.typ).CanUint() {
		s["minimum"] = 0
	}
	return s
}

func (f field) shape() (Shape, bool) {
	shaped, ok := reflect.TypeAssert[Shaped](reflect.New(f.typ))
	if !ok {
		return Shape{}, false
	}
	return shaped.Shape(), true
}

func stringSchema() map[string]any { return map[string]any{"type": "string"} }
