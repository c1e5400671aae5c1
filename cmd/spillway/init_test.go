package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
)

// quickstart is the example that init writes.
const quickstart = "../../examples/quickstart"

func TestTheQuickstartExampleIsWhatInitWrites(t *testing.T) {
	t.Parallel()
	want, err := scaffoldFiles()
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range want {
		golden(t, filepath.Join(quickstart, filepath.FromSlash(name)), content)
	}
	err = filepath.WalkDir(quickstart, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(quickstart, path)
		if err != nil {
			return err
		}
		if entry.IsDir() && name == ".spillway" {
			return fs.SkipDir // what a run left there
		}
		if _, ok := want[filepath.ToSlash(name)]; !ok && !entry.IsDir() {
			t.Errorf("init does not write %s", name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestInitWritesTheSameFilesWithPrivateModesLeftToTheUmask(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "crm")
	names, err := scaffold(dir)
	if err != nil {
		t.Fatal(err)
	}
	want, err := scaffoldFiles()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string][]byte{}
	for _, name := range names {
		if got[name], err = os.ReadFile(filepath.Join(dir, filepath.FromSlash(name))); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}

func TestEveryCommandHasAnExampleThatItTakes(t *testing.T) {
	t.Parallel()
	root := newApp(os.Stdin, os.Stdout, os.Stderr).root()
	var walk func(*cobra.Command)
	walk = func(cmd *cobra.Command) {
		t.Run(cmd.CommandPath(), func(t *testing.T) {
			if cmd.Short == "" {
				t.Error("it says nothing of itself")
			}
			if !strings.Contains(cmd.Example, cmd.CommandPath()) {
				t.Errorf("its example is of something else: %q", cmd.Example)
			}
			for line := range strings.Lines(cmd.Example) {
				checkExample(t, root, line)
			}
		})
		for _, c := range cmd.Commands() {
			walk(c)
		}
	}
	walk(root)
}

// checkExample holds the command lines of an example against the commands and flags there are.
func checkExample(t *testing.T, root *cobra.Command, line string) {
	t.Helper()
	for _, part := range strings.FieldsFunc(line, func(r rune) bool { return strings.ContainsRune("&|<>()", r) }) {
		words := strings.Fields(part)
		if len(words) == 0 || words[0] != "spillway" {
			continue
		}
		cmd, _, err := root.Find(words[1:])
		if err != nil {
			t.Errorf("%s: %v", part, err)
			continue
		}
		for _, word := range words[1:] {
			name, long := strings.CutPrefix(word, "--")
			if !long {
				continue
			}
			if cmd.Flags().Lookup(name) == nil && cmd.InheritedFlags().Lookup(name) == nil {
				t.Errorf("%s: there is no flag %s", part, word)
			}
		}
	}
}
