package httpapi

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"

	"spillway/destinations"
)

// IdempotencyKey names the delivery of records of b: the same whenever the same records are sent again before a
// verdict came for them, in whatever order and at whatever place of a batch, and another one for anything else.
func IdempotencyKey(b destinations.Batch, records []destinations.Record) string {
	tokens := make([]string, 0, len(records))
	var others []string // what stands for records without a token
	for _, r := range records {
		if r.Token != "" {
			tokens = append(tokens, r.Token)
		} else {
			others = append(others, content(r))
		}
	}
	slices.Sort(tokens)
	slices.Sort(others)
	return digest([]string{b.Sync, b.Object, string(b.Op), strconv.Itoa(len(tokens))}, tokens, others)
}

// content stands for what r holds.
func content(r destinations.Record) string {
	fields, err := r.JSON, error(nil)
	if fields == nil {
		fields, err = r.Fields.AppendJSON(nil)
	}
	if err != nil {
		fields = fmt.Appendf(nil, "%#v", r.Fields) // which cannot be sent as JSON either
	}
	return digest([]string{r.Key, r.ID, string(fields)})
}

// digest is injective over what its lists hold one after the other: each text is preceded by its length.
func digest(lists ...[]string) string {
	size := 0
	for _, list := range lists {
		for _, text := range list {
			size += 8 + len(text)
		}
	}
	all := make([]byte, 0, size)
	for _, list := range lists {
		for _, text := range list {
			all = binary.BigEndian.AppendUint64(all, uint64(len(text)))
			all = append(all, text...)
		}
	}
	sum := sha256.Sum256(all)
	return hex.EncodeToString(sum[:])
}
