package project

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"spillway/syncer/settings"
)

var errSize = errors.New(`must be a size such as "64MB" or "1GB"`)

// Size is a number of bytes: 64 << 20 is "64MB".
type Size int64

// The units of a size, of which each is 1024 of the one before.
const (
	kilobyte Size = 1 << (10 * (iota + 1))
	megabyte
	gigabyte
	terabyte
)

var units = []struct {
	name string
	size Size
}{{"TB", terabyte}, {"GB", gigabyte}, {"MB", megabyte}, {"KB", kilobyte}}

// UnmarshalText reads "64MB" and "1.5 GB": a number and KB, MB, GB or TB, of 1024 each.
func (s *Size) UnmarshalText(text []byte) error {
	word := strings.ToUpper(strings.TrimSpace(string(text)))
	for _, unit := range units {
		number, ok := strings.CutSuffix(word, unit.name)
		if !ok {
			continue
		}
		number = strings.TrimSpace(number)
		n, err := strconv.ParseFloat(number, 64)
		if err != nil || strings.Trim(number, "0123456789.") != "" || n*float64(unit.size) >= 1<<62 {
			return errSize
		}
		*s = Size(n * float64(unit.size))
		return nil
	}
	return errSize
}

// MarshalText writes the size as UnmarshalText reads it.
func (s Size) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

func (s Size) String() string {
	for _, unit := range units {
		if s >= unit.size && s%unit.size == 0 {
			return fmt.Sprintf("%d%s", s/unit.size, unit.name)
		}
	}
	return fmt.Sprintf("%gKB", float64(s)/float64(kilobyte))
}

// Shape declares the size to the schema and the documentation.
func (*Size) Shape() settings.Shape {
	return settings.Shape{
		Type:   "size",
		Schema: map[string]any{"type": "string", "pattern": `^\s*[0-9]+(\.[0-9]+)?\s*[KkMmGgTt][Bb]\s*$`},
	}
}
