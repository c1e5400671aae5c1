package project

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"spillway/syncer/settings"
)

const million = 1_000_000

var errShare = errors.New(`must be a share from "0%" to "100%" or a whole number of rows`)

// Share is a part of a number of rows, "10%", or so many rows, 500.
type Share struct {
	Rows       int64 // where Relative is false
	PerMillion int64 // where Relative is true: 100,000 is "10%"
	Relative   bool
}

// Of returns how many of total rows the share is, rounded down.
func (s Share) Of(total int64) int64 {
	if !s.Relative {
		return s.Rows
	}
	// total in two parts, so that no product overflows
	return total/million*s.PerMillion + total%million*s.PerMillion/million
}

// UnmarshalText reads "10%", "0.5%" and "500". A percentage is from 0 to 100, with at most four decimals.
func (s *Share) UnmarshalText(text []byte) error {
	number, relative := strings.CutSuffix(strings.TrimSpace(string(text)), "%")
	number = strings.TrimSpace(number)
	if !relative {
		n, err := strconv.ParseInt(number, 10, 64)
		if err != nil || n < 0 {
			return errShare
		}
		*s = Share{Rows: n}
		return nil
	}
	whole, decimals, hasDecimals := strings.Cut(number, ".")
	if len(decimals) > 4 || hasDecimals && decimals == "" {
		return errShare
	}
	n, err := strconv.ParseUint(whole+decimals+strings.Repeat("0", 4-len(decimals)), 10, 31)
	if err != nil || whole == "" || n > million {
		return errShare
	}
	*s = Share{PerMillion: int64(n), Relative: true}
	return nil
}

// MarshalText writes the share as UnmarshalText reads it.
func (s Share) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

func (s Share) String() string {
	if !s.Relative {
		return strconv.FormatInt(s.Rows, 10)
	}
	text := fmt.Sprintf("%d.%04d", s.PerMillion/10_000, s.PerMillion%10_000)
	return strings.TrimSuffix(strings.TrimRight(text, "0"), ".") + "%"
}

// Shape declares the share to the schema and the documentation.
func (*Share) Shape() settings.Shape {
	return settings.Shape{
		Type: "share or number of rows",
		Schema: map[string]any{"anyOf": []any{
			map[string]any{"type": "integer", "minimum": 0},
			map[string]any{"type": "string", "pattern": `^\s*([0-9]+|(100(\.0{1,4})?|[0-9]{1,2}(\.[0-9]{1,4})?)\s*%)\s*$`},
		}},
	}
}
