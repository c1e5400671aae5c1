package web

import (
	"bytes"
	"encoding/json"
	"net/url"
	"strings"

	"spillway/syncer/runlog"
)

// pretty lays a body out for people: JSON by its structure, a form with one field a line. What is neither, or was cut
// short, stays as it is.
func pretty(m runlog.Message) string {
	var b bytes.Buffer
	if json.Indent(&b, []byte(m.Body), "", "  ") == nil {
		return b.String()
	}
	if !strings.HasPrefix(m.Type, "application/x-www-form-urlencoded") {
		return m.Body
	}
	lines := strings.Split(m.Body, "&")
	for n, line := range lines {
		if plain, err := url.QueryUnescape(line); err == nil {
			lines[n] = plain
		}
	}
	return strings.Join(lines, "\n")
}

// spoken is what one side of an exchange said.
type spoken struct {
	Name string
	runlog.Message
}
