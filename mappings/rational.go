package mappings

import (
	"math/big"
	"strings"

	"spillway/warehouse"
)

// maxRationalBits bounds the digits of a computed decimal.
const maxRationalBits = 8192

// places is how many digits after the point, beyond leading zeros, a decimal whose digits do not end is cut to.
const places = 20

// rational returns a number as an exact fraction. A float64 stands for its shortest digits, so that 1.2 is 1.2.
func rational(v any) (*big.Rat, bool) {
	switch v := v.(type) {
	case *big.Rat:
		return v, true
	case int64:
		return new(big.Rat).SetInt64(v), true
	case float64:
		s, ok := floatText(v)
		if !ok {
			return nil, false
		}
		return new(big.Rat).SetString(s)
	case warehouse.Decimal:
		if _, ok := parseDecimal(string(v)); !ok || len(v) > maxRationalBits/4 {
			return nil, false
		}
		return new(big.Rat).SetString(string(v))
	}
	return nil, false
}

// ratText writes r as a plain decimal number, exactly where its digits end.
func ratText(r *big.Rat) string {
	if r.IsInt() {
		return r.Num().String()
	}
	digits, exact := r.FloatPrec()
	if !exact || digits > 2*places {
		leading := len(r.Denom().String()) - len(r.Num().String())
		digits = places + max(0, leading)
	}
	s := r.FloatString(digits)
	if strings.Contains(s, ".") {
		s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	if s == "-0" {
		return "0"
	}
	return s
}

// kept returns r if its digits are within bounds.
func kept(r *big.Rat) (any, *failure) {
	if r.Num().BitLen()+r.Denom().BitLen() > maxRationalBits {
		return nil, inExpression("a number has too many digits")
	}
	return r, nil
}

// rounded returns r without a fraction, rounded by the rule of mode: 'f' down, 'c' up, 'r' to the nearest, halves
// away from zero, 't' towards zero.
func rounded(r *big.Rat, mode byte) *big.Rat {
	quotient, remainder := new(big.Int).QuoRem(r.Num(), r.Denom(), new(big.Int))
	if remainder.Sign() == 0 {
		return new(big.Rat).SetInt(quotient)
	}
	up := false // away from zero
	switch mode {
	case 'f':
		up = r.Sign() < 0
	case 'c':
		up = r.Sign() > 0
	case 'r':
		twice := new(big.Int).Abs(remainder)
		up = twice.Lsh(twice, 1).Cmp(r.Denom()) >= 0
	}
	if up {
		quotient.Add(quotient, big.NewInt(int64(r.Sign())))
	}
	return new(big.Rat).SetInt(quotient)
}
