package sqldb

import (
	"math"
	"math/big"
	"strconv"
	"strings"

	"spillway/warehouse"
)

// Float32 is the float64 that has the same shortest decimal digits as f: 0.1, never 0.10000000149011612. An integer
// below 2^53 is itself.
func Float32(f float32) float64 {
	wide := float64(f)
	if math.IsNaN(wide) || math.IsInf(wide, 0) || wide == math.Trunc(wide) && math.Abs(wide) < 1<<53 {
		return wide
	}
	shortest, err := strconv.ParseFloat(strconv.FormatFloat(wide, 'g', -1, 32), 64)
	if err != nil {
		return wide
	}
	return shortest
}

// Fixed is the decimal unscaled × 10^-scale, in all of its digits: Fixed(-1250, 2) is "-12.50".
func Fixed(unscaled int64, scale int) warehouse.Decimal {
	return scaled(strconv.FormatInt(unscaled, 10), scale)
}

// BigFixed is Fixed for integers beyond 64 bits.
func BigFixed(unscaled *big.Int, scale int) warehouse.Decimal {
	return scaled(unscaled.String(), scale)
}

// Digits is Fixed for an integer that is given as text, with or without a sign.
func Digits(unscaled string, scale int) warehouse.Decimal { return scaled(unscaled, scale) }

func scaled(digits string, scale int) warehouse.Decimal {
	if scale <= 0 {
		return warehouse.Decimal(digits)
	}
	sign := ""
	if strings.HasPrefix(digits, "-") {
		sign, digits = "-", digits[1:]
	}
	if short := scale + 1 - len(digits); short > 0 {
		digits = strings.Repeat("0", short) + digits
	}
	point := len(digits) - scale
	return warehouse.Decimal(sign + digits[:point] + "." + digits[point:])
}
