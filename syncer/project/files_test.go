package project

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestNothingOutsideTheProjectIsRead(t *testing.T) {
	t.Parallel()
	outside := write(t, map[string]string{"secret.sql": "select 'outside'", "secret.toml": goodSync, "models/x.sql": "select 1"})
	link := func(to, from string) func(*testing.T, string) {
		return func(t *testing.T, root string) {
			t.Helper()
			if err := os.Symlink(to, filepath.Join(root, from)); err != nil {
				t.Fatal(err)
			}
		}
	}
	const leads = "is a symbolic link that leads outside the project or is absolute; copy the file, or link to it relatively"
	for name, tt := range map[string]struct {
		arrange func(*testing.T, string)
		without string // a path of the good project
		want    string
	}{
		"a model that leads outside":      {link(filepath.Join(outside, "secret.sql"), "models/x.sql"), "", "models/x.sql: " + leads},
		"a model that climbs out":         {link("../../"+filepath.Base(outside)+"/secret.sql", "models/x.sql"), "", "models/x.sql: " + leads},
		"a sync that leads outside":       {link(filepath.Join(outside, "secret.toml"), "syncs/x.toml"), "", "syncs/x.toml: " + leads},
		"a project file that leads out":   {link(filepath.Join(outside, "secret.toml"), FileName), FileName, FileName + ": " + leads},
		"a directory that leads outside":  {link(filepath.Join(outside, "models"), "models"), "models", "models: " + leads + "\nsyncs/contacts.toml:1: model: there is no models/customers.sql"},
		"a link to nothing":               {link("nothing.sql", "models/x.sql"), "", "models/x.sql: is a symbolic link to a file that does not exist"},
		"a link to itself":                {link("x.sql", "models/x.sql"), "", "models/x.sql: " + leads},
		"a directory that is a dead link": {link("nowhere", "syncs"), "syncs", "syncs: is a symbolic link to a file that does not exist"},
		"a pipe": {func(t *testing.T, root string) {
			t.Helper()
			if err := syscall.Mkfifo(filepath.Join(root, "models/x.sql"), 0o600); err != nil {
				t.Fatal(err)
			}
		}, "", "models/x.sql: is not a regular file"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root := write(t, withGood(nil))
			if tt.without != "" {
				if err := os.RemoveAll(filepath.Join(root, tt.without)); err != nil {
					t.Fatal(err)
				}
			}
			tt.arrange(t, root)
			_, problems := Load(root, testKinds())
			if diff := cmp.Diff(tt.want, problems.Error()); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
		})
	}
}

func TestALinkWithinTheProjectIsFollowed(t *testing.T) {
	t.Parallel()
	root := write(t, withGood(nil))
	if err := os.Symlink("customers.sql", filepath.Join(root, "models", "same.sql")); err != nil {
		t.Fatal(err)
	}
	p, problems := Load(root, testKinds())
	if err := problems.Err(); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(p.Models["customers"].SQL, p.Models["same"].SQL); diff != "" {
		t.Error(diff)
	}
}

func TestSQLIsBroughtIntoOneForm(t *testing.T) {
	t.Parallel()
	const want = "select a,\n  ';' as b -- what; else\nfrom t"
	for name, text := range map[string]string{
		"as it is":                    want,
		"with a semicolon":            want + ";\n",
		"with several and blanks":     want + " ; ;\n\t\n",
		"with a byte order mark":      "\ufeff" + want,
		"from Windows":                strings.ReplaceAll(want, "\n", "\r\n") + "\r\n;\r\n",
		"of both systems in one file": strings.Replace(want, "\n", "\r\n", 1),
	} {
		p := load(t, map[string]string{"models/customers.sql": text})
		if diff := cmp.Diff(want, p.Syncs[0].SQL); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		p = load(t, map[string]string{
			"syncs/contacts.toml": strings.Replace(goodSync, `model = "customers"`, "sql = '''\n"+text+"'''", 1),
		})
		if diff := cmp.Diff(want, p.Syncs[0].SQL); diff != "" {
			t.Errorf("%s, in the sync (-want +got):\n%s", name, diff)
		}
	}
}

func TestFilesThatAreNotTheProjectsAreLeftAlone(t *testing.T) {
	t.Parallel()
	p := load(t, map[string]string{
		"models/README.md": "\xff", "models/.hidden.sql": "", "models/sub/deep.sql": "", "models/customers.sql~": "", "models/#x.sql#": "",
		"syncs/README.md": "\xff", "syncs/.contacts.toml": "x", "syncs/sub/deep.toml": "x", "syncs/contacts.toml.bak": "x",
		"data/x.csv": "a\n", ".spillway/state": "x",
	})
	if len(p.Models) != 1 || len(p.Syncs) != 1 {
		t.Errorf("%d models and %d syncs were loaded", len(p.Models), len(p.Syncs))
	}
}

func TestAProjectMayBeNearlyEmpty(t *testing.T) {
	t.Parallel()
	for name, files := range map[string]map[string]string{
		"without syncs":               {FileName: goodMain, "models/customers.sql": "select 1"},
		"with nothing but its name":   {FileName: "[project]\nname = 'x'\n"},
		"with nothing at all":         {FileName: ""},
		"with a model that none uses": {FileName: "project.name = 'x'\n", "models/customers.sql": "select 1"},
	} {
		p, problems := Load(write(t, files), testKinds())
		if err := problems.Err(); err != nil {
			t.Errorf("%s: %s", name, err)
			continue
		}
		if files[FileName] == "" && p.Name != filepath.Base(p.Root) {
			t.Errorf("%s: it is called %s", name, p.Name)
		}
		if syncs, err := p.Select(nil, nil); err != nil || len(syncs) != 0 {
			t.Errorf("%s: %d syncs, %v", name, len(syncs), err)
		}
	}
}

func TestADirectoryThatIsNoneIsNamed(t *testing.T) {
	t.Parallel()
	root := write(t, map[string]string{"file": "x"})
	for dir, want := range map[string]string{
		"nowhere": "spillway.toml: the project's directory ROOT/nowhere cannot be opened: no such file or directory",
		"file":    "spillway.toml: the project's directory ROOT/file is not a directory",
	} {
		_, problems := Load(filepath.Join(root, dir), testKinds())
		if diff := cmp.Diff(want, strings.ReplaceAll(problems.Error(), root, "ROOT")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", dir, diff)
		}
	}
}

func TestAFileThatIsTooLargeIsNotRead(t *testing.T) {
	t.Parallel()
	_, problems := Load(write(t, withGood(map[string]string{
		"models/big.sql": "select 1 " + strings.Repeat(" ", largestSQL),
		"syncs/big.toml": goodSync + "#" + strings.Repeat("x", largestTOML),
	})), testKinds())
	want := "models/big.sql: is larger than 4096 KiB\nsyncs/big.toml: is larger than 256 KiB"
	if diff := cmp.Diff(want, problems.Error()); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
}

func TestTheProjectIsFoundFromWithin(t *testing.T) {
	t.Parallel()
	root := write(t, withGood(map[string]string{"models/a/b/c/x": "", "inner/" + FileName: goodMain, "inner/deep/x": ""}))
	for from, want := range map[string]string{"": "", "models": "", "models/a/b/c": "", "inner": "inner", "inner/deep": "inner"} {
		got, err := Find(filepath.Join(root, from))
		if err != nil || got != filepath.Join(root, want) {
			t.Errorf("from %q: %s, %v", from, got, err)
		}
	}
	empty := t.TempDir()
	_, err := Find(empty)
	if err == nil || !strings.Contains(err.Error(), empty) || !strings.Contains(err.Error(), "spillway init") {
		t.Errorf("without a project: %v", err)
	}
}
