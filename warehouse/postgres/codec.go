package postgres

import (
	"strconv"

	"spillway/warehouse"
	"spillway/warehouse/sqldb"
)

// codec reads the values of one type. Both functions read one value that is not null; src is theirs only during
// the call.
type codec struct {
	class  warehouse.Type
	text   decoder
	binary decoder   // nil where text is as good or exact only as text
	plain  plainText // of the format that results have the type in; nil where a value has to be decoded
	cell   toCell    // of the same format; nil where a value has to be decoded
	form   string    // names all that the decoders were made of, see Pack
}

type decoder func(src []byte) (warehouse.Value, error)

// asText is for every type without a codec of its own: the server's text.
var asText = codec{class: warehouse.String, text: textString, plain: plainString, cell: stringCell, form: "text"}

// The server's numbers of its built-in types, which are part of its protocol and never change.
const (
	oidBool        = 16
	oidBytea       = 17
	oidName        = 19
	oidInt8        = 20
	oidInt2        = 21
	oidInt4        = 23
	oidText        = 25
	oidOID         = 26
	oidJSON        = 114
	oidFloat4      = 700
	oidFloat8      = 701
	oidMoney       = 790
	oidBPChar      = 1042
	oidVarchar     = 1043
	oidDate        = 1082
	oidTime        = 1083
	oidTimestamp   = 1114
	oidTimestampTZ = 1184
	oidInterval    = 1186
	oidTimeTZ      = 1266
	oidNumeric     = 1700
	oidUUID        = 2950
	oidJSONB       = 3802
)

// isScalar reports whether a type needs nothing from the catalog.
func isScalar(oid uint32) bool {
	_, ok := scalar(oid)
	return ok || oid == oidMoney
}

// scalar returns the codec of a type whose number says all there is to it.
func scalar(oid uint32) (codec, bool) {
	c, ok := byNumber(oid)
	c.form = strconv.FormatUint(uint64(oid), 10)
	return c, ok
}

func byNumber(oid uint32) (codec, bool) {
	switch oid {
	case oidBool:
		return codec{class: warehouse.Bool, text: textBool, binary: binaryBool, plain: plainBool, cell: boolCell}, true
	case oidInt2:
		return codec{class: warehouse.Int, text: textInt, binary: binaryInt2, plain: plainInt, cell: intCell}, true
	case oidInt4:
		return codec{class: warehouse.Int, text: textInt, binary: binaryInt4, plain: plainInt, cell: intCell}, true
	case oidInt8:
		return codec{class: warehouse.Int, text: textInt, binary: binaryInt8, plain: plainInt, cell: intCell}, true
	case oidOID:
		return codec{class: warehouse.Int, text: textInt, binary: binaryOID, plain: plainOID, cell: oidCell}, true
	case oidFloat4:
		return codec{class: warehouse.Float, text: textFloat4, binary: binaryFloat4}, true
	case oidFloat8:
		return codec{class: warehouse.Float, text: textFloat, binary: binaryFloat8, cell: floatCell}, true
	case oidNumeric:
		return codec{class: warehouse.Numeric, text: textNumeric, binary: binaryNumeric, plain: plainNumeric, cell: numericCell}, true
	case oidDate:
		return codec{class: warehouse.Day, text: textDate, binary: binaryDate, plain: plainDate}, true
	case oidTimestamp, oidTimestampTZ:
		return codec{class: warehouse.Time, text: textTimestamp, binary: binaryTimestamp, plain: plainTimestamp, cell: timestampCell}, true
	case oidBytea:
		return codec{class: warehouse.Bytes, text: textBytea, binary: binaryBytea}, true
	case oidJSON, oidJSONB:
		return codec{class: warehouse.JSON, text: textJSON, cell: documentCell}, true
	case oidText, oidVarchar, oidBPChar, oidName, oidUUID, oidTime, oidTimeTZ, oidInterval:
		return asText, true
	}
	return codec{}, false
}

func textString(src []byte) (warehouse.Value, error) { return string(src), nil }

func textJSON(src []byte) (warehouse.Value, error) { return sqldb.Document(src), nil }
