package httpapi

import (
	"context"
	"fmt"

	"golang.org/x/sync/errgroup"

	"spillway/destinations"
)

// Each is the Write of services that take one record in a request.
type Each struct {
	// Request builds the request that delivers r. Attempts and Meter are filled in by Write.
	Request func(b destinations.Batch, r destinations.Record) (Request, error)

	// Decode reads the answer that r got. An error leaves r unknown. A nil Decode accepts it.
	Decode func(b destinations.Batch, r destinations.Record, a Answer) (destinations.Result, error)
}

// Write delivers b as destinations.Destination demands, as many records at once as the account allows. Any 4xx that
// does not concern the credentials rejects its record.
func (e Each) Write(ctx context.Context, c *Client, b destinations.Batch) ([]destinations.Result, error) {
	results := make([]destinations.Result, len(b.Records))
	fill(results, notSent())
	if len(b.Records) == 1 {
		var err error
		if results[0], err = e.write(ctx, c, b, b.Records[0]); err != nil {
			return results, err
		}
		return results, ctx.Err()
	}
	group, going := errgroup.WithContext(ctx)
	group.SetLimit(c.concurrency)
	for i, r := range b.Records {
		if going.Err() != nil {
			break
		}
		// The request gets ctx, not going: another record's failure must not cut off one that is on its way.
		group.Go(func() error {
			select {
			case <-going.Done():
				return nil
			default:
			}
			var err error
			results[i], err = e.write(ctx, c, b, r)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return results, err
	}
	return results, ctx.Err()
}

func (e Each) write(ctx context.Context, c *Client, b destinations.Batch, r destinations.Record) (destinations.Result, error) {
	request, err := e.Request(b, r)
	if err != nil {
		return notSent(), fmt.Errorf("build a request for a record of %s: %w", b.Object, err)
	}
	request.Attempts, request.Meter = b.Attempts, b.Meter.About([]destinations.Record{r})
	answer, err := c.Do(ctx, request)
	if err == nil {
		return e.decode(c, b, r, answer), nil
	}
	p := asProblem(err)
	if p.Class == Unfit && p.Status >= 400 {
		p.Class = Refused
	}
	if p.stops() {
		return c.tidy(p.outcome()), p
	}
	return c.tidy(p.outcome()), nil
}

func (e Each) decode(c *Client, b destinations.Batch, r destinations.Record, a Answer) destinations.Result {
	if e.Decode == nil {
		return destinations.Result{Status: destinations.Accepted}
	}
	result, err := e.Decode(b, r, a)
	if err != nil {
		return c.tidy(unreadable(err))
	}
	return c.tidy(result)
}
