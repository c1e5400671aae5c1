//go:build !noduckdb

package duckdb

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	duck "github.com/duckdb/duckdb-go-bindings"

	"spillway/warehouse"
)

// write makes a file with all directories above it.
func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// change runs statements on a database file past the warehouse, which only reads.
func change(t *testing.T, path string, statements ...string) {
	t.Helper()
	if err := run(path, statements...); err != nil {
		t.Fatal(err)
	}
}

func run(path string, statements ...string) error {
	var db duck.Database
	defer duck.Close(&db)
	if duck.Open(path, &db) == duck.StateError {
		return errors.New("open " + path)
	}
	var conn duck.Connection
	defer duck.Disconnect(&conn)
	if duck.Connect(db, &conn) == duck.StateError {
		return errors.New("connect to " + path)
	}
	for _, sql := range statements {
		var result duck.Result
		state := duck.Query(conn, sql, &result)
		message := duck.ResultError(&result)
		duck.DestroyResult(&result)
		if state == duck.StateError {
			return fmt.Errorf("%s: %s", sql, message)
		}
	}
	return nil
}

// texts reads the one column of a query as text.
func texts(ctx context.Context, w warehouse.Warehouse, sql string) ([]string, error) {
	rows, err := w.Query(ctx, warehouse.Query{SQL: sql})
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var all []string
	for {
		row, err := rows.Next(ctx)
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return all, err
		}
		all = append(all, fmt.Sprint(row[0]))
	}
}

func TestFilesAreFoundFromTheProject(t *testing.T) {
	project := filepath.Join(t.TempDir(), "a, b")
	write(t, filepath.Join(project, "data/one.csv"), "id,name\n1,Ada\n")
	write(t, filepath.Join(project, "data/two.csv"), "id,name\n2,Bo\n")
	write(t, filepath.Join(project, "data/three.json"), `[{"id":3,"name":"Cy"}]`)
	change(t, filepath.Join(project, "people.duckdb"), "create table people as select 4 as id, 'Di' as name",
		"copy people to '"+filepath.Join(project, "data/four.parquet")+"'")
	elsewhere := t.TempDir()
	write(t, filepath.Join(elsewhere, "data/other.csv"), "id,name\n9,Wrong\n")
	t.Chdir(elsewhere)
	memory := openAt(t, project, Config{})
	file := openAt(t, project, Config{Path: "people.duckdb"})
	for sql, want := range map[string]string{
		"select name from 'data/one.csv'":                                       "Ada",
		"select name from read_csv('./data/one.csv')":                           "Ada",
		"select name from read_csv('data/*.csv') order by id":                   "Ada Bo",
		"select name from read_csv(['data/two.csv', 'data/one.csv'])":           "Bo Ada",
		"select name from 'data/three.json'":                                    "Cy",
		"select name from read_json('data/th*.json')":                           "Cy",
		"select name from 'data/four.parquet'":                                  "Di",
		"select name from '" + filepath.Join(project, "data/one.csv") + "'":     "Ada",
		"select 'data/other.csv' || name from 'data/one.csv' where name <> 'x'": "refused",
	} {
		for name, w := range map[string]warehouse.Warehouse{"in memory": memory, "a database": file} {
			got, err := texts(t.Context(), w, sql)
			if want == "refused" {
				if err == nil || !strings.Contains(err.Error(), "data/other.csv") || !strings.Contains(err.Error(), project) {
					t.Errorf("%s: %s gave %v and error %v, want a refusal that names file and project", name, sql, got, err)
				}
				continue
			}
			if strings.Join(got, " ") != want || err != nil {
				t.Errorf("%s: %s gave %v and error %v, want %s", name, sql, got, err, want)
			}
		}
	}
	if got, err := texts(t.Context(), file, "select name from people"); err != nil || len(got) != 1 || got[0] != "Di" {
		t.Errorf("the database gave %v, error %v", got, err)
	}
}

func TestAFileInTheWorkingDirectoryIsNeverTakenForTheProjects(t *testing.T) {
	project, elsewhere := t.TempDir(), t.TempDir()
	write(t, filepath.Join(project, "data/people.csv"), "id\n1\n")
	write(t, filepath.Join(elsewhere, "data/people.csv"), "id\n2\n")
	write(t, filepath.Join(elsewhere, `data/it's.csv`), "id\n3\n")
	w := openAt(t, project, Config{})
	const sql = "select id from 'data/people.csv'"
	t.Chdir(elsewhere)
	for _, sql := range []string{sql, `select id from "data/people.csv"`, "select id from read_csv('data/it''s.csv')"} {
		got, err := texts(t.Context(), w, sql)
		if e, ok := errors.AsType[*warehouse.Error](err); !ok || e.Temporary || !strings.Contains(e.Hint, project) {
			t.Errorf("%s gave %v and error %v, want a refusal", sql, got, err)
		}
	}
	if got, err := texts(t.Context(), w, "select 1 -- 'data/people.csv'\n/* \"data/people.csv\" */"); err != nil {
		t.Errorf("a name in a comment gave %v and error %v", got, err)
	}
	t.Chdir(project)
	if got, err := texts(t.Context(), w, sql); err != nil || len(got) != 1 || got[0] != "1" {
		t.Errorf("in the project's directory it gave %v and error %v", got, err)
	}
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(project, link); err != nil {
		t.Fatal(err)
	}
	t.Chdir(link)
	if got, err := texts(t.Context(), w, sql); err != nil || len(got) != 1 || got[0] != "1" {
		t.Errorf("by another name of the project's directory it gave %v and error %v", got, err)
	}
}

func TestADatabaseThatCannotBeOpenedSaysWhy(t *testing.T) {
	t.Parallel()
	project := t.TempDir()
	write(t, filepath.Join(project, "notes.txt"), strings.Repeat("not a database ", 1000))
	write(t, filepath.Join(project, "people.csv"), "id\n1\n")
	for _, tt := range []struct {
		name   string
		config Config
		want   string
	}{
		{"a missing file", Config{Path: "nope.duckdb", Memory: "1GB"}, "check path"},
		{"no database", Config{Path: "notes.txt", Memory: "1GB"}, "is no DuckDB database"},
		{"a CSV file", Config{Path: "people.csv", Memory: "1GB"}, "is no DuckDB database"},
		{"a directory", Config{Path: ".", Memory: "1GB"}, "check "},
		{"nonsense for memory", Config{Memory: "plenty"}, "memory_limit"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := openAt(t, project, tt.config)
			for range 2 {
				err := w.Check(t.Context())
				if _, ok := errors.AsType[*warehouse.Error](err); !ok || warehouse.Temporary(err) || !strings.Contains(err.Error(), tt.want) {
					t.Errorf("the error is %v, want %q in it and lasting", err, tt.want)
				}
			}
		})
	}
	if _, err := os.Stat(filepath.Join(project, "nope.duckdb")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the missing file was made: %v", err)
	}
}

// holdEnv makes this test binary a process that holds a database open for writing until its input ends.
const holdEnv = "SPILLWAY_TEST_HOLD_DUCKDB"

func hold(path string) error {
	var db duck.Database
	defer duck.Close(&db)
	if duck.Open(path, &db) == duck.StateError {
		return errors.New("open " + path)
	}
	if _, err := io.WriteString(os.Stdout, "held\n"); err != nil {
		return err
	}
	_, err := io.Copy(io.Discard, os.Stdin)
	return err
}

func TestADatabaseThatIsBeingWrittenIsATemporaryError(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "people.duckdb")
	change(t, path, "create table people as select 1 as id")
	w := openAt(t, t.TempDir(), Config{Path: path})
	if err := w.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	writer := exec.CommandContext(t.Context(), self)
	writer.Env = append(os.Environ(), holdEnv+"="+path)
	input, err := writer.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	output, err := writer.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := writer.Start(); err != nil { // it gets the lock, for an idle warehouse holds none
		t.Fatal(err)
	}
	if _, err := io.ReadFull(output, make([]byte, len("held\n"))); err != nil {
		t.Fatal(err)
	}
	err = w.Check(t.Context())
	e, ok := errors.AsType[*warehouse.Error](err)
	if !ok || !e.Temporary || !strings.Contains(e.Hint, path) || !strings.Contains(e.Message, fmt.Sprint(writer.Process.Pid)) {
		t.Errorf("the error is %v, want a temporary one with the file and the other process", err)
	}
	if err := input.Close(); err != nil {
		t.Fatal(err)
	}
	if err := writer.Wait(); err != nil {
		t.Fatal(err)
	}
	if err := w.Check(t.Context()); err != nil {
		t.Errorf("when the writer is done: %v", err)
	}
}

func TestNothingIsWritten(t *testing.T) {
	t.Parallel()
	project := t.TempDir()
	path := filepath.Join(project, "people.duckdb")
	change(t, path, "create table people as select 1 as id", "create sequence numbers")
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	w := openAt(t, project, Config{Path: path})
	for _, sql := range []string{
		"insert into people values (2)", "insert into people values (2) returning id", "with x as (select 3 as id) insert into people select * from x",
		"/* select */ export database '" + project + "/out'", "-- select 1\nexport database '" + project + "/out'", "(export database '" + project + "/out')",
		"delete from people", "copy people to '" + project + "/out.csv'", "export database '" + project + "/out'",
		"create table more (id int)", "attach '" + project + "/more.duckdb'", "select nextval('numbers')",
		"select 1; copy people to '" + project + "/out.csv'", "explain analyze insert into people values (2)",
		"execute x", "pragma force_checkpoint",
	} {
		if got, err := texts(t.Context(), w, sql); err == nil {
			t.Errorf("%s gave %v", sql, got)
		}
	}
	after, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(before) != string(after) {
		t.Error("the database file changed")
	}
	entries, err := os.ReadDir(project)
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != 1 {
		t.Errorf("the project's directory holds %v, want the database alone", entries)
	}
}

func TestABadLineOfACSVFileIsNamedAndNotShown(t *testing.T) {
	t.Parallel()
	project := t.TempDir()
	var text strings.Builder
	text.WriteString("id,email\n")
	for i := range 60_000 {
		fmt.Fprintf(&text, "%d,canary%d@example.com\n", i, i)
	}
	text.WriteString("canary-id,canary-email\n")
	write(t, filepath.Join(project, "people.csv"), text.String())
	w := openAt(t, project, Config{})
	_, err := texts(t.Context(), w, "select id, email from read_csv('people.csv', header = true, columns = {'id': 'BIGINT', 'email': 'VARCHAR'})")
	if err == nil || strings.Contains(err.Error(), "canary") || !strings.Contains(err.Error(), "60002") || !strings.Contains(err.Error(), `"id"`) {
		t.Errorf("the error is %v, want line 60002 and column id without values", err)
	}
	_, err = texts(t.Context(), w, "select id from 'people.csv'")
	if err == nil || strings.Contains(err.Error(), "canary") {
		t.Errorf("the error is %v, want none of the values", err)
	}
}

func TestADamagedFileIsNeverAnEnd(t *testing.T) {
	t.Parallel()
	project := t.TempDir()
	path := filepath.Join(project, "people.parquet")
	change(t, "", "copy (select range as id, 'name ' || hash(range) as name from range(400000)) to '"+path+"' (row_group_size 20000)")
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	w := openAt(t, project, Config{})
	for share := 1; share < 10; share++ {
		damaged := append([]byte(nil), whole...)
		at := len(damaged) * share / 10
		copy(damaged[at:], make([]byte, 4000))
		name := fmt.Sprintf("damaged%d.parquet", share)
		write(t, filepath.Join(project, name), string(damaged))
		got, err := texts(t.Context(), w, "select id || name from '"+name+"'")
		if err == nil && len(got) != 400_000 {
			t.Errorf("damaged at %d of 10 the file ended after %d rows without an error", share, len(got))
		}
	}
	write(t, filepath.Join(project, "short.parquet"), string(whole[:len(whole)/2]))
	if got, err := texts(t.Context(), w, "select id from 'short.parquet'"); err == nil {
		t.Errorf("half a file gave %d rows without an error", len(got))
	}
}

func TestWhatDoesNotFitIntoMemorySpillsAndIsGoneAfterwards(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	w := openAt(t, t.TempDir(), Config{Memory: "60MB", Threads: 2})
	rows, err := w.Query(t.Context(), warehouse.Query{
		SQL: "select repeat('x', 100) || hash(range) as a from range(1000000) order by hash(range)",
	})
	if err != nil {
		t.Fatal(err)
	}
	spilled := false
	n := 0
	for ; ; n++ {
		_, err := rows.Next(t.Context())
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			found, err := filepath.Glob(filepath.Join(temp, "*", "spill", "*"))
			if err != nil {
				t.Fatal(err)
			}
			spilled = len(found) > 0
		}
	}
	if err := rows.Close(); err != nil {
		t.Fatal(err)
	}
	left, err := os.ReadDir(temp)
	if err != nil {
		t.Fatal(err)
	}
	if n != 1_000_000 || !spilled || len(left) != 0 {
		t.Errorf("%d rows came, spilled %t, left behind %v", n, spilled, left)
	}
}

func TestTooLittleMemoryIsAnErrorWithAHint(t *testing.T) {
	t.Parallel()
	w := openAt(t, t.TempDir(), Config{Memory: "20MB", Threads: 2})
	_, err := texts(t.Context(), w, "select len(list(repeat('x', 100) || range)) from range(1000000)")
	e, ok := errors.AsType[*warehouse.Error](err)
	if !ok || e.Code != "Out of Memory Error" || !strings.Contains(e.Hint, "raise memory") {
		t.Errorf("the error is %v, want Out of Memory Error with a hint", err)
	}
}

func TestATypeThatCannotBeReadIsRefused(t *testing.T) {
	t.Parallel()
	w := openAt(t, t.TempDir(), Config{})
	for _, sql := range []string{"select 1::variant as odd", "select [1::variant] as odd"} {
		_, described := w.Columns(t.Context(), sql)
		_, queried := w.Query(t.Context(), warehouse.Query{SQL: sql})
		for _, err := range []error{described, queried} {
			e, ok := errors.AsType[*warehouse.Error](err)
			if !ok || !strings.Contains(e.Message, `"odd"`) || !strings.Contains(e.Hint, "cast") {
				t.Errorf("the error is %v, want one that names the column and says to cast it", err)
			}
		}
	}
}

func TestErrorsAreShortAndSayWhatToDo(t *testing.T) {
	t.Parallel()
	w := openAt(t, t.TempDir(), Config{})
	for sql, want := range map[string][]string{
		"select emial from (select 1 as email)":   {"Binder Error", "emial", "line 1", "email"},
		"select *\nfrom custmers":                 {"Catalog Error", "custmers", "line 2"},
		"select * from 'missing.csv'":             {"IO Error", "missing.csv", "the project's directory"},
		"select * from 'https://x.invalid/a.csv'": {"no extension is loaded"},
		"select * from 's3://bucket/a.parquet'":   {"no extension is loaded"},
		"select 1; select 2":                      {"one SELECT statement"},
		"":                                        {"one SELECT statement"},
		"selec 1":                                 {"begins with selec", "one SELECT statement"},
		"select from where":                       {"Parser Error", "line 1"},
	} {
		_, err := w.Columns(t.Context(), sql)
		if err == nil || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: the error is %v, want one line", sql, err)
			continue
		}
		for _, part := range want {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%s: the error is %v, want %q in it", sql, err, part)
			}
		}
	}
}
