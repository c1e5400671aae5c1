package snowflake

import (
	"fmt"
	"strings"

	sf "github.com/snowflakedb/gosnowflake/v2"

	"spillway/warehouse"
)

// form is how the values of a type are packed, and so what is made of them.
type form uint8

const (
	formText     form = iota // UTF-8
	formDocument             // the text of a document
	formBytes                // the bytes
	formBool                 // one byte, 0 or 1
	formNumber               // an integer in 8 bytes, or in 16 beyond them, least significant first; the column has its scale
	formDecfloat             // the digits
	formFloat                // the 8 bytes of IEEE 754
	formDay                  // days since 1970 in 4 bytes
	formTime                 // nanoseconds since midnight in 8 bytes
	formInstant              // seconds since 1970 in 8 bytes and nanoseconds in 4
)

// column is a column of a result with all that it takes to read its values.
type column struct {
	warehouse.Column

	form  form
	scale int
}

// describe reads the types of a result's columns.
func describe(loader sf.ArrowStreamLoader) []column {
	types := loader.RowTypes()
	columns := make([]column, len(types))
	for i, t := range types {
		c := typeOf(strings.ToLower(t.Type), t.Precision, t.Scale, t.Length)
		c.Name = t.Name
		columns[i] = c
	}
	return columns
}

func columnsOf(columns []column) []warehouse.Column {
	out := make([]warehouse.Column, len(columns))
	for i, c := range columns {
		out[i] = c.Column
	}
	return out
}

// longest is the length of a VARCHAR, in characters, and of a BINARY, in bytes, that was declared without one.
const (
	longestText  = 16 << 20
	longestBytes = 8 << 20
)

func typeOf(name string, precision, scale, length int64) column {
	simple := func(class warehouse.Type, f form) column {
		return column{Column: warehouse.Column{Type: class, Native: strings.ToUpper(name)}, form: f, scale: int(scale)}
	}
	switch name {
	case "fixed":
		c := simple(warehouse.Int, formNumber)
		if scale > 0 {
			c.Type = warehouse.Numeric
		}
		c.Native = fmt.Sprintf("NUMBER(%d,%d)", precision, scale)
		return c
	case "decfloat":
		return simple(warehouse.Numeric, formDecfloat)
	case "real":
		c := simple(warehouse.Float, formFloat)
		c.Native = "FLOAT"
		return c
	case "boolean":
		return simple(warehouse.Bool, formBool)
	case "date":
		return simple(warehouse.Day, formDay)
	case "time":
		return fractional(simple(warehouse.String, formTime))
	case "timestamp_ntz", "timestamp_ltz", "timestamp_tz":
		return fractional(simple(warehouse.Time, formInstant))
	case "binary":
		return sized(simple(warehouse.Bytes, formBytes), length, longestBytes)
	case "variant", "object", "array", "map", "geography", "geometry", "vector":
		return simple(warehouse.JSON, formDocument)
	case "text":
		c := simple(warehouse.String, formText)
		c.Native = "VARCHAR"
		return sized(c, length, longestText)
	}
	return simple(warehouse.String, formText)
}

func fractional(c column) column {
	c.Native += fmt.Sprintf("(%d)", c.scale)
	return c
}

func sized(c column, length, longest int64) column {
	if length > 0 && length < longest {
		c.Native += fmt.Sprintf("(%d)", length)
	}
	return c
}
