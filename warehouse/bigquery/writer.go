package bigquery

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	bq "google.golang.org/api/bigquery/v2"

	"spillway/warehouse"
	"spillway/warehouse/sqldb"
)

// writer keeps tables by statements alone: for a while BigQuery deletes no rows that were streamed into a table.
type writer struct {
	warehouse *bigquery
	location  string // where the tables are, once it is known
}

func openWriter(_ context.Context, c Config, env warehouse.Env) (warehouse.Writer, error) {
	b, err := newBigquery(c, env)
	if err != nil {
		return nil, err
	}
	return &writer{warehouse: b, location: c.Location}, nil
}

func (w *writer) Close() error { return w.warehouse.Close() }

// Create asks for each table whether it is there before it makes it, as somebody else may have made it.
func (w *writer) Create(ctx context.Context, tables []warehouse.Table) error {
	for _, t := range tables {
		name, err := w.name(t)
		if err != nil {
			return failed("make", t, err)
		}
		there, err := w.find(ctx, t, name)
		if err == nil && !there {
			err = w.create(ctx, t, name)
		}
		if err != nil {
			return failed("make", t, unwritten(err))
		}
	}
	return nil
}

// find reports whether there is a table with these columns, and learns where it is. Nothing is read.
func (w *writer) find(ctx context.Context, t warehouse.Table, name string) (bool, error) {
	job, err := w.warehouse.dryRun(ctx, warehouse.Query{SQL: "SELECT " + names(t) + " FROM " + name})
	if e, ok := errors.AsType[*warehouse.Error](err); ok && e.Code == "notFound" {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if r := job.JobReference; r != nil && w.location == "" {
		w.location = r.Location
	}
	return true, nil
}

var columnTypes = map[warehouse.Type]string{warehouse.String: "STRING", warehouse.Int: "INT64", warehouse.Time: "TIMESTAMP"}

// create clusters the table by its key, so that the rows of a run are deleted without reading all others.
func (w *writer) create(ctx context.Context, t warehouse.Table, name string) error {
	columns := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		columns[i] = c.Name + " " + columnTypes[c.Type]
	}
	s := &script{}
	s.add("CREATE TABLE IF NOT EXISTS " + name + " (" + strings.Join(columns, ", ") + ")")
	if len(t.Key) > 0 {
		s.text.WriteString(" CLUSTER BY " + strings.Join(t.Key, ", "))
	}
	_, err := w.run(ctx, s, "", false)
	return err
}

// name is the whole name of a table. Its dataset is that of the connection where it has none of its own.
func (w *writer) name(t warehouse.Table) (string, error) {
	project, dataset := w.warehouse.config.defaultDataset()
	if t.Schema != "" {
		project, dataset = w.warehouse.config.Project, t.Schema
		if p, d, ok := strings.Cut(t.Schema, "."); ok {
			project, dataset = p, d
		}
	}
	if dataset == "" || strings.Contains(dataset, ".") {
		return "", errors.New("it is in no dataset: set schema under [runlog] to a dataset, such as \"ops\" or \"other-project.ops\"")
	}
	return quote(project, dataset, t.Name), nil
}

// locate learns where the tables are: BigQuery does not find that out for a session, which belongs to one place.
func (w *writer) locate(ctx context.Context, changes []warehouse.Replacement) error {
	for _, c := range changes {
		if w.location != "" {
			return nil
		}
		name, err := w.name(c.Table)
		if err == nil {
			_, err = w.find(ctx, c.Table, name)
		}
		if err != nil {
			return failed("write", c.Table, unwritten(err))
		}
	}
	return nil
}

// Replace carries out the changes in one transaction, which is one job where they are not too many.
func (w *writer) Replace(ctx context.Context, changes []warehouse.Replacement) error {
	if err := w.locate(ctx, changes); err != nil {
		return err
	}
	t := &transaction{writer: w, script: &script{}}
	defer t.end(ctx)
	for _, c := range changes {
		if err := t.replace(ctx, c); err != nil {
			return failed("write", c.Table, unwritten(err))
		}
	}
	return unwritten(t.commit(ctx))
}

// run has BigQuery run a script to its end, in a session where one is named, or in one that it makes.
func (w *writer) run(ctx context.Context, s *script, session string, begins bool) (*bq.Job, error) {
	c := w.warehouse.configuration(warehouse.Query{SQL: s.text.String()})
	c.Query.CreateSession = begins
	if session != "" {
		c.Query.ConnectionProperties = []*bq.ConnectionProperty{{Key: "session_id", Value: session}}
	}
	if c.Query.QueryParameters = s.parameters; len(s.parameters) > 0 {
		c.Query.ParameterMode = "NAMED"
	}
	j, err := w.warehouse.submit(ctx, jobID(warehouse.Tag{}), c, w.location)
	if err != nil {
		return nil, err
	}
	defer j.cancel()
	if w.location == "" {
		w.location = j.location
	}
	return j.end(ctx)
}

func failed(what string, t warehouse.Table, err error) error {
	return fmt.Errorf("%s the table %s: %w", what, strings.TrimPrefix(t.Schema+"."+t.Name, "."), err)
}

func names(t warehouse.Table) string {
	list := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		list[i] = c.Name
	}
	return strings.Join(list, ", ")
}

// unwritten is an error of a writer, which takes other rights than a model.
func unwritten(err error) error {
	e, ok := errors.AsType[*warehouse.Error](err)
	if !ok {
		return err
	}
	out := *e
	switch out.Code {
	case "accessDenied":
		out.Hint = "grant the account roles/bigquery.dataEditor on the dataset, and roles/bigquery.jobUser on the project"
	case "notFound":
		out.Hint = "check schema under [runlog], or the connection's dataset: it is not made"
	case "invalidQuery":
		if out.Err != nil { // what BigQuery said before it ran anything
			out.Hint = "the table was made by somebody else, or by another version: rename it, or set another prefix under [runlog]"
		}
	}
	return &out
}

// script is statements for one job, and their parameters.
type script struct {
	text       strings.Builder
	parameters []*bq.QueryParameter
	size       int // of the parameters as JSON, in bytes
}

func (s *script) add(statement string) {
	if s.text.Len() > 0 {
		s.text.WriteString(";\n")
	}
	s.text.WriteString(statement)
}

// array adds a parameter and returns how statements call it.
func (s *script) array(of *bq.QueryParameterType, values []*bq.QueryParameterValue) string {
	name := fmt.Sprintf("p%d", len(s.parameters))
	s.parameters = append(s.parameters, &bq.QueryParameter{
		Name: name, ParameterType: &bq.QueryParameterType{Type: "ARRAY", ArrayType: of}, ParameterValue: &bq.QueryParameterValue{ArrayValues: values},
	})
	return "@" + name
}

// overhead is what JSON takes for a value in bytes, besides its name and its text.
const overhead = 20

// value is a parameter's value, and how many bytes it takes as JSON.
func value(v warehouse.Value) (bq.QueryParameterValue, int) {
	var text string
	switch v := v.(type) {
	case nil:
		return bq.QueryParameterValue{NullFields: []string{"Value"}}, overhead
	case time.Time:
		text = v.UTC().Format("2006-01-02 15:04:05.999999-07:00")
	case string:
		text = sqldb.Fitting(v, 0)
	default:
		text = fmt.Sprint(v)
	}
	return bq.QueryParameterValue{Value: text, ForceSendFields: []string{"Value"}}, overhead + escaped(text)
}

// escaped is how many bytes encoding/json makes of a text, at most.
func escaped(text string) int {
	n := len(text)
	for i := range len(text) {
		switch b := text[i]; {
		case b < ' ' || b == '<' || b == '>' || b == '&':
			n += 5
		case b == '"' || b == '\\' || b == 0xE2: // which begins U+2028
			n += 3
		}
	}
	return n
}
