package bigquery

import (
	"context"
	"fmt"
	"io"

	bq "google.golang.org/api/bigquery/v2"

	"spillway/warehouse"
)

// pages reads a result over the REST API, page after page in its order.
type pages struct {
	job   *job
	shape shape
	first *bq.GetQueryResultsResponse // came with the news that the job is done
	token string
	size  int
	total uint64
}

func (p *pages) next(ctx context.Context) (batch, error) {
	page := p.first
	p.first = nil
	if page == nil {
		if p.token == "" {
			return nil, io.EOF
		}
		var err error
		if page, err = p.job.page(ctx, p.token, p.size); err != nil {
			return nil, err
		}
	}
	p.token = page.PageToken
	switch {
	case page.TotalRows != p.total:
		return nil, fmt.Errorf("%w: the result had %d rows, now it has %d", warehouse.ErrTruncated, p.total, page.TotalRows)
	case len(page.Rows) == 0 && p.token != "":
		return nil, fmt.Errorf("%w: a page without rows came before the last one", warehouse.ErrTruncated)
	}
	return &pageBatch{shape: p.shape, rows: page.Rows}, nil
}

func (p *pages) close() { p.first = nil }

// pageBatch is one page.
type pageBatch struct {
	shape   shape
	rows    []*bq.TableRow
	scratch []byte
}

func (b *pageBatch) len() int { return len(b.rows) }

// cell returns what the API gave for a value, and nil for null.
func (b *pageBatch) cell(column, row int) (any, error) {
	cells := b.rows[row].F
	if len(cells) != len(b.shape.kinds) {
		return nil, fmt.Errorf("%w: a row of %d values", errType, len(cells))
	}
	v := cells[column].V
	if v == nil && b.shape.kinds[column].name == typeArray {
		return []any{}, nil
	}
	return v, nil
}

func (b *pageBatch) value(column, row int) (warehouse.Value, error) {
	v, err := b.cell(column, row)
	if v == nil || err != nil {
		return nil, err
	}
	k := b.shape.kinds[column]
	if b.scratch, err = k.appendCell(b.scratch[:0], v); err != nil {
		return nil, err
	}
	return k.unpack(b.scratch)
}

func (b *pageBatch) appendPacked(dst []byte, column, row int) ([]byte, error) {
	v, err := b.cell(column, row)
	if err != nil {
		return dst, err
	}
	if v == nil {
		return warehouse.AppendPackedNull(dst), nil
	}
	if b.scratch, err = b.shape.kinds[column].appendCell(b.scratch[:0], v); err != nil {
		return dst, err
	}
	return warehouse.AppendPacked(dst, b.scratch), nil
}
