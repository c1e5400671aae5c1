package mysql

import (
	"database/sql/driver"
	"strings"
	"time"

	"spillway/warehouse"
	"spillway/warehouse/sqldb"
)

// day reads "2026-11-20". What is no day of the calendar, such as "0000-00-00", stays text.
func day(v driver.Value) (warehouse.Value, error) {
	b, ok := v.([]byte)
	if !ok {
		return nil, errDriver
	}
	t, err := time.Parse(time.DateOnly, string(b))
	if err != nil {
		return string(b), nil //nolint:nilerr // as the package's contract says
	}
	return sqldb.Day(t.Unix() / (24 * 60 * 60)), nil
}

// instant reads "2026-11-20 15:04:05.999999", which is in UTC as the session is.
func instant(v driver.Value) (warehouse.Value, error) {
	b, ok := v.([]byte)
	if !ok {
		return nil, errDriver
	}
	t, err := time.Parse("2006-01-02 15:04:05.999999", string(b))
	if err != nil {
		return string(b), nil //nolint:nilerr // as the package's contract says
	}
	return sqldb.Instant(t), nil
}

// clock reads "15:04:05.500000". A TIME is also a length of time, up to 838 hours of either sign.
func clock(v driver.Value) (warehouse.Value, error) {
	b, ok := v.([]byte)
	if !ok {
		return nil, errDriver
	}
	text := string(b)
	if strings.Contains(text, ".") {
		text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
	}
	return text, nil
}
