package main

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// quotation is a section that is made from source files, so that what a page quotes is what they hold. "code FILE NAME..."
// has the declarations of these names, with their comments, in the order of the file; "line FILE TEXT" has the lines that
// hold the text; "lines FILE..." has the number of lines of each file.
func quotation(t *testing.T, section string) (text string, ok bool) {
	t.Helper()
	words := strings.Fields(section)
	switch {
	case len(words) > 2 && words[0] == "code":
		return "```go\n" + declarations(t, words[1], words[2:]) + "```\n", true
	case len(words) == 3 && words[0] == "line":
		var b strings.Builder
		for line := range strings.Lines(string(source(t, words[1]))) {
			if strings.Contains(line, words[2]) {
				b.WriteString(line)
			}
		}
		return "```go\n" + b.String() + "```\n", b.Len() > 0
	case len(words) > 1 && words[0] == "lines":
		var b strings.Builder
		b.WriteString("| file | lines |\n|---|---|\n")
		for _, file := range words[1:] {
			fmt.Fprintf(&b, "| `%s` | %d |\n", file, bytes.Count(source(t, file), []byte("\n")))
		}
		return b.String(), true
	}
	return "", false
}

func source(t *testing.T, file string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("../..", filepath.FromSlash(file)))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// declarations are the functions, methods, types, constants and variables of file that have these names.
func declarations(t *testing.T, file string, names []string) string {
	t.Helper()
	text := source(t, file)
	files := token.NewFileSet()
	tree, err := parser.ParseFile(files, file, text, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	var parts []string
	found := map[string]bool{}
	for _, d := range tree.Decls {
		wanted := false
		for _, name := range declared(d) {
			if slices.Contains(names, name) {
				found[name], wanted = true, true
			}
		}
		if wanted {
			parts = append(parts, string(text[files.Position(beginning(d)).Offset:files.Position(d.End()).Offset])+"\n")
		}
	}
	for _, name := range names {
		if !found[name] {
			t.Errorf("%s declares no %s", file, name)
		}
	}
	return strings.Join(parts, "\n")
}

func declared(d ast.Decl) []string {
	switch d := d.(type) {
	case *ast.FuncDecl:
		return []string{d.Name.Name}
	case *ast.GenDecl:
		var names []string
		for _, s := range d.Specs {
			switch s := s.(type) {
			case *ast.TypeSpec:
				names = append(names, s.Name.Name)
			case *ast.ValueSpec:
				for _, n := range s.Names {
					names = append(names, n.Name)
				}
			}
		}
		return names
	}
	return nil
}

// beginning is where d begins, with the comment that describes it.
func beginning(d ast.Decl) token.Pos {
	var doc *ast.CommentGroup
	switch d := d.(type) {
	case *ast.FuncDecl:
		doc = d.Doc
	case *ast.GenDecl:
		doc = d.Doc
	}
	if doc != nil {
		return doc.Pos()
	}
	return d.Pos()
}

func TestWhatPagesQuoteIsTakenFromTheFiles(t *testing.T) {
	t.Parallel()
	text, ok := quotation(t, "code destinations/brevo/brevo.go contacts Close")
	if !ok || !strings.HasPrefix(text, "```go\nconst (\n\tcontacts ") || !strings.HasSuffix(text, ")\n\nfunc (d *destination) Close() error { return d.client.Close() }\n```\n") {
		t.Errorf("%t, %q", ok, text)
	}
	if text, ok = quotation(t, "lines destinations/brevo/brevo.go"); !ok || !strings.Contains(text, "| `destinations/brevo/brevo.go` | 2") {
		t.Errorf("%t, %q", ok, text)
	}
	if text, ok = quotation(t, "line destinations/all/all.go brevo.Definition"); !ok || text != "```go\n\t\tbrevo.Definition(),\n```\n" {
		t.Errorf("%t, %q", ok, text)
	}
	if _, ok = quotation(t, "settings of nothing"); ok {
		t.Error("a section of another kind is quoted")
	}
}
