package samples

import (
	"slices"
	"strings"
)

// shortest is how long, in bytes, a value must be to be looked for within texts. A shorter one stands in many by chance,
// and is hidden only where a text is nothing else.
const shortest = 3

// finder finds values within texts, whatever the case of their ASCII letters: services fold addresses.
type finder struct {
	whole  map[string]bool
	within map[[shortest]byte][]string // by how they begin, longest first
}

func newFinder(values []string) finder {
	f := finder{whole: map[string]bool{}, within: map[[shortest]byte][]string{}}
	for _, v := range values {
		v = lower(v)
		if v == "" || f.whole[v] {
			continue
		}
		f.whole[v] = true
		if len(v) >= shortest {
			head := [shortest]byte([]byte(v[:shortest]))
			f.within[head] = append(f.within[head], v)
		}
	}
	for _, list := range f.within {
		slices.SortFunc(list, func(a, b string) int { return len(b) - len(a) })
	}
	return f
}

// cut replaces each value that stands in text.
func (f finder) cut(text string) string {
	if len(f.whole) == 0 {
		return text
	}
	folded := lower(text)
	if f.whole[folded] {
		return Hidden
	}
	var b strings.Builder
	from := 0
	for at := 0; at+shortest <= len(folded); {
		n := f.at(folded[at:])
		if n == 0 {
			at++
			continue
		}
		b.WriteString(text[from:at])
		b.WriteString(Hidden)
		at += n
		from = at
	}
	if from == 0 {
		return text
	}
	b.WriteString(text[from:])
	return b.String()
}

// at returns how long the longest value is that text begins with.
func (f finder) at(text string) int {
	for _, v := range f.within[[shortest]byte([]byte(text[:shortest]))] {
		if strings.HasPrefix(text, v) {
			return len(v)
		}
	}
	return 0
}

// lower folds ASCII letters alone, so that every byte stays where it is.
func lower(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}
