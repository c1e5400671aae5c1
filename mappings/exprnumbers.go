package mappings

import (
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"spillway/warehouse"
)

func numberFunctions() map[string]function {
	return map[string]function{
		"abs":   {types: forms((func(int) int)(nil), numeric1(nil)), call: taking(absolute)},
		"ceil":  {types: forms(numeric1(nil)), call: taking(rounding('c'))},
		"floor": {types: forms(numeric1(nil)), call: taking(rounding('f'))},
		"round": {
			types: forms(numeric1(nil), (func(float64, int) float64)(nil)),
			call:  taking(rounding('r')),
		},
		"int":    {types: forms((func(any) int)(nil)), call: taking(toInt)},
		"float":  {types: forms((func(any) float64)(nil)), call: taking(toFloat)},
		"max":    {types: forms((func(...any) any)(nil)), nulls: true, call: extreme(1)},
		"min":    {types: forms((func(...any) any)(nil)), nulls: true, call: extreme(-1)},
		"mean":   {types: forms((func(...any) float64)(nil)), nulls: true, call: mean},
		"median": {types: forms((func(...any) float64)(nil)), nulls: true, call: median},
	}
}

func absolute(a *arguments) (any, *failure) {
	v := read[any](a)
	if order, ok := compare(v, int64(0)); !ok || order >= 0 {
		if _, isNumber := rational(v); !isNumber {
			return nil, mismatch()
		}
		return v, nil
	}
	return arithmetic('-', int64(0), v)
}

// rounding rounds to a whole number, or to so many digits after the point. Decimals are rounded exactly, and
// halves away from zero.
func rounding(mode byte) func(a *arguments) (any, *failure) {
	return func(a *arguments) (any, *failure) {
		v, digits := read[any](a), 0
		if a.more() {
			digits = a.integer()
		}
		if digits < -places || digits > places {
			return nil, inExpression("round is given too many digits")
		}
		if n, ok := v.(int64); ok && digits >= 0 {
			return n, nil
		}
		r, ok := rational(v)
		if !ok {
			return nil, mismatch()
		}
		unit := new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(max(digits, -digits))), nil))
		if digits < 0 {
			unit.Inv(unit)
		}
		return likewise(v, new(big.Rat).Quo(rounded(new(big.Rat).Mul(r, unit), mode), unit))
	}
}

// likewise returns r as a float where v, from which it was computed, is one.
func likewise(v any, r *big.Rat) (any, *failure) {
	if _, ok := v.(float64); ok {
		f, _ := r.Float64()
		return f, nil
	}
	return kept(r)
}

// toInt takes numbers, which lose their fraction, and texts of whole numbers.
func toInt(a *arguments) (any, *failure) {
	v := read[any](a)
	switch v := v.(type) {
	case int64:
		return v, nil
	case bool:
		return nil, mismatch()
	case string:
		whole, ok := exactNumber(strings.TrimSpace(v))
		if !ok {
			return nil, inExpression("int is given a text that is not a number")
		}
		return toInt(&arguments{args: []any{warehouse.Decimal(whole)}})
	}
	r, ok := rational(v)
	if !ok {
		return nil, mismatch()
	}
	r = rounded(r, 't')
	if r.Num().IsInt64() {
		return r.Num().Int64(), nil
	}
	return r, nil
}

func toFloat(a *arguments) (any, *failure) {
	switch v := read[any](a).(type) {
	case float64:
		return v, nil
	case string:
		f, err := strconv.ParseFloat(strings.TrimSpace(v), 64)
		if err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
			return nil, inExpression("float is given a text that is not a number")
		}
		return f, nil
	default:
		r, ok := rational(v)
		if !ok {
			return nil, mismatch()
		}
		f, _ := r.Float64()
		return f, nil
	}
}

// operands returns the arguments of an aggregate, the elements of lists among them, without nulls, as SQL's
// aggregates take them.
func operands(args []any) []any {
	var all []any
	for _, arg := range args {
		switch v := arg.(type) {
		case nil:
		case []any:
			all = append(all, operands(v)...)
		default:
			all = append(all, v)
		}
	}
	return all
}

// extreme returns the largest of its arguments where sign is 1, the smallest where it is -1; null of nothing.
func extreme(sign int) func(args []any) (any, *failure) {
	return func(args []any) (any, *failure) {
		var best any
		for _, v := range operands(args) {
			if best == nil {
				best = v
				continue
			}
			order, ok := compare(v, best)
			if !ok {
				return nil, inExpression("max and min need values of one kind")
			}
			if order*sign > 0 {
				best = v
			}
		}
		return best, nil
	}
}

func mean(args []any) (any, *failure) {
	all := operands(args)
	if len(all) == 0 {
		return nil, nil
	}
	var total any = int64(0)
	for _, v := range all {
		var failed *failure
		if total, failed = arithmetic('+', total, v); failed != nil {
			return nil, failed
		}
	}
	return arithmetic('/', total, int64(len(all)))
}

func median(args []any) (any, *failure) {
	all := operands(args)
	if len(all) == 0 {
		return nil, nil
	}
	for _, v := range all {
		if _, ok := rational(v); !ok {
			return nil, mismatch()
		}
	}
	slices.SortFunc(all, func(a, b any) int {
		order, _ := compare(a, b)
		return order
	})
	middle := len(all) / 2
	if len(all)%2 == 1 {
		return all[middle], nil
	}
	return mean([]any{all[middle-1], all[middle]})
}
