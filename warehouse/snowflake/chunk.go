package snowflake

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	sf "github.com/snowflakedb/gosnowflake/v2"

	"spillway/warehouse"
)

// block is a run of rows that stands in memory.
type block interface {
	len() int

	// null reports whether a value is null, and pack appends the packed form of one that is not.
	null(column, row int) bool
	pack(dst []byte, column, row int) ([]byte, error)
}

// chunk is a part of a result, whose blocks come in order.
type chunk struct {
	batch  *sf.ArrowStreamBatch
	decode decoder
	blocks chan block
	sent   int64
	err    error // why blocks was closed early; read it after that
}

// decoder reads a chunk and hands its blocks to yield until that returns an error.
type decoder func(stream io.Reader, yield func(block) error) error

// retries is how often a chunk is fetched again, after pauses of which each is four times as long as the one before.
// What the network refuses outright, the driver has tried again by itself before.
const (
	retries    = 3
	firstPause = 100 * time.Millisecond
)

// fetch delivers the blocks of the chunk and closes the channel.
func (c *chunk) fetch(ctx context.Context) {
	defer close(c.blocks)
	for pause, left := firstPause, retries; ; pause, left = 4*pause, left-1 {
		c.err = c.read(ctx)
		if c.err == nil || ctx.Err() != nil || left == 0 {
			return
		}
		if refusal, ok := errors.AsType[*warehouse.Error](c.err); ok && !refusal.Temporary {
			return
		}
		wait := time.NewTimer(pause)
		select {
		case <-wait.C:
		case <-ctx.Done():
			wait.Stop()
			return
		}
		_ = c.batch.Reset() // closes what is left of the stream that failed
	}
}

// read goes through the chunk once and delivers what was not delivered before.
func (c *chunk) read(ctx context.Context) error {
	stream, err := c.batch.GetStream(ctx)
	if err != nil {
		return broken(ctx, err)
	}
	defer func() { _ = stream.Close() }()
	var seen int64
	err = c.decode(stream, func(b block) error {
		from := seen
		seen += int64(b.len())
		if seen <= c.sent {
			return nil
		}
		if from < c.sent {
			b = rest{b, int(c.sent - from)}
		}
		select {
		case c.blocks <- b:
			c.sent = seen
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	})
	if err != nil {
		return broken(ctx, err)
	}
	if declared := c.batch.NumRows(); seen != declared {
		return fmt.Errorf("%w: a chunk of it has %d rows, Snowflake declared %d", warehouse.ErrTruncated, seen, declared)
	}
	return nil
}

// broken is the error of a chunk that could not be read to its end.
func broken(ctx context.Context, err error) error {
	err = failure(ctx, err)
	if ctx.Err() != nil {
		return err
	}
	if e, ok := errors.AsType[*warehouse.Error](err); ok {
		if e.Temporary && e.Err == nil {
			e.Err = warehouse.ErrTruncated
		}
		return e
	}
	return fmt.Errorf("%w: a chunk of it cannot be read: %s", warehouse.ErrTruncated, err.Error())
}

// rest is a block without its first rows.
type rest struct {
	block

	skip int
}

func (r rest) len() int                  { return r.block.len() - r.skip }
func (r rest) null(column, row int) bool { return r.block.null(column, r.skip+row) }

func (r rest) pack(dst []byte, column, row int) ([]byte, error) {
	return r.block.pack(dst, column, r.skip+row)
}
