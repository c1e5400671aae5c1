package mappings

import (
	"fmt"
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"
)

// Problem is one thing that is wrong with a mapping: where it stands, which key or field it concerns, and what is wrong
// and what to do about it.
type Problem struct {
	At      string // "syncs/contacts.toml:14"; may be empty
	Key     string // the sync's own key: "mode"; empty where a field is meant
	Field   string // the destination field; empty where a key is meant
	Message string
}

func (p Problem) String() string {
	s := p.Message
	if about := p.About(); about != "" {
		s = about + ": " + s
	}
	if p.At != "" {
		s = p.At + ": " + s
	}
	return s
}

// About returns the dotted key of the sync file that p concerns: "mode", "fields.lead_score".
func (p Problem) About() string {
	if p.Field != "" {
		return "fields." + p.Field
	}
	return p.Key
}

// unknownWord is the error for a setting that takes one of a few words and has another.
func unknownWord(setting, word string, words ...string) error {
	return fmt.Errorf("%s = %s", setting, noneOf(word, words))
}

func noneOf(word string, words []string) string {
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = fmt.Sprintf("%q", w)
	}
	s := fmt.Sprintf("%q is none of %s", word, strings.Join(quoted, ", "))
	if near := nearest(word, words); near != "" {
		s += fmt.Sprintf("; did you mean %q?", near)
	}
	return s
}

// nearest returns the one of names that word is most likely a misspelling of, or nothing if none is near.
func nearest(word string, names []string) string {
	best, distance := "", len([]rune(word))/2+1
	for _, name := range names {
		if d := levenshtein.ComputeDistance(strings.ToLower(word), strings.ToLower(name)); d < distance {
			best, distance = name, d
		}
	}
	return best
}

// Nearest says what was meant by a name that a destination does not have: the nearest one of names, or else the first
// of them.
func Nearest(name string, names []string) string {
	sorted := slices.Sorted(slices.Values(names))
	if near := nearest(name, sorted); near != "" {
		return fmt.Sprintf("did you mean %s?", near)
	}
	return "there are: " + listed(sorted)
}

// maxListed is how many names a message lists before it says how many more there are.
const maxListed = 12

// listed joins the first of names for a message.
func listed(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	if len(names) <= maxListed {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:maxListed], ", "), len(names)-maxListed)
}

// among says that name is none of names, with the nearest one of them first.
func among(name string, names []string) string {
	sorted := slices.Clone(names)
	slices.Sort(sorted)
	if near := nearest(name, sorted); near != "" {
		return fmt.Sprintf("did you mean %q? There are: %s", near, listed(sorted))
	}
	return "there are: " + listed(sorted)
}
