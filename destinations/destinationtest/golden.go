package destinationtest

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"spillway/destinations"
)

var update = flag.Bool("update", false, "write golden files instead of comparing with them")

// Golden compares got with the file testdata/golden/name, or writes it under -update.
func Golden(t testing.TB, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", "golden", name)
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v; run the test with -update to write it", err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got; -update accepts it):\n%s", path, diff)
	}
}

// golden delivers batch and compares the requests that this takes.
func golden(b *bench, batch destinations.Batch) {
	batch.Attempts, batch.Meter = attempts, b.meter.Watched(b.exchanged)
	before := len(b.wire.Calls())
	if _, err := b.write(b.Context(), batch); err != nil {
		b.Fatalf("write: %v", err)
	}
	var text bytes.Buffer
	for i, call := range b.wire.Calls()[before:] {
		if i > 0 {
			text.WriteString("\n")
		}
		text.WriteString(call.String())
	}
	Golden(b, batch.Object+"_"+string(batch.Op)+".txt", text.Bytes())
}

// String writes the request for a golden file: headers sorted, the secret hidden, JSON indented and its digits as
// they were sent.
func (c Call) String() string {
	var text strings.Builder
	fmt.Fprintf(&text, "%s %s", c.Method, c.Path)
	if c.Query != "" {
		text.WriteString("?" + c.Query)
	}
	text.WriteString("\n")
	var lines []string
	for name, values := range c.Header {
		value := strings.ReplaceAll(strings.Join(values, ", "), string(canary), "•••")
		if _, coded, ok := strings.Cut(value, "Basic "); ok {
			value = strings.ReplaceAll(value, coded, "•••")
		}
		lines = append(lines, name+": "+value+"\n")
	}
	slices.Sort(lines)
	text.WriteString(strings.Join(lines, "") + "\n")
	var body bytes.Buffer
	if json.Indent(&body, c.Body, "", "  ") != nil {
		body.Reset()
		body.Write(c.Body)
	}
	text.Write(body.Bytes())
	text.WriteString("\n")
	return text.String()
}
