package postgres

import (
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"spillway/warehouse"
	"spillway/warehouse/sqldb"
)

func textBool(src []byte) (warehouse.Value, error) {
	switch string(src) {
	case "t":
		return true, nil
	case "f":
		return false, nil
	}
	return nil, errors.New("a boolean is neither t nor f")
}

func textInt(src []byte) (warehouse.Value, error) {
	n, err := strconv.ParseInt(string(src), 10, 64)
	if err != nil {
		return nil, errors.New("an integer cannot be read")
	}
	return n, nil
}

func textFloat(src []byte) (warehouse.Value, error) {
	f, err := strconv.ParseFloat(string(src), 64)
	if err != nil {
		return nil, errors.New("a float cannot be read")
	}
	return f, nil
}

func textFloat4(src []byte) (warehouse.Value, error) {
	f, err := strconv.ParseFloat(string(src), 32)
	if err != nil {
		return nil, errors.New("a float cannot be read")
	}
	return sqldb.Float32(float32(f)), nil
}

func textNumeric(src []byte) (warehouse.Value, error) {
	switch text := string(src); text {
	case "NaN":
		return math.NaN(), nil
	case "Infinity":
		return math.Inf(1), nil
	case "-Infinity":
		return math.Inf(-1), nil
	default:
		return warehouse.Decimal(text), nil
	}
}

// money reads an amount whatever its locale shows around the digits; decimals is how many of them are a fraction.
func money(decimals int) decoder {
	return func(src []byte) (warehouse.Value, error) {
		var digits strings.Builder
		for _, c := range src {
			switch {
			case (c == '-' || c == '(') && digits.Len() == 0:
				digits.WriteByte('-')
			case c >= '0' && c <= '9':
				digits.WriteByte(c)
			case c == '-':
				return nil, errors.New("an amount of money cannot be read")
			}
		}
		if strings.TrimPrefix(digits.String(), "-") == "" {
			return nil, errors.New("an amount of money has no digits")
		}
		return sqldb.Digits(digits.String(), decimals), nil
	}
}

func textDate(src []byte) (warehouse.Value, error) {
	text := string(src)
	if text == sqldb.Infinity || text == sqldb.NegativeInfinity {
		return text, nil
	}
	if len(text) == len(time.DateOnly) {
		return warehouse.Date(text), nil
	}
	day, err := calendarDay(text)
	if err != nil {
		return nil, err
	}
	return sqldb.Day(day.Unix() / (24 * 60 * 60)), nil
}

// calendarDay reads a day of any year, such as "0044-03-15 BC" and "12026-11-20".
func calendarDay(text string) (time.Time, error) {
	text, bc := strings.CutSuffix(text, " BC")
	var y, m, d int
	if _, err := fmt.Sscanf(text, "%d-%d-%d", &y, &m, &d); err != nil {
		return time.Time{}, errors.New("a date cannot be read")
	}
	if bc {
		y = 1 - y
	}
	return time.Date(y, time.Month(m), d, 0, 0, 0, 0, time.UTC), nil
}

// textTimestamp reads "2026-11-20 15:04:05.999999", with "+00" where the type has a zone, for the session is in UTC.
func textTimestamp(src []byte) (warehouse.Value, error) {
	text := string(src)
	if text == sqldb.Infinity || text == sqldb.NegativeInfinity {
		return text, nil
	}
	text, bc := strings.CutSuffix(text, " BC")
	day, clock, ok := strings.Cut(strings.TrimSuffix(text, "+00"), " ")
	if bc {
		day += " BC"
	}
	midnight, err := calendarDay(day)
	if err != nil || !ok {
		return nil, errors.New("a timestamp cannot be read")
	}
	t, err := time.Parse("15:04:05.999999999", clock)
	if err != nil {
		return nil, errors.New("the time of a timestamp cannot be read")
	}
	return sqldb.Instant(midnight.Add(t.Sub(t.Truncate(24 * time.Hour)))), nil
}

func textBytea(src []byte) (warehouse.Value, error) {
	digits, ok := strings.CutPrefix(string(src), `\x`)
	if !ok {
		return nil, errors.New("a bytea is not in hex")
	}
	b, err := hex.DecodeString(digits)
	if err != nil {
		return nil, errors.New("a bytea is not in hex")
	}
	return b, nil
}
