package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"unicode"

	"github.com/spf13/cobra"

	"spillway/examples"
)

// schemaDir is where init puts the schemas that the files' first lines name.
const schemaDir = ".schema"

func (a *app) initCommand() *cobra.Command {
	return &cobra.Command{
		Use: "init [DIR]", Short: "Write a project that runs at once, on embedded DuckDB and the sandbox CRM", Args: arguments("[DIR]"),
		Long: `Init writes a project into DIR, or into the working directory: a CSV file of customers, a model over it, and a sync
that delivers to the sandbox CRM. It overwrites nothing.`,
		Example: "  spillway init crm\n  cd crm && spillway plan && spillway run",
		RunE: func(_ *cobra.Command, args []string) error {
			dir := cmp.Or(a.projectDir, ".")
			if len(args) == 1 {
				dir = args[0]
			}
			files, err := scaffold(dir)
			if err != nil {
				return err
			}
			if a.json {
				return a.printJSON(map[string]any{"project": dir, "files": files})
			}
			a.printf("Wrote a project to %s:\n", dir)
			for _, f := range files {
				a.printf("  %s\n", f)
			}
			in := ""
			if dir != "." {
				in = "cd " + shellWord(dir) + " && "
			}
			a.printf("\nNext: %sspillway plan\n", in)
			return nil
		},
	}
}

// shellWord quotes a name that a shell would take apart.
func shellWord(name string) string {
	plain := func(r rune) bool {
		return unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("-_./", r)
	}
	if strings.IndexFunc(name, func(r rune) bool { return !plain(r) }) < 0 {
		return name
	}
	return "'" + strings.ReplaceAll(name, "'", `'\''`) + "'"
}

// scaffold writes the quickstart project into dir and returns its files. It refuses where one of them is already.
func scaffold(dir string) ([]string, error) {
	content, err := scaffoldFiles()
	if err != nil {
		return nil, err
	}
	names := sortedNames(content)
	for _, name := range names {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
			if err == nil {
				err = errors.New("init overwrites nothing; choose an empty directory")
			}
			return nil, fmt.Errorf("%s is there already: %w", path, err)
		}
	}
	for _, name := range names {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return nil, fmt.Errorf("write the project: %w", err)
		}
		if err := os.WriteFile(path, content[name], 0o644); err != nil {
			return nil, fmt.Errorf("write the project: %w", err)
		}
	}
	return names, nil
}

// scaffoldFiles returns the files of a new project by their names.
func scaffoldFiles() (map[string][]byte, error) {
	files := map[string][]byte{}
	err := fs.WalkDir(examples.Quickstart, "quickstart", func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			files[strings.TrimPrefix(path, "quickstart/")], err = examples.Quickstart.ReadFile(path)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the embedded project: %w", err)
	}
	for name, schema := range map[string]map[string]any{"project.json": kinds().ProjectSchema(), "sync.json": kinds().SyncSchema()} {
		text, err := json.MarshalIndent(schema, "", "  ")
		if err != nil {
			return nil, fmt.Errorf("write the schema: %w", err)
		}
		files[schemaDir+"/"+name] = append(text, '\n')
	}
	return files, nil
}
