package bigquery

import (
	"context"
	"errors"
	"strings"
	"time"

	bq "google.golang.org/api/bigquery/v2"

	"spillway/warehouse"
)

const (
	// scriptBytes is how large the parameters of a job grow. BigQuery takes requests of up to 10 MB.
	scriptBytes = 5 << 20

	// endTimeout bounds the ending of a session that nobody needs any more.
	endTimeout = 10 * time.Second
)

// transaction collects statements. As long as one job has room for them they need no session, for a job that fails undoes
// all that it did. What is more goes on in a session, in which the transaction outlasts the job, and its failure too.
type transaction struct {
	writer  *writer
	session string
	script  *script
}

// replace adds the statements of a change.
func (t *transaction) replace(ctx context.Context, c warehouse.Replacement) error {
	name, err := t.writer.name(c.Table)
	if err != nil {
		return err
	}
	var conditions []string
	for _, m := range c.Where {
		values := make([]*bq.QueryParameterValue, len(m.Values))
		for i, v := range m.Values {
			one, size := value(v)
			values[i] = &one
			t.script.size += size
		}
		conditions = append(conditions, m.Column+" IN UNNEST("+t.script.array(&bq.QueryParameterType{Type: "STRING"}, values)+")")
	}
	t.script.add("DELETE FROM " + name + " WHERE " + strings.Join(conditions, " AND "))
	if c.Rows == nil {
		return nil
	}
	return t.insert(ctx, c, name)
}

// insert adds the rows, and sends those for which there is no room any more.
func (t *transaction) insert(ctx context.Context, c warehouse.Replacement, name string) error {
	record := &bq.QueryParameterType{Type: "STRUCT"}
	for _, column := range c.Table.Columns {
		record.StructTypes = append(record.StructTypes, &bq.QueryParameterTypeStructTypes{
			Name: column.Name, Type: &bq.QueryParameterType{Type: columnTypes[column.Type]},
		})
	}
	var rows []*bq.QueryParameterValue
	add := func() {
		if len(rows) > 0 {
			list := names(c.Table)
			t.script.add("INSERT INTO " + name + " (" + list + ") SELECT " + list + " FROM UNNEST(" + t.script.array(record, rows) + ")")
			rows = nil
		}
	}
	for row, err := range c.Rows {
		if err == nil {
			err = ctx.Err()
		}
		if err == nil && t.script.size >= scriptBytes {
			add()
			err = t.send(ctx)
		}
		if err != nil {
			return err
		}
		fields := map[string]bq.QueryParameterValue{}
		for i, column := range c.Table.Columns {
			v, size := value(row[i])
			fields[column.Name] = v
			t.script.size += size + len(column.Name)
		}
		rows = append(rows, &bq.QueryParameterValue{StructValues: fields})
	}
	add()
	return nil
}

// send runs what was collected, in a session.
func (t *transaction) send(ctx context.Context) error {
	if t.session == "" {
		if err := t.begin(ctx); err != nil {
			return err
		}
	}
	_, err := t.writer.run(ctx, t.script, t.session, false)
	t.script = &script{}
	return err
}

// begin makes a session by a job that touches no table: were its answer lost, then nobody could end what it holds.
func (t *transaction) begin(ctx context.Context) error {
	first := &script{}
	first.add("BEGIN TRANSACTION")
	job, err := t.writer.run(ctx, first, "", true)
	if err != nil {
		return err
	}
	if job.Statistics == nil || job.Statistics.SessionInfo == nil || job.Statistics.SessionInfo.SessionId == "" {
		return errors.New("BigQuery made no session")
	}
	t.session = job.Statistics.SessionInfo.SessionId
	return nil
}

// commit runs what is left, which is all of it where there was no need of a session.
func (t *transaction) commit(ctx context.Context) error {
	last := t.script
	if t.session == "" {
		last = &script{parameters: t.script.parameters}
		last.add("BEGIN TRANSACTION")
		last.add(t.script.text.String())
	}
	last.add("COMMIT TRANSACTION")
	_, err := t.writer.run(ctx, last, t.session, false)
	return err
}

// end ends the session, and with it a transaction that was not committed: as long as that is open nobody else can write the
// rows. It is ended from outside, for within a session no job runs beside another, not even beside one that is being
// cancelled. A session that cannot be ended ends by itself after a day in which nobody used it.
func (t *transaction) end(ctx context.Context) {
	if t.session == "" {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), endTimeout)
	defer cancel()
	s := &script{}
	s.add("CALL BQ.ABORT_SESSION('" + strings.NewReplacer(`\`, `\\`, "'", `\'`).Replace(t.session) + "')")
	if _, err := t.writer.run(ctx, s, "", false); err != nil {
		t.writer.warehouse.log.WarnContext(ctx, "the session that wrote the run log could not be ended", "error", err)
	}
}
