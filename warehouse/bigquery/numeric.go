package bigquery

import (
	"errors"
	"strconv"
	"strings"
)

var errNumber = errors.New("a number cannot be read")

// maxExponent bounds the zeros that an exponent may stand for; BIGNUMERIC has 77 digits.
const maxExponent = 400

// appendDecimal appends the digits of a number. It has as many decimals as scale says, or all that are not zeros at its
// end where scale is negative. Decimals are added but never cut.
func appendDecimal(dst []byte, text string, scale int) ([]byte, error) {
	sign := ""
	switch {
	case strings.HasPrefix(text, "-"):
		sign, text = "-", text[1:]
	case strings.HasPrefix(text, "+"):
		text = text[1:]
	}
	text, exponent, err := cutExponent(text)
	if err != nil {
		return dst, err
	}
	whole, fraction, _ := strings.Cut(text, ".")
	if whole == "" && fraction == "" || !digits(whole) || !digits(fraction) {
		return dst, errNumber
	}
	switch {
	case exponent > 0:
		fraction += strings.Repeat("0", max(0, exponent-len(fraction)))
		whole, fraction = whole+fraction[:exponent], fraction[exponent:]
	case exponent < 0:
		whole = strings.Repeat("0", max(0, -exponent-len(whole))) + whole
		point := len(whole) + exponent
		whole, fraction = whole[:point], whole[point:]+fraction
	}
	whole, fraction = strings.TrimLeft(whole, "0"), strings.TrimRight(fraction, "0")
	if whole == "" && fraction == "" {
		sign = ""
	}
	if whole == "" {
		whole = "0"
	}
	dst = append(append(dst, sign...), whole...)
	if fraction == "" && scale <= 0 {
		return dst, nil
	}
	dst = append(append(dst, '.'), fraction...)
	for range scale - len(fraction) {
		dst = append(dst, '0')
	}
	return dst, nil
}

func cutExponent(text string) (mantissa string, exponent int, err error) {
	at := strings.IndexAny(text, "eE")
	if at < 0 {
		return text, 0, nil
	}
	exponent, err = strconv.Atoi(text[at+1:])
	if err != nil || exponent > maxExponent || exponent < -maxExponent {
		return "", 0, errNumber
	}
	return text[:at], exponent, nil
}

func digits(text string) bool {
	for _, c := range []byte(text) {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}
