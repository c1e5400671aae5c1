package mappings

import (
	"bytes"
	"cmp"
	"math"
	"math/big"
	"strings"
	"time"

	"spillway/warehouse"
)

// operator computes with two values, either of which may be null.
type operator func(a, b any) (any, *failure)

// operatorOf returns the operator that source calls symbol, or nil.
func operatorOf(symbol string) operator {
	switch symbol {
	case "==":
		return func(a, b any) (any, *failure) { return equal(a, b), nil }
	case "!=":
		return func(a, b any) (any, *failure) { return !equal(a, b), nil }
	case "<":
		return ordering(func(order int) bool { return order < 0 })
	case "<=":
		return ordering(func(order int) bool { return order <= 0 })
	case ">":
		return ordering(func(order int) bool { return order > 0 })
	case ">=":
		return ordering(func(order int) bool { return order >= 0 })
	case "+", "-", "*", "/", "%":
		return propagating(func(a, b any) (any, *failure) { return compute(symbol[0], a, b) })
	case "**", "^":
		return propagating(power)
	case "..":
		return propagating(span)
	case "in":
		return contained
	case "contains":
		return textTest(strings.Contains)
	case "startsWith":
		return textTest(strings.HasPrefix)
	case "endsWith":
		return textTest(strings.HasSuffix)
	}
	return nil
}

// propagating gives null for a null operand, as SQL does.
func propagating(op operator) operator {
	return func(a, b any) (any, *failure) {
		if a == nil || b == nil {
			return nil, nil
		}
		return op(a, b)
	}
}

func ordering(holds func(order int) bool) operator {
	return func(a, b any) (any, *failure) {
		if a == nil || b == nil {
			return false, nil
		}
		order, ok := compare(a, b)
		if !ok {
			return nil, inExpression("two values that have no order are compared")
		}
		return holds(order), nil
	}
}

func textTest(test func(s, part string) bool) operator {
	return func(a, b any) (any, *failure) {
		if a == nil || b == nil {
			return false, nil
		}
		s, ok1 := a.(string)
		part, ok2 := b.(string)
		if !ok1 || !ok2 {
			return nil, inExpression("contains, startsWith and endsWith need texts")
		}
		return test(s, part), nil
	}
}

// instant returns a time, or the start of a day, in UTC.
func instant(v any) (time.Time, bool) {
	switch v := v.(type) {
	case time.Time:
		return v, true
	case warehouse.Date:
		return parseDay(string(v))
	}
	return time.Time{}, false
}

// compare orders two values of one kind.
func compare(a, b any) (int, bool) {
	switch x := a.(type) {
	case string:
		y, ok := b.(string)
		return strings.Compare(x, y), ok
	case time.Duration:
		y, ok := b.(time.Duration)
		return cmp.Compare(x, y), ok
	case time.Time, warehouse.Date:
		s, ok1 := instant(a)
		t, ok2 := instant(b)
		return s.Compare(t), ok1 && ok2
	case int64:
		if y, ok := b.(int64); ok {
			return cmp.Compare(x, y), true
		}
	}
	x, ok1 := rational(a)
	y, ok2 := rational(b)
	if !ok1 || !ok2 {
		return 0, false
	}
	return x.Cmp(y), true
}

// equal reports whether a and b are the same value. Values of different kinds are not.
func equal(a, b any) bool {
	switch x := a.(type) {
	case nil:
		return b == nil
	case bool:
		y, ok := b.(bool)
		return ok && x == y
	case []byte:
		y, ok := b.([]byte)
		return ok && bytes.Equal(x, y)
	case []any:
		y, ok := b.([]any)
		if !ok || len(x) != len(y) {
			return false
		}
		for i := range x {
			if !equal(x[i], y[i]) {
				return false
			}
		}
		return true
	case map[string]any:
		y, ok := b.(map[string]any)
		if !ok || len(x) != len(y) {
			return false
		}
		for name := range x {
			other, ok := y[name]
			if !ok || !equal(x[name], other) {
				return false
			}
		}
		return true
	}
	order, ok := compare(a, b)
	return ok && order == 0
}

// contained reports whether a is an element of the list b, or a name in the map b.
func contained(a, b any) (any, *failure) {
	switch b := b.(type) {
	case nil:
		return false, nil
	case []any:
		for _, e := range b {
			if equal(a, e) {
				return true, nil
			}
		}
		return false, nil
	case map[string]any:
		name, ok := a.(string)
		if !ok {
			return false, nil
		}
		_, found := b[name]
		return found, nil
	}
	return nil, inExpression("in needs a list or a map")
}

// compute is + - * / and % of texts, times and numbers.
func compute(op byte, a, b any) (any, *failure) {
	switch x := a.(type) {
	case string:
		if y, ok := b.(string); ok && op == '+' {
			if len(x)+len(y) > maxValue {
				return nil, inExpression("a text grows beyond 1 MiB")
			}
			return x + y, nil
		}
	case time.Time, warehouse.Date, time.Duration:
		return computeTime(op, a, b)
	}
	if _, ok := b.(time.Duration); ok {
		return computeTime(op, a, b)
	}
	return arithmetic(op, a, b)
}

func mismatch() *failure { return inExpression("an operator is given values that it cannot take") }

func computeTime(op byte, a, b any) (any, *failure) {
	length, isLength := b.(time.Duration)
	first, aLength := a.(time.Duration)
	s, aTime := instant(a)
	t, bTime := instant(b)
	switch {
	case aTime && isLength && op == '+':
		return s.Add(length), nil
	case aTime && isLength && op == '-':
		return s.Add(-length), nil
	case aLength && bTime && op == '+':
		return t.Add(first), nil
	case aTime && bTime && op == '-':
		return s.Sub(t), nil
	case aLength && isLength && op == '+':
		return first + length, nil
	case aLength && isLength && op == '-':
		return first - length, nil
	case aLength && op == '*':
		return scale(first, b)
	case isLength && op == '*':
		return scale(length, a)
	}
	return nil, mismatch()
}

func scale(d time.Duration, by any) (any, *failure) {
	r, ok := rational(by)
	if !ok {
		return nil, mismatch()
	}
	f, _ := r.Float64()
	if n := float64(d) * f; math.Abs(n) < math.MaxInt64 {
		return time.Duration(n), nil
	}
	return nil, inExpression("a length of time is too long")
}

// arithmetic computes with numbers: integers as integers while 64 bits hold them, floats among themselves and
// with integers as floats, and exactly as soon as a decimal is among them.
func arithmetic(op byte, a, b any) (any, *failure) {
	x, aInt := a.(int64)
	y, bInt := b.(int64)
	if aInt && bInt && op != '/' {
		if v, ok := integers(op, x, y); ok {
			return v, nil
		}
		if op == '%' {
			return nil, inExpression("a division by zero")
		}
	} else if f, g, ok := floats(a, b); ok {
		return computeFloats(op, f, g)
	}
	r, ok1 := rational(a)
	s, ok2 := rational(b)
	if !ok1 || !ok2 {
		return nil, mismatch()
	}
	switch op {
	case '+':
		return kept(new(big.Rat).Add(r, s))
	case '-':
		return kept(new(big.Rat).Sub(r, s))
	case '*':
		return kept(new(big.Rat).Mul(r, s))
	case '/':
		if s.Sign() == 0 {
			return nil, inExpression("a division by zero")
		}
		return kept(new(big.Rat).Quo(r, s))
	}
	return nil, mismatch()
}

// integers computes with integers, unless the result does not fit.
func integers(op byte, x, y int64) (int64, bool) {
	switch op {
	case '+':
		sum := x + y
		return sum, (sum > x) == (y > 0)
	case '-':
		difference := x - y
		return difference, (difference < x) == (y > 0)
	case '*':
		if x == 0 || y == 0 {
			return 0, true
		}
		product := x * y
		return product, product/y == x && (x != -1 || y != math.MinInt64) && (y != -1 || x != math.MinInt64)
	case '%':
		if y != 0 {
			return x % y, true
		}
	}
	return 0, false
}

// floats returns a and b as floats, if neither is a decimal.
func floats(a, b any) (float64, float64, bool) {
	f, ok1 := float(a)
	g, ok2 := float(b)
	return f, g, ok1 && ok2
}

func float(v any) (float64, bool) {
	switch v := v.(type) {
	case int64:
		return float64(v), true
	case float64:
		return v, true
	}
	return 0, false
}

func computeFloats(op byte, f, g float64) (any, *failure) {
	switch op {
	case '+':
		return f + g, nil
	case '-':
		return f - g, nil
	case '*':
		return f * g, nil
	case '/':
		if g == 0 {
			return nil, inExpression("a division by zero")
		}
		return f / g, nil
	}
	return nil, mismatch()
}

func power(a, b any) (any, *failure) {
	r, ok1 := rational(a)
	s, ok2 := rational(b)
	if !ok1 || !ok2 {
		return nil, mismatch()
	}
	f, _ := r.Float64()
	g, _ := s.Float64()
	return math.Pow(f, g), nil
}

// span is the list of integers from a to b.
func span(a, b any) (any, *failure) {
	from, ok1 := a.(int64)
	to, ok2 := b.(int64)
	if !ok1 || !ok2 {
		return nil, mismatch()
	}
	if from > to {
		return []any{}, nil
	}
	size := uint64(to) - uint64(from) // right whatever the signs, since it is below 2^64
	if size >= maxList {
		return nil, inExpression("a range is too long")
	}
	list := make([]any, 0, size+1)
	for i := range int64(size) + 1 {
		list = append(list, from+i)
	}
	return list, nil
}
