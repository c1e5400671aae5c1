package sqlite

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
)

// longestName is the longest escaped name that is used as a file's name; file systems take 255 bytes.
const longestName = 180

// fileName returns the name, without an ending, of the file that holds the snapshot of sync. No two syncs share one,
// on file systems that do not tell upper from lower case either, and none leads out of the directory.
func fileName(sync string) string {
	var b strings.Builder
	for i := range len(sync) {
		c := sync[i]
		switch {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9', c == '_', c == '-':
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "=%02x", c)
		}
	}
	if b.Len() > longestName {
		sum := sha256.Sum256([]byte(sync))
		return "==" + hex.EncodeToString(sum[:]) // "==" never comes of escaping
	}
	return b.String()
}
