package mappings

// RowError says why one row cannot be rendered. It never holds a value of the row, so that it may stand in logs
// and in the run log (invariant 10).
type RowError struct {
	Code   string // one of the codes below: short and stable, for grouping
	Field  string // the destination field, or the column where the key is meant
	Reason string // for people
}

// The codes of rows that cannot be rendered.
const (
	CodeNullKey        = "null_key"        // a key that is null or blank, or has a part that is null
	CodeNullIdentifier = "null_identifier" // an identifier that is null or blank
	CodeBadValue       = "bad_value"       // a value that the field's type cannot hold
	CodeUnmapped       = "unmapped_value"  // a value that the field's map does not list, without a default
	CodeExpression     = "expression"      // an expression that fails on this row
	CodeTooLong        = "too_long"        // a key, an identifier or a value beyond its limit
)

func (e *RowError) Error() string {
	if e.Field == "" {
		return e.Reason + " (" + e.Code + ")"
	}
	return e.Field + ": " + e.Reason + " (" + e.Code + ")"
}
