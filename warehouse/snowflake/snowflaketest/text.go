//go:build !noduckdb

package snowflaketest

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"math"
	"math/big"
	"strconv"
	"strings"
)

// jsonRows writes rows as lists of texts, parted by commas.
func jsonRows(columns []column, batches [][][]cell) ([]byte, error) {
	var out bytes.Buffer
	for _, batch := range batches {
		for row := range batch[0] {
			if out.Len() > 0 {
				out.WriteByte(',')
			}
			texts := make([]*string, len(columns))
			for i := range columns {
				if v := batch[i][row]; !v.null {
					text := columns[i].text(v)
					texts[i] = &text
				}
			}
			line, err := json.Marshal(texts)
			if err != nil {
				return nil, err
			}
			out.Write(line)
		}
	}
	return out.Bytes(), nil
}

// text is a value as Snowflake writes it into JSON.
func (c *column) text(v cell) string {
	switch c.Type {
	case "fixed":
		n := new(big.Int).Lsh(big.NewInt(v.high), 64)
		return point(n.Add(n, new(big.Int).SetUint64(v.low)), c.Scale)
	case "boolean", "date":
		return strconv.FormatInt(v.int(), 10)
	case "time":
		return point(big.NewInt(v.int()), 9)
	case "real":
		switch {
		case math.IsInf(v.float, 1):
			return "inf"
		case math.IsInf(v.float, -1):
			return "-inf"
		}
		return strconv.FormatFloat(v.float, 'g', -1, 64)
	case "binary":
		return strings.ToUpper(hex.EncodeToString([]byte(v.text)))
	case "timestamp_ntz", "timestamp_ltz", "timestamp_tz":
		n := new(big.Int).Mul(big.NewInt(v.int()), big.NewInt(1_000_000_000))
		text := point(n.Add(n, big.NewInt(int64(v.nanos))), 9)
		text = text[:len(text)-9+c.Scale]
		if c.Type == "timestamp_tz" {
			text += " " + strconv.Itoa(int(v.zone)+zoneZero)
		}
		return strings.TrimSuffix(text, ".")
	}
	return v.text
}

// point writes n × 10^-scale.
func point(n *big.Int, scale int) string {
	digits, sign := n.String(), ""
	if strings.HasPrefix(digits, "-") {
		digits, sign = digits[1:], "-"
	}
	if scale == 0 {
		return sign + digits
	}
	if short := scale + 1 - len(digits); short > 0 {
		digits = strings.Repeat("0", short) + digits
	}
	return sign + digits[:len(digits)-scale] + "." + digits[len(digits)-scale:]
}
