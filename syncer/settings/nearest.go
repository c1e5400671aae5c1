package settings

import (
	"fmt"
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"
)

const (
	longestName = 100 // names beyond this are not compared: no person meant a known one
	mostListed  = 15  // known names beyond this are too many to list in a message
)

// Nearest returns the one of known that a person most likely meant by name, or "" where none is near.
func Nearest(name string, known []string) string {
	if name == "" || len(name) > longestName {
		return ""
	}
	best, least := "", 0
	for _, k := range slices.Sorted(slices.Values(known)) {
		if len(k) > longestName {
			continue
		}
		d := distance(name, k)
		if d <= tolerance(name, k) && (best == "" || d < least) {
			best, least = k, d
		}
	}
	return best
}

// distance counts the edits between two names. Their case, and "-" against "_", weigh nothing; letters that only
// changed places weigh as one edit.
func distance(a, b string) int {
	a, b = plain(a), plain(b)
	d := levenshtein.ComputeDistance(a, b)
	if d > 1 && letters(a) == letters(b) {
		return 1
	}
	return d
}

func plain(name string) string {
	return strings.ReplaceAll(strings.ToLower(name), "-", "_")
}

func letters(name string) string {
	return string(slices.Sorted(slices.Values([]rune(name))))
}

func tolerance(a, b string) int {
	return max(1, (max(len(a), len(b))+1)/3)
}

// Hint ends a message about a name that is not among known: with the nearest of them, or with all of them
// where they are few. It starts with a semicolon, or is empty.
func Hint(name string, known []string) string {
	if near := Nearest(name, known); near != "" {
		return fmt.Sprintf("; did you mean %q?", near)
	}
	if len(known) == 0 || len(known) > mostListed {
		return ""
	}
	return "; known: " + strings.Join(slices.Sorted(slices.Values(known)), ", ")
}
