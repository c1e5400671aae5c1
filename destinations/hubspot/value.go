package hubspot

import (
	"encoding/json"
	"math/big"
	"strconv"
	"strings"
	"time"

	"spillway/destinations"
)

// instant is how HubSpot writes a time: ISO 8601 in UTC, to the millisecond.
const instant = "2006-01-02T15:04:05.000Z"

// text is v as the text that every value of a property is sent as. An empty one clears the property.
func text(v destinations.Value) string {
	switch v := v.(type) {
	case string:
		return v
	case bool:
		return strconv.FormatBool(v)
	case json.Number:
		return digits(v)
	case destinations.Date:
		return string(v)
	case time.Time:
		return v.UTC().Format(instant)
	case json.RawMessage:
		return string(v)
	case []destinations.Value:
		return options(v)
	}
	return ""
}

// options joins the options of a property that takes several. A semicolon at the start would add to the ones that
// are chosen rather than replace them, so empty options are left out.
func options(list []destinations.Value) string {
	var texts []string
	for _, v := range list {
		if t := text(v); t != "" {
			texts = append(texts, t)
		}
	}
	return strings.Join(texts, ";")
}

// digits is n without an exponent, exactly.
func digits(n json.Number) string {
	const longest = 400 // digits before or after the point: more than any double has
	mantissa, exponent, ok := strings.Cut(strings.ToLower(n.String()), "e")
	power, err := strconv.Atoi(exponent)
	if !ok || err != nil || power > longest || power < -longest {
		return n.String()
	}
	exact, ok := new(big.Rat).SetString(n.String())
	if !ok {
		return n.String()
	}
	_, fraction, _ := strings.Cut(mantissa, ".")
	return exact.FloatString(max(0, len(fraction)-power))
}
