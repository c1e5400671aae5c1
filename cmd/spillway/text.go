package main

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

func joined(names []string) string { return strings.Join(names, ", ") }

// safe makes text that came from outside harmless on a terminal: control and direction characters are shown, not
// obeyed.
func safe(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) {
			return '�'
		}
		return r
	}, s)
}

// wrapped breaks text into lines of at most width characters, between words; a longer word stands alone.
func wrapped(s string, width int) string {
	var b strings.Builder
	for n, line := range strings.Split(s, "\n") {
		if n > 0 {
			b.WriteByte('\n')
		}
		used := 0
		for word := range strings.SplitSeq(line, " ") {
			length := utf8.RuneCountInString(word)
			switch {
			case used == 0:
			case used+1+length > width:
				b.WriteByte('\n')
				used = 0
			default:
				b.WriteByte(' ')
				used++
			}
			b.WriteString(word)
			used += length
		}
	}
	return b.String()
}

// safeLines is safe for text of several lines.
func safeLines(s string) string {
	lines := strings.Split(s, "\n")
	for i := range lines {
		lines[i] = safe(lines[i])
	}
	return strings.Join(lines, "\n")
}

func indentMore(s string) string { return strings.ReplaceAll(s, "\n", "\n  ") }

// short cuts text to n characters.
func short(s string, n int) string {
	runes := []rune(s)
	if len(runes) <= n {
		return s
	}
	return string(runes[:n-1]) + "…"
}
