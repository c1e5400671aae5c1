package telemetry

import (
	"io"
	"strconv"
	"strings"
)

// escaper writes the value of a label as the text format has it, version 0.0.4:
// https://prometheus.io/docs/instrumenting/exposition_formats/
var escaper = strings.NewReplacer(`\`, `\\`, "\n", `\n`, `"`, `\"`)

// textChunk is how many bytes of text are gathered before they are written.
const textChunk = 64 << 10

// writeText writes the series of all syncs. A family of which no sync has any is left out.
func writeText(w io.Writer, families []family, samples []sample) error {
	text := make([]byte, 0, textChunk+textChunk/4)
	for i := range families {
		f := &families[i]
		begun := false
		for j := range samples {
			s := &samples[j]
			if !f.has(s) {
				continue
			}
			if !begun {
				text, begun = f.appendHead(text), true
			}
			if text = f.appendSeries(text, s); len(text) < textChunk {
				continue
			}
			if _, err := w.Write(text); err != nil {
				return err
			}
			text = text[:0]
		}
	}
	_, err := w.Write(text)
	return err
}

func (f *family) appendHead(text []byte) []byte {
	return append(text, "# HELP "+f.name+" "+f.help+"\n# TYPE "+f.name+" "+string(f.kind)+"\n"...)
}

func (f *family) appendSeries(text []byte, s *sample) []byte {
	for i := range f.lines {
		l := &f.lines[i]
		text = append(text, l.head...)
		text = append(text, s.name...)
		text = append(text, l.tail...)
		text = append(strconv.AppendFloat(text, l.value(s), 'g', -1, 64), '\n')
	}
	return text
}
