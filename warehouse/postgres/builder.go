package postgres

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"spillway/warehouse"
)

// builder composes codecs of arrays, domains and composite types from those of their parts.
type builder struct {
	found map[uint32]typeRow
	done  codecs
}

// needsMoney reports whether a field is or holds money, whose number of decimals is the server's to say.
func (b builder) needsMoney(fields []pgconn.FieldDescription) bool {
	for _, f := range fields {
		if f.DataTypeOID == oidMoney {
			return true
		}
	}
	for _, r := range b.found {
		if slices.Contains(r.parts(), oidMoney) {
			return true
		}
	}
	return false
}

func (b builder) build(oid uint32) codec {
	if c, ok := b.done[oid]; ok {
		return c
	}
	c := b.compose(oid)
	b.done[oid] = c
	return c
}

func (b builder) compose(oid uint32) codec {
	if c, ok := scalar(oid); ok {
		return c
	}
	r := b.found[oid]
	switch {
	case r.Kind == "d":
		return b.build(r.Base)
	case r.Element != 0:
		element := b.build(r.Element)
		return codec{
			class: warehouse.JSON, text: array(element.text, r.Delimiter[0]),
			form: "array " + r.Delimiter + " (" + element.form + ")",
		}
	case r.Kind == "c":
		var names []string
		if err := json.Unmarshal([]byte(r.Names), &names); err != nil {
			return asText
		}
		var fields []field
		var form strings.Builder
		form.WriteString("composite")
		for i, part := range r.fieldTypes() {
			c := b.build(part)
			fields = append(fields, field{names[i], c.text})
			fmt.Fprintf(&form, " %q (%s)", names[i], c.form)
		}
		return codec{class: warehouse.JSON, text: composite(fields), form: form.String()}
	}
	return asText
}
