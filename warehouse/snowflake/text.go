package snowflake

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"math/big"
	"strconv"
	"strings"
)

// rowsInBlock is how many rows of a JSON result are decoded at a time.
const rowsInBlock = 1000

// jsonDecoder reads chunks that are rows of JSON, parted by commas and without the brackets around them.
func jsonDecoder(columns []column) decoder {
	return func(stream io.Reader, yield func(block) error) error {
		d := json.NewDecoder(io.MultiReader(strings.NewReader("["), stream, strings.NewReader("]")))
		if _, err := d.Token(); err != nil {
			return err
		}
		b := &jsonBlock{columns: columns}
		for d.More() {
			row := make([]*string, 0, len(columns))
			if err := d.Decode(&row); err != nil {
				return err
			}
			if len(row) != len(columns) {
				return fmt.Errorf("a row has %d values, and %d columns were declared", len(row), len(columns))
			}
			if b.rows = append(b.rows, row); len(b.rows) == rowsInBlock {
				if err := yield(b); err != nil {
					return err
				}
				b = &jsonBlock{columns: columns}
			}
		}
		if _, err := d.Token(); err != nil {
			return err
		}
		if len(b.rows) == 0 {
			return nil
		}
		return yield(b)
	}
}

// inline is the chunk that came with the answer itself.
func inline(columns []column, rows [][]*string) *chunk {
	c := &chunk{blocks: make(chan block, 1)}
	c.blocks <- &jsonBlock{columns: columns, rows: rows}
	close(c.blocks)
	return c
}

// jsonBlock is some rows whose values are text.
type jsonBlock struct {
	columns []column
	rows    [][]*string
}

func (b *jsonBlock) len() int                  { return len(b.rows) }
func (b *jsonBlock) null(column, row int) bool { return b.rows[row][column] == nil }

func (b *jsonBlock) pack(dst []byte, column, row int) ([]byte, error) {
	dst, err := b.columns[column].packText(dst, *b.rows[row][column])
	if err != nil {
		return dst, errText // what it holds may not be told (invariant 10)
	}
	return dst, nil
}

var errText = errors.New("its text is not of the form that the type has")

// packText packs a value that came as text.
func (c *column) packText(dst []byte, text string) ([]byte, error) {
	switch c.form {
	case formText, formDocument:
		return append(dst, text...), nil
	case formBytes:
		return hex.AppendDecode(dst, []byte(text))
	case formBool:
		b, err := strconv.ParseBool(text)
		if b {
			return append(dst, 1), err
		}
		return append(dst, 0), err
	case formNumber:
		return c.packDigits(dst, text)
	case formDecfloat:
		return packExponent(dst, text)
	case formFloat:
		f, err := strconv.ParseFloat(text, 64)
		return appendFloat(dst, f), err
	case formDay:
		days, err := strconv.ParseInt(text, 10, 32)
		return binary.LittleEndian.AppendUint32(dst, uint32(days)), err
	case formTime:
		seconds, nanoseconds, err := parseSeconds(text)
		return appendInt(dst, seconds*1e9+nanoseconds), err
	case formInstant:
		text, _, _ = strings.Cut(text, " ") // what follows is the zone
		seconds, nanoseconds, err := parseSeconds(text)
		return appendInstant(dst, seconds, nanoseconds), err
	}
	return dst, errText
}

// packDigits packs a decimal that is written with as many decimals as its type has.
func (c *column) packDigits(dst []byte, text string) ([]byte, error) {
	whole, part, _ := strings.Cut(text, ".")
	if len(part) != c.scale {
		return dst, errText
	}
	digits := whole + part
	if n, err := strconv.ParseInt(digits, 10, 64); err == nil {
		return appendInt(dst, n), nil
	}
	n, ok := new(big.Int).SetString(digits, 10)
	if !ok || n.BitLen() > 127 {
		return dst, errText
	}
	low := new(big.Int).And(n, new(big.Int).SetUint64(math.MaxUint64)).Uint64()
	return appendNumber(dst, new(big.Int).Rsh(n, 64).Int64(), low), nil
}

// packExponent packs a number that may be written with an exponent: "1.5e-20".
func packExponent(dst []byte, text string) ([]byte, error) {
	mantissa, power, scientific := strings.Cut(strings.ToLower(text), "e")
	exponent := 0
	if scientific {
		var err error
		if exponent, err = strconv.Atoi(power); err != nil || exponent < -maxExponent || exponent > maxExponent {
			return dst, errText
		}
	}
	whole, part, _ := strings.Cut(mantissa, ".")
	digits, ok := new(big.Int).SetString(whole+part, 10)
	if !ok {
		return dst, errText
	}
	return appendDecfloat(dst, digits.String(), exponent-len(part)), nil
}

// maxExponent is beyond what DECFLOAT has, and bounds the zeros that are written.
const maxExponent = 20_000

// parseSeconds reads seconds with a fraction, both of which the sign is for: "-1.500000000" is half a second before -1.
func parseSeconds(text string) (seconds, nanoseconds int64, err error) {
	whole, part, _ := strings.Cut(text, ".")
	if seconds, err = strconv.ParseInt(whole, 10, 64); err != nil || part == "" {
		return seconds, 0, err
	}
	if len(part) > 9 || !bytes.ContainsAny([]byte(part[:1]), "0123456789") {
		return 0, 0, errText
	}
	nanoseconds, err = strconv.ParseInt(part+strings.Repeat("0", 9-len(part)), 10, 64)
	if strings.HasPrefix(whole, "-") && nanoseconds > 0 {
		seconds, nanoseconds = seconds-1, 1e9-nanoseconds
	}
	return seconds, nanoseconds, err
}
