package snapshot

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
)

// longestName is the longest escaped name that begins a file's name; file systems take 255 bytes.
const longestName = 180

// The endings of the files of a sync, after its name and, for those that end in a dot, the epoch.
const (
	manifestEnding   = ".manifest"
	draftEnding      = ".manifest.new"
	forgottenEnding  = ".forgotten"
	generationEnding = ".snap"
	journalEnding    = ".journal"
)

// fileName returns what the names of the files of sync begin with, up to a dot that it does not contain. No two syncs
// share it, on file systems that do not tell upper from lower case either, and none leads out of the directory.
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

func numbered(name string, epoch uint64, ending string) string {
	return fmt.Sprintf("%s.%012d%s", name, epoch, ending)
}
