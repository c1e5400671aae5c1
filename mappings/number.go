package mappings

import (
	"math"
	"strconv"
	"strings"
)

// maxExponent is the largest power of ten, up or down, that a number written with an exponent may have.
const maxExponent = 999

// floatText writes f in the shortest digits that read back as f, in JSON's grammar, with an exponent only where
// the digits would be unreasonably many. It reports false for NaN and the infinities, which JSON does not have.
func floatText(f float64) (string, bool) {
	var digits [32]byte
	text, ok := appendFloat(digits[:0], f)
	return string(text), ok
}

// appendFloat appends what floatText returns.
func appendFloat(dst []byte, f float64) ([]byte, bool) {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return dst, false
	}
	if f == 0 {
		return append(dst, '0'), true
	}
	if abs := math.Abs(f); abs >= 1e-7 && abs < 1e21 {
		return strconv.AppendFloat(dst, f, 'f', -1, 64), true
	}
	return strconv.AppendFloat(dst, f, 'e', -1, 64), true
}

// number is a decimal number taken apart: its value is whole.frac × 10^exp, negated if negative.
type number struct {
	negative    bool
	whole, frac string // digits
	exp         int
}

// isNumber reports whether s is a number by JSON's grammar, with an exponent of at most maxExponent.
func isNumber(s string) bool {
	_, ok := parseNumber(s)
	return ok
}

// parseNumber reads what isNumber reports on.
func parseNumber(s string) (number, bool) {
	n, ok := parseDecimal(s)
	if !ok || n.whole == "" || len(n.whole) > 1 && n.whole[0] == '0' || s[0] == '+' {
		return number{}, false
	}
	return n, n.frac != "" || !strings.Contains(s, ".")
}

// parseDecimal reads a number by JSON's grammar, and also takes a leading "+", leading zeros, and a point without
// digits on one side of it. It reports false for anything else, and for exponents beyond maxExponent.
func parseDecimal(s string) (number, bool) {
	var n number
	if s != "" && (s[0] == '-' || s[0] == '+') {
		n.negative = s[0] == '-'
		s = s[1:]
	}
	n.whole, s = leadingDigits(s)
	if s != "" && s[0] == '.' {
		n.frac, s = leadingDigits(s[1:])
	}
	if n.whole == "" && n.frac == "" {
		return number{}, false
	}
	if s == "" {
		return n, true
	}
	if s[0] != 'e' && s[0] != 'E' {
		return number{}, false
	}
	exp, err := strconv.Atoi(s[1:])
	if err != nil || exp > maxExponent || exp < -maxExponent {
		return number{}, false
	}
	n.exp = exp
	return n, true
}

func leadingDigits(s string) (digits, rest string) {
	i := 0
	for i < len(s) && s[i] >= '0' && s[i] <= '9' {
		i++
	}
	return s[:i], s[i:]
}

// exactNumber returns s as a JSON number of the same digits, the scale included, and s itself where it is one.
func exactNumber(s string) (string, bool) {
	if isNumber(s) {
		return s, true
	}
	n, ok := parseDecimal(s)
	if !ok {
		return "", false
	}
	whole := strings.TrimLeft(n.whole, "0")
	if whole == "" {
		whole = "0"
	}
	if n.frac != "" {
		whole += "." + n.frac
	}
	if n.exp != 0 {
		whole += "e" + strconv.Itoa(n.exp)
	}
	if n.negative {
		whole = "-" + whole
	}
	return whole, true
}

// plainNumber returns s in the one plain form that all numbers of its value share, without an exponent or digits
// that say nothing: "1.50" and "+01.5" are "1.5", "-0" is "0".
func plainNumber(s string) (string, bool) {
	n, ok := parseDecimal(s)
	if !ok {
		return "", false
	}
	whole, frac := n.whole, n.frac
	if n.exp > 0 {
		frac += strings.Repeat("0", max(0, n.exp-len(frac)))
		whole, frac = whole+frac[:n.exp], frac[n.exp:]
	} else if n.exp < 0 {
		whole = strings.Repeat("0", max(0, -n.exp-len(whole))) + whole
		at := len(whole) + n.exp
		whole, frac = whole[:at], whole[at:]+frac
	}
	whole, frac = strings.TrimLeft(whole, "0"), strings.TrimRight(frac, "0")
	if whole == "" && frac == "" {
		return "0", true
	}
	if whole == "" {
		whole = "0"
	}
	if frac != "" {
		whole += "." + frac
	}
	if n.negative {
		whole = "-" + whole
	}
	return whole, true
}

// wholeNumber returns s as an integer's digits, if it has no fraction.
func wholeNumber(s string) (string, bool) {
	plain, ok := plainNumber(s)
	return plain, ok && !strings.Contains(plain, ".")
}

// appendNumber appends the form that all texts of one number share: its digits without zeros around them, and
// a power of ten. It ends in a byte that no other part of it is.
func appendNumber(dst []byte, s string) ([]byte, bool) {
	n, ok := parseDecimal(s)
	if !ok {
		return dst, false
	}
	return n.append(dst), true
}

// append appends what appendNumber appends.
func (n *number) append(dst []byte) []byte {
	whole, frac := strings.TrimLeft(n.whole, "0"), n.frac
	exp := n.exp - len(frac)
	if trimmed := strings.TrimRight(frac, "0"); trimmed != "" {
		exp += len(frac) - len(trimmed)
		frac = trimmed
	} else {
		exp += len(frac)
		frac = ""
		trimmed = strings.TrimRight(whole, "0")
		exp += len(whole) - len(trimmed)
		whole = trimmed
	}
	if whole == "" {
		frac = strings.TrimLeft(frac, "0")
		if frac == "" {
			return append(dst, "0e0;"...)
		}
	}
	if n.negative {
		dst = append(dst, '-')
	}
	dst = append(append(dst, whole...), frac...)
	return append(appendExponent(dst, exp), ';')
}

// appendExponent appends a power of ten.
func appendExponent(dst []byte, exp int) []byte {
	if exp >= 0 && exp < 10 {
		return append(dst, 'e', byte('0'+exp))
	}
	return strconv.AppendInt(append(dst, 'e'), int64(exp), 10)
}
