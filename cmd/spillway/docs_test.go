package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"

	"spillway/cmd/spillway/notify"
	destinationsall "spillway/destinations/all"
	"spillway/syncer/project"
	"spillway/syncer/settings"
	warehouseall "spillway/warehouse/all"
)

const docs = "../../docs"

// section is a part of a page that is made from declarations. It stands between two comments that name it.
var section = regexp.MustCompile(`(?s)(<!-- begin ([^>]+) -->\n).*?(<!-- end -->)`)

func TestGeneratedSectionsOfTheDocumentationAreCurrent(t *testing.T) {
	t.Parallel()
	sections := generatedSections(t)
	used := map[string]bool{}
	pages := 0
	err := filepath.WalkDir(docs, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Ext(path) != ".md" {
			return err
		}
		pages++
		have, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		want := section.ReplaceAllFunc(have, func(part []byte) []byte {
			m := section.FindSubmatch(part)
			name := string(m[2])
			text, ok := sections[name]
			if !ok {
				text, ok = quotation(t, name)
			}
			if !ok {
				t.Errorf("%s: there is no section %q to generate", path, name)
			}
			used[name] = true
			return bytes.Join([][]byte{m[1], []byte(text), m[3]}, nil)
		})
		golden(t, path, want)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if pages < 5 {
		t.Errorf("found %d pages under %s", pages, docs)
	}
	for name := range sections {
		if !used[name] {
			t.Errorf("no page has the section %q", name)
		}
	}
}

func golden(t *testing.T, path string, want []byte) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, want, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	have, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(have), string(want)); diff != "" {
		t.Errorf("%s is out of date; run make generate (-is +should be):\n%s", path, diff)
	}
}

func generatedSections(t *testing.T) map[string]string {
	t.Helper()
	s := map[string]string{
		"commands":     commandPages(newApp(nil, nil, nil).root()),
		"api routes":   apiRoutes(t),
		"source types": sourceTypes(), "rendered types": renderedTypes(t),
	}
	for name, text := range project.Reference() {
		s["settings of "+name] = text
	}
	for _, d := range warehouseall.Definitions() {
		s["settings of warehouse "+d.Name] = settings.Markdown(d.Config())
	}
	for _, d := range destinationsall.Definitions() {
		s["settings of destination "+d.Name] = settings.Markdown(d.Config())
	}
	for _, d := range notify.Definitions() {
		s["settings of alert "+d.Name] = settings.Markdown(d.Config())
	}
	return s
}

// commandPages describes every command with its flags and examples.
func commandPages(root *cobra.Command) string {
	var b strings.Builder
	var visit func(*cobra.Command)
	visit = func(c *cobra.Command) {
		if c.IsAvailableCommand() && c != root {
			fmt.Fprintf(&b, "## %s\n\n", c.CommandPath())
			text := c.Long
			if text == "" {
				text = c.Short + "."
			}
			fmt.Fprintf(&b, "%s\n\n", text)
			if c.Runnable() {
				fmt.Fprintf(&b, "    %s\n\n", c.UseLine())
			}
			if flags := c.NonInheritedFlags().FlagUsages(); flags != "" {
				fmt.Fprintf(&b, "```\n%s```\n\n", flags)
			}
			if c.Example != "" {
				fmt.Fprintf(&b, "Examples:\n\n```\n%s\n```\n\n", c.Example)
			}
		}
		for _, sub := range c.Commands() {
			visit(sub)
		}
	}
	visit(root)
	return b.String()
}
