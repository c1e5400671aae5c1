package settings

import (
	"encoding"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

func (d *decoder) text(f field, e Entry, v reflect.Value) {
	s, ok := e.Value.(string)
	switch {
	case !ok:
		d.refuse(e, "must be a string, not %s", nameOf(e.Value))
	case s == "" && f.required:
		d.refuse(e, "must not be empty")
	case len(f.enum) > 0 && !slices.Contains(f.enum, s):
		d.refuse(e, "%q is not one of %s%s", s, strings.Join(f.enum, ", "), didYouMean(s, f.enum))
	default:
		v.SetString(s)
	}
}

func didYouMean(s string, enum []string) string {
	if near := Nearest(s, enum); near != "" {
		return fmt.Sprintf("; did you mean %q?", near)
	}
	return ""
}

func (d *decoder) integer(f field, e Entry, v reflect.Value) {
	n, ok := e.Value.(int64)
	if !ok {
		d.refuse(e, "must be a whole number, not %s", nameOf(e.Value))
		return
	}
	if !d.within(f, e, float64(n), func(s string) (float64, error) { return strconv.ParseFloat(s, 64) }) {
		return
	}
	if v.CanUint() {
		if n < 0 || v.OverflowUint(uint64(n)) {
			d.refuse(e, "is out of range")
			return
		}
		v.SetUint(uint64(n))
		return
	}
	if v.OverflowInt(n) {
		d.refuse(e, "is out of range")
		return
	}
	v.SetInt(n)
}

func (d *decoder) float(f field, e Entry, v reflect.Value) {
	var n float64
	switch value := e.Value.(type) {
	case int64:
		n = float64(value)
	case float64:
		n = value
	default:
		d.refuse(e, "must be a number, not %s", nameOf(e.Value))
		return
	}
	if math.IsNaN(n) || math.IsInf(n, 0) {
		d.refuse(e, "must be a finite number")
		return
	}
	if d.within(f, e, n, func(s string) (float64, error) { return strconv.ParseFloat(s, 64) }) {
		v.SetFloat(n)
	}
}

func (d *decoder) duration(f field, e Entry, v reflect.Value) {
	s, ok := e.Value.(string)
	if !ok {
		d.refuse(e, "%s, not %s", errDuration, nameOf(e.Value))
		return
	}
	length, err := ParseDuration(s)
	if err != nil {
		d.refuse(e, "%q %s", s, err)
		return
	}
	if d.within(f, e, float64(length), func(s string) (float64, error) {
		bound, err := ParseDuration(s)
		return float64(bound), err
	}) {
		v.SetInt(int64(length))
	}
}

// within holds n against the setting's bounds, which parse reads.
func (d *decoder) within(f field, e Entry, n float64, parse func(string) (float64, error)) bool {
	low, high := math.Inf(-1), math.Inf(1)
	var err error
	if f.min != "" {
		low, err = parse(f.min)
	}
	if f.max != "" && err == nil {
		high, err = parse(f.max)
	}
	if err != nil {
		panic(fmt.Sprintf("settings: the bounds of %s: %s", f.name, err))
	}
	if n >= low && n <= high {
		return true
	}
	switch {
	case f.max == "":
		d.refuse(e, "must be at least %s", f.min)
	case f.min == "":
		d.refuse(e, "must be at most %s", f.max)
	default:
		d.refuse(e, "must be between %s and %s", f.min, f.max)
	}
	return false
}

// unmarshalText gives strings and numbers to a setting that reads itself from text.
func (d *decoder) unmarshalText(f field, e Entry, v reflect.Value) {
	var text string
	switch value := e.Value.(type) {
	case string:
		text = value
	case int64:
		text = strconv.FormatInt(value, 10)
	case float64:
		text = strconv.FormatFloat(value, 'f', -1, 64)
	case bool:
		text = strconv.FormatBool(value)
	default:
		d.refuse(e, "must be a string, not %s", nameOf(e.Value))
		return
	}
	if len(f.enum) > 0 && !slices.Contains(f.enum, text) {
		d.refuse(e, "%q is not one of %s%s", text, strings.Join(f.enum, ", "), didYouMean(text, f.enum))
		return
	}
	fresh := reflect.New(v.Type())
	if own, ok := reflect.TypeAssert[encoding.TextUnmarshaler](fresh); ok {
		if err := own.UnmarshalText([]byte(text)); err != nil {
			d.refuse(e, "%s", err)
			return
		}
	}
	v.Set(fresh.Elem())
}
