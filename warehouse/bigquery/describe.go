package bigquery

import (
	"context"
	"fmt"
	"slices"

	bq "google.golang.org/api/bigquery/v2"

	"spillway/warehouse"
)

// described is what a dry run tells.
type described struct {
	shape
	estimate warehouse.Estimate
	location string // where the query's tables are
}

// describe has BigQuery check a model and plan it. It runs nothing and costs nothing.
func (b *bigquery) describe(ctx context.Context, q warehouse.Query) (described, error) {
	if err := ctx.Err(); err != nil {
		return described{}, err
	}
	job, err := b.dryRun(ctx, q)
	if err != nil {
		return described{}, err
	}
	s := job.Statistics.Query
	if err := isSelect(s); err != nil {
		return described{}, err
	}
	shape, err := shapeOf(s.Schema)
	if err != nil {
		return described{}, err
	}
	out := described{shape: shape, estimate: billed(s), location: b.config.Location}
	if r := job.JobReference; r != nil && r.Location != "" {
		out.location = r.Location
	}
	return out, nil
}

// dryRun has BigQuery check a statement and plan it. The result has the statistics of a query.
func (b *bigquery) dryRun(ctx context.Context, q warehouse.Query) (*bq.Job, error) {
	service, err := b.clients.service(ctx)
	if err != nil {
		return nil, failure(ctx, err)
	}
	request := &bq.Job{Configuration: b.configuration(q), JobReference: &bq.JobReference{ProjectId: b.config.Project, Location: b.config.Location}}
	request.Configuration.DryRun = true
	request.Configuration.Query.MaximumBytesBilled = 0 // what the query would bill is asked for, not refused
	var job *bq.Job
	err = b.retry(ctx, func() error {
		job, err = service.Jobs.Insert(b.config.Project, request).Context(ctx).Do()
		return err
	})
	if err != nil {
		return nil, b.refusal(ctx, err)
	}
	if job.Status != nil && job.Status.ErrorResult != nil {
		return nil, refused(job.Status.ErrorResult.Reason, job.Status.ErrorResult.Message)
	}
	if job.Statistics == nil || job.Statistics.Query == nil {
		return nil, &warehouse.Error{Message: "BigQuery's dry run tells nothing of the query"}
	}
	return job, nil
}

// refusal is the failure of a request. Credentials that were refused are looked up again the next time.
func (b *bigquery) refusal(ctx context.Context, err error) error {
	err = failure(ctx, err)
	if e, ok := err.(*warehouse.Error); ok && e.Hint == checkCredentials { //nolint:errorlint // failure returns it unwrapped
		b.clients.refresh()
	}
	return err
}

// isSelect refuses whatever is not one query that only reads. BigQuery itself says what a statement is.
func isSelect(s *bq.JobStatistics2) error {
	switch {
	case s.StatementType == "SCRIPT":
		return &warehouse.Error{Code: "invalidQuery", Message: "the model holds several statements", Hint: "a model is one SELECT statement"}
	case s.StatementType != "SELECT":
		return &warehouse.Error{
			Code: "invalidQuery", Message: fmt.Sprintf("the model is a statement of kind %q", s.StatementType),
			Hint: "a model is one SELECT statement and only reads",
		}
	case len(s.UndeclaredQueryParameters) > 0:
		return &warehouse.Error{
			Code: "invalidQuery", Message: "the model has parameters such as ? or @name", Hint: "write their values into it",
		}
	}
	return nil
}

// The least that is billed for each table that a query reads, and the unit to which bytes are rounded up.
const (
	leastBilled = 10 << 20
	billedUnit  = 1 << 20
)

// billed is what on-demand pricing makes of the bytes that a query reads.
func billed(s *bq.JobStatistics2) warehouse.Estimate {
	if s.CacheHit || s.TotalBytesProcessed == 0 {
		return warehouse.Estimate{}
	}
	units := (s.TotalBytesProcessed + billedUnit - 1) / billedUnit
	bytes := max(units*billedUnit, leastBilled*int64(max(1, len(s.ReferencedTables))))
	out := warehouse.Estimate{Bytes: bytes}
	switch s.TotalBytesProcessedAccuracy {
	case "LOWER_BOUND":
		out.Bound = warehouse.AtLeast
	case "UPPER_BOUND":
		out.Bound = warehouse.AtMost
	}
	return out
}

// configuration is that of a query's job.
func (b *bigquery) configuration(q warehouse.Query) *bq.JobConfiguration {
	legacy := false
	c := &bq.JobConfiguration{
		JobType: "QUERY",
		Labels:  labels(q.Tag),
		Query:   &bq.JobConfigurationQuery{Query: q.SQL, UseLegacySql: &legacy, MaximumBytesBilled: b.config.MaximumBytesBilled, Priority: "INTERACTIVE"},
	}
	if t := b.config.StatementTimeout; t > 0 {
		c.JobTimeoutMs = t.Milliseconds()
	}
	if b.config.Dataset != "" {
		project, dataset := b.config.defaultDataset()
		c.Query.DefaultDataset = &bq.DatasetReference{ProjectId: project, DatasetId: dataset}
	}
	return c
}

// shape is what a query returns: its columns and how to read each.
type shape struct {
	columns []warehouse.Column
	kinds   []*kind
}

func shapeOf(schema *bq.TableSchema) (shape, error) {
	if schema == nil || len(schema.Fields) == 0 {
		return shape{}, &warehouse.Error{Message: "the model returns no columns", Hint: "a model is one SELECT statement"}
	}
	var out shape
	for _, f := range schema.Fields {
		k, err := kindOf(f)
		if err != nil {
			return shape{}, &warehouse.Error{
				Code: "unsupported", Message: fmt.Sprintf("column %q: %s", f.Name, err), Hint: "cast it to STRING in the model",
			}
		}
		out.kinds = append(out.kinds, k)
		out.columns = append(out.columns, warehouse.Column{Name: f.Name, Type: k.class, Native: k.native})
	}
	return out, nil
}

// agrees reports whether a result has the columns that the dry run described.
func (s shape) agrees(schema *bq.TableSchema) bool {
	got, err := shapeOf(schema)
	if err != nil || len(got.columns) != len(s.columns) {
		return false
	}
	for i, c := range got.columns {
		if c.Name != s.columns[i].Name || !got.kinds[i].agrees(s.kinds[i]) {
			return false
		}
	}
	return true
}

// agrees reports whether values of both kinds are delivered alike, whatever precision they declare.
func (k *kind) agrees(other *kind) bool {
	return k.name == other.name && slices.Equal(k.names, other.names) && slices.EqualFunc(k.children, other.children, (*kind).agrees)
}

// damaged is the error of a value that is not of its column's type.
func (s shape) damaged(column int, err error) error {
	c := s.columns[column]
	return fmt.Errorf("column %q of type %s: %w", c.Name, c.Native, err)
}
