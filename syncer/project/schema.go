package project

import (
	"maps"

	"spillway/syncer/settings"
)

// draft04 is the version of JSON Schema that editors know for TOML.
const draft04 = "http://json-schema.org/draft-04/schema#"

// Schema returns the JSON Schema of spillway.toml and of syncs/*.toml in one: a document is one or the other.
func (k Kinds) Schema() map[string]any {
	s := k.definitions()
	s["project"], s["sync"] = k.mainSchema(), syncSchema()
	return document("Spillway", map[string]any{"anyOf": []any{reference("project"), reference("sync")}}, s)
}

// ProjectSchema returns the JSON Schema of spillway.toml.
func (k Kinds) ProjectSchema() map[string]any {
	return document("Spillway project", k.mainSchema(), k.definitions())
}

// SyncSchema returns the JSON Schema of syncs/*.toml.
func (k Kinds) SyncSchema() map[string]any {
	return document("Spillway sync", syncSchema(), k.definitions())
}

func document(title string, schema, definitions map[string]any) map[string]any {
	schema = maps.Clone(schema)
	schema["$schema"], schema["title"], schema["definitions"] = draft04, title, definitions
	return schema
}

func (k Kinds) definitions() map[string]any {
	d := settings.Definitions()
	d["field"] = fieldSchema()
	return d
}

// fieldSchema is a column, a form, or a group of fields whose dotted names begin alike.
func fieldSchema() map[string]any {
	var forms []any
	for _, key := range []string{"column", "expr", "value"} {
		forms = append(forms, map[string]any{"required": []string{key}})
	}
	form := settings.Object(fieldForm{})
	form["oneOf"] = forms
	return map[string]any{"anyOf": []any{
		map[string]any{"type": "string", "minLength": 1, "description": "A column."},
		form,
		map[string]any{
			"type": "object", "additionalProperties": reference("field"), "not": map[string]any{"anyOf": forms},
			"description": "Fields whose dotted names begin alike.",
		},
	}}
}

func (k Kinds) mainSchema() map[string]any {
	schema := settings.Object(mainFile{})
	var warehouses, services []any
	for _, d := range k.Warehouses {
		warehouses = append(warehouses, kindSchema(d.Name, d.Title, d.Config()))
	}
	for _, d := range k.Destinations {
		services = append(services, kindSchema(d.Name, d.Title, d.Config()))
	}
	var alerts []any
	for _, d := range k.Alerts {
		s := kindSchema(d.Name, d.Title, d.Config())
		maps.Copy(propertiesOf(s), propertiesOf(settings.Object(alertTable{})))
		alerts = append(alerts, s)
	}
	properties := propertiesOf(schema)
	named(properties, "alerts", alerts)
	named(properties, "warehouses", warehouses)
	named(properties, "destinations", services)
	defaults := syncSchema()
	defaults["description"] = tableIn(properties, "defaults")["description"]
	properties["defaults"] = defaults
	return schema
}

// named makes properties[key] a table of tables, each of one of the kinds.
func named(properties map[string]any, key string, kinds []any) {
	s := tableIn(properties, key)
	s["additionalProperties"] = false
	if len(kinds) == 0 { // which oneOf does not take
		return
	}
	s["patternProperties"] = map[string]any{name.String(): map[string]any{"oneOf": kinds}}
}

func kindSchema(kind, title string, config any) map[string]any {
	s := settings.Object(config)
	propertiesOf(s)[typeKey] = map[string]any{"type": "string", "enum": []string{kind}, "description": title}
	required, _ := s["required"].([]string)
	s["required"] = append([]string{typeKey}, required...)
	s["title"] = title
	return s
}

// syncSchema requires nothing: [defaults] may hold what a sync leaves out.
func syncSchema() map[string]any {
	s := settings.Object(syncFile{})
	delete(s, "required")
	return s
}

func propertiesOf(schema map[string]any) map[string]any { return tableIn(schema, "properties") }

func tableIn(schema map[string]any, key string) map[string]any {
	table, _ := schema[key].(map[string]any)
	return table
}

// Reference is the documentation of the project's own files: the settings of each of their tables.
func Reference() map[string]string {
	return map[string]string{
		FileName:       settings.Markdown(mainFile{}),
		"syncs/*.toml": settings.Markdown(syncFile{}),
		"fields":       settings.Markdown(fieldForm{}),
		"alerts":       settings.Markdown(alertTable{}),
	}
}
