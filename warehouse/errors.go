package warehouse

import (
	"errors"
	"strings"
)

// ErrTruncated marks a result that ended without proof that it was read to its end. Nothing may be concluded
// from the rows that are missing.
var ErrTruncated = errors.New("the result was cut short")

// Error is a failure as a SQL system reported it, with what a person needs to mend it.
type Error struct {
	Code      string // the system's own code, such as the SQLSTATE "42P01"; may be empty
	Message   string // the system's own words
	Hint      string // what to do about it; may be empty
	Temporary bool   // whether trying again later may help
	Err       error  // the driver's error; may be nil
}

func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Message)
	if e.Code != "" {
		b.WriteString(" (" + e.Code + ")")
	}
	if e.Hint != "" {
		b.WriteString("; " + e.Hint)
	}
	return b.String()
}

func (e *Error) Unwrap() error { return e.Err }

// Temporary reports whether trying again later may help against err.
func Temporary(err error) bool {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Temporary
	}
	return errors.Is(err, ErrTruncated)
}
