package settings

// Setting describes one setting to people and programs.
type Setting struct {
	Name     string    `json:"name"`
	Type     string    `json:"type"`
	Required bool      `json:"required"`
	Secret   bool      `json:"secret"`
	Default  any       `json:"default"` // as TOML would hold it; nil where there is none
	Help     string    `json:"help"`
	Enum     []string  `json:"enum"`
	Fields   []Setting `json:"fields,omitempty"` // the keys of a table
}

// Describe lists the settings that the struct v, or the struct it points to, declares.
func Describe(v any) []Setting {
	return describe(fieldsOf(structOf(v)))
}

func describe(fields []field) []Setting {
	list := make([]Setting, len(fields))
	for i, f := range fields {
		list[i] = Setting{
			Name: f.name, Type: f.typeName(), Required: f.required, Secret: f.secret(), Help: f.help, Enum: f.enum,
		}
		if f.enum == nil {
			list[i].Enum = []string{}
		}
		if f.preset != "" {
			list[i].Default = f.presetValue()
		}
		if f.kind == kindStruct || f.kind == kindStructs {
			list[i].Fields = describe(fieldsOf(f.structType()))
		}
	}
	return list
}

// typeName is the word that the documentation has for the form of a setting.
func (f field) typeName() string {
	if shape, ok := f.shape(); ok {
		return shape.Type
	}
	switch f.kind {
	case kindBool:
		return "boolean"
	case kindInt:
		return "integer"
	case kindFloat:
		return "number"
	case kindDuration:
		return "duration"
	case kindList:
		return "list of strings"
	case kindOneOrMany:
		return "string or list of strings"
	case kindAny:
		return "any"
	case kindStrings:
		return "table of strings"
	case kindSecret:
		return "secret"
	case kindSecrets:
		return "table of secrets"
	case kindStructs:
		return "table of tables"
	case kindStruct, kindRaw, kindAnything, kindDecodesOwn:
		return "table"
	default:
		return "string"
	}
}
