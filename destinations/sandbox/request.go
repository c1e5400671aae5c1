package sandbox

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/jmoiron/sqlx"
)

// Request is one request to write, as the sandbox logged it.
type Request struct {
	ID         int64       `json:"id"`
	At         time.Time   `json:"at"`
	Source     string      `json:"source"` // who sent it: a sync's name
	Object     string      `json:"object"`
	Operation  string      `json:"operation"`
	Status     int         `json:"status"` // of the HTTP answer
	Accepted   int         `json:"accepted"`
	Rejected   int         `json:"rejected"`
	Code       string      `json:"code,omitempty"` // why the whole request was refused
	Message    string      `json:"message,omitempty"`
	Rejections []Rejection `json:"rejections,omitempty"` // the first of the records refused
}

// Rejection is a record that the sandbox refused.
type Rejection struct {
	ID      string `json:"id"` // the value of the identifier that was sent
	Code    string `json:"code"`
	Message string `json:"message"`
}

// Totals counts what the sandbox was ever asked to write.
type Totals struct {
	Requests  int64 `json:"requests" db:"requests"` // all of them, whatever their answer
	Accepted  int64 `json:"accepted" db:"accepted"` // records
	Rejected  int64 `json:"rejected" db:"rejected"` // records
	Throttled int64 `json:"throttled" db:"throttled"`
}

type requestRow struct {
	ID         int64  `db:"id"`
	At         int64  `db:"at"`
	Source     string `db:"source"`
	Object     string `db:"object"`
	Operation  string `db:"operation"`
	Status     int    `db:"status"`
	Accepted   int    `db:"accepted"`
	Rejected   int    `db:"rejected"`
	Code       string `db:"code"`
	Message    string `db:"message"`
	Rejections string `db:"rejections"`
}

func (r requestRow) request() (Request, error) {
	q := Request{
		ID: r.ID, At: time.UnixMicro(r.At).UTC(), Source: r.Source, Object: r.Object, Operation: r.Operation,
		Status: r.Status, Accepted: r.Accepted, Rejected: r.Rejected, Code: r.Code, Message: r.Message,
	}
	if err := json.Unmarshal([]byte(r.Rejections), &q.Rejections); err != nil {
		return Request{}, fmt.Errorf("request %d: %w", r.ID, err)
	}
	return q, nil
}

const keptRejections = 20 // of one request

// logRequest writes r to the log and returns its number. The oldest requests make way.
func logRequest(ctx context.Context, tx *sqlx.Tx, r Request) (int64, error) {
	const longest = 200 // what a stranger sends as a name is cut
	row, err := tx.ExecContext(ctx, `insert into requests
		(at, source, object, operation, status, accepted, rejected, code, message, rejections)
		values (?, ?, ?, ?, ?, 0, 0, ?, ?, '[]')`,
		r.At.UnixMicro(), cut(r.Source, longest), cut(r.Object, longest), cut(r.Operation, longest),
		r.Status, r.Code, cut(r.Message, 2*longest))
	if err != nil {
		return 0, fmt.Errorf("log a request: %w", err)
	}
	id, err := row.LastInsertId()
	if err != nil {
		return 0, fmt.Errorf("log a request: %w", err)
	}
	if _, err := tx.ExecContext(ctx, "delete from requests where id <= ?", id-keptRequests); err != nil {
		return 0, fmt.Errorf("log a request: %w", err)
	}
	return id, nil
}

// settleRequest completes the entry r of the log with what became of its records.
func settleRequest(ctx context.Context, tx *sqlx.Tx, r Request, results []batchResult, records []batchRecord) error {
	r.Status, r.Rejections = 200, []Rejection{}
	for i, result := range results {
		if result.Status == statusOK {
			r.Accepted++
			continue
		}
		r.Status = 207
		r.Rejected++
		if len(r.Rejections) < keptRejections {
			r.Rejections = append(r.Rejections, Rejection{ID: records[i].ID, Code: result.Code, Message: result.Message})
		}
	}
	rejections, err := json.Marshal(r.Rejections)
	if err != nil {
		return fmt.Errorf("log request %d: %w", r.ID, err)
	}
	_, err = tx.ExecContext(ctx, "update requests set status = ?, accepted = ?, rejected = ?, rejections = ? where id = ?",
		r.Status, r.Accepted, r.Rejected, string(rejections), r.ID)
	if err != nil {
		return fmt.Errorf("log request %d: %w", r.ID, err)
	}
	return count(ctx, tx, Totals{Requests: 1, Accepted: int64(r.Accepted), Rejected: int64(r.Rejected)})
}

func count(ctx context.Context, tx *sqlx.Tx, t Totals) error {
	_, err := tx.NamedExecContext(ctx, `update totals set requests = requests + :requests, accepted = accepted + :accepted,
		rejected = rejected + :rejected, throttled = throttled + :throttled`, t)
	if err != nil {
		return fmt.Errorf("count a request: %w", err)
	}
	return nil
}

// refused logs a request of which no record was looked at.
func (s *store) refused(ctx context.Context, r Request) error {
	return s.write(ctx, func(tx *sqlx.Tx) error {
		ctx := context.WithoutCancel(ctx)
		if _, err := logRequest(ctx, tx, r); err != nil {
			return err
		}
		t := Totals{Requests: 1}
		if r.Status == 429 {
			t.Throttled = 1
		}
		return count(ctx, tx, t)
	})
}

// requests returns the latest entries of the log, the newest first.
func (s *store) requests(ctx context.Context, limit int) ([]Request, error) {
	var rows []requestRow
	if err := s.db.SelectContext(ctx, &rows, "select * from requests order by id desc limit "+strconv.Itoa(limit)); err != nil {
		return nil, fmt.Errorf("list the requests of the sandbox: %w", err)
	}
	requests := make([]Request, len(rows))
	for i, row := range rows {
		var err error
		if requests[i], err = row.request(); err != nil {
			return nil, err
		}
	}
	return requests, nil
}

func (s *store) totals(ctx context.Context) (Totals, error) {
	var t Totals
	if err := s.db.GetContext(ctx, &t, "select * from totals"); err != nil {
		return Totals{}, fmt.Errorf("count the requests of the sandbox: %w", err)
	}
	return t, nil
}

// sizes counts the records of each object, archived ones apart.
func (s *store) sizes(ctx context.Context) (live, archived map[string]int64, err error) {
	var rows []struct {
		Object   string `db:"object"`
		Archived bool   `db:"archived"`
		Count    int64  `db:"count"`
	}
	if err := s.db.SelectContext(ctx, &rows, "select object, archived, count(*) as count from records group by object, archived"); err != nil {
		return nil, nil, fmt.Errorf("count the records of the sandbox: %w", err)
	}
	live, archived = map[string]int64{}, map[string]int64{}
	for _, row := range rows {
		if row.Archived {
			archived[row.Object] = row.Count
		} else {
			live[row.Object] = row.Count
		}
	}
	return live, archived, nil
}
