package sqldb

import "strconv"

// Interval is the ISO 8601 text of an interval, each of whose three parts has a sign of its own:
// "P1Y2M3DT4H5M6.5S", "P-1DT-2H", "PT0S".
func Interval(months, days int32, micros int64) string {
	b := []byte{'P'}
	b = unit(b, int64(months/12), 'Y')
	b = unit(b, int64(months%12), 'M')
	b = unit(b, int64(days), 'D')
	if micros != 0 {
		b = append(b, 'T')
		b = unit(b, micros/microsPerHour, 'H')
		b = unit(b, micros%microsPerHour/microsPerMinute, 'M')
		b = seconds(b, micros%microsPerMinute)
	}
	if len(b) == 1 {
		return "PT0S"
	}
	return string(b)
}

func unit(b []byte, n int64, name byte) []byte {
	if n == 0 {
		return b
	}
	return append(strconv.AppendInt(b, n, 10), name)
}

func seconds(b []byte, micros int64) []byte {
	if micros == 0 {
		return b
	}
	if micros < 0 {
		b, micros = append(b, '-'), -micros
	}
	b = strconv.AppendInt(b, micros/microsPerSecond, 10)
	b = append(b, fraction(micros%microsPerSecond, 6)...)
	return append(b, 'S')
}
