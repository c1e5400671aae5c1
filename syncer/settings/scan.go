package settings

import "bytes"

const (
	deepestNesting = 64 // of lists and tables
	longestKey     = 64 // in parts
)

// overgrown returns the line at which a file nests lists and tables, or dots its keys, beyond what a person writes; 0
// where it never does. The TOML decoder takes a time and a memory for these that grow with their square.
func overgrown(data []byte) int {
	line, depth, parts := 1, 0, 0
	for i := 0; i < len(data); i++ {
		switch c := data[i]; c {
		case '\n':
			line, parts = line+1, 0
		case '#':
			i += lengthTo(data[i:], "\n") - 1
		case '"', '\'':
			n := quoted(data[i:], c)
			line += bytes.Count(data[i:i+n], []byte("\n"))
			i += n - 1
		case '[', '{':
			depth, parts = depth+1, 0
		case ']', '}':
			depth, parts = max(depth-1, 0), 0
		case ',', '=':
			parts = 0
		case '.':
			parts++
		}
		if depth > deepestNesting || parts > longestKey {
			return line
		}
	}
	return 0
}

// quoted returns the length of the string that data starts with, its quotation marks included. A string on one line
// ends with its line at the latest, where the decoder will complain.
func quoted(data []byte, mark byte) int {
	three := bytes.Repeat([]byte{mark}, 3)
	end, multiline := three[:1], bytes.HasPrefix(data, three)
	if multiline {
		end = three
	}
	for i := len(end); i < len(data); i++ {
		switch {
		case data[i] == '\\' && mark == '"':
			i++
		case data[i] == '\n' && !multiline:
			return i
		case bytes.HasPrefix(data[i:], end):
			return i + len(end)
		}
	}
	return len(data)
}

// lengthTo returns how many bytes of data stand before end.
func lengthTo(data []byte, end string) int {
	if n := bytes.Index(data, []byte(end)); n >= 0 {
		return n
	}
	return len(data)
}
