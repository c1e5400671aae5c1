package snowflake

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"spillway/warehouse"
)

const (
	// ahead is how many chunks are fetched at a time: the one that is read and those after it.
	ahead = 3

	// buffered is how many blocks of a chunk may wait to be read, besides the one that waits to be buffered.
	buffered = 1
)

// feed fetches the chunks of a result ahead of their being read.
type feed struct {
	chunks  []*chunk
	total   int64 // rows that Snowflake declared
	fetches sync.WaitGroup
}

// start begins to fetch, until ctx is done.
func start(ctx context.Context, found result, columns []column) (*feed, error) {
	batches, err := found.loader.GetBatches()
	if err != nil {
		return nil, broken(ctx, err)
	}
	f := &feed{total: found.loader.TotalRows()}
	decode := arrowDecoder(columns)
	if inJSON(found) {
		decode = jsonDecoder(columns)
		f.chunks = append(f.chunks, inline(columns, found.loader.JSONData()))
	}
	for i := range batches {
		f.chunks = append(f.chunks, &chunk{batch: &batches[i], decode: decode, blocks: make(chan block, buffered)})
	}
	all := f.chunks // of which next leaves those that were read
	f.fetches.Go(func() { f.fetch(ctx, all) })
	return f, nil
}

// inJSON reports whether a result came as JSON, in which Snowflake sends some results whatever was asked for.
func inJSON(found result) bool {
	format, ok := found.loader.(interface{ QueryResultFormat() string })
	return ok && strings.EqualFold(format.QueryResultFormat(), "json")
}

func (f *feed) fetch(ctx context.Context, chunks []*chunk) {
	slots := make(chan struct{}, ahead)
	for _, c := range chunks {
		if c.batch == nil {
			continue
		}
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
			return
		}
		f.fetches.Go(func() {
			c.fetch(ctx)
			<-slots
		})
	}
}

// next returns the next block, or nil at the end. It returns early once either context is done.
func (f *feed) next(ctx, stream context.Context) (block, error) {
	for len(f.chunks) > 0 {
		c := f.chunks[0]
		select {
		case b, ok := <-c.blocks:
			if ok {
				return b, nil
			}
			if c.err != nil {
				return nil, c.err
			}
			f.chunks = f.chunks[1:]
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-stream.Done():
			return nil, stream.Err()
		}
	}
	return nil, nil
}

// complete says whether as many rows were read as Snowflake declared (invariant 5).
func (f *feed) complete(read int64) error {
	if read != f.total {
		return fmt.Errorf("%w: Snowflake declared %d rows, %d were read", warehouse.ErrTruncated, f.total, read)
	}
	return nil
}
