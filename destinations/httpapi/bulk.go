package httpapi

import (
	"context"
	"fmt"

	"spillway/destinations"
)

// Bulk is the Write of services that take many records in a request.
type Bulk struct {
	// Request builds the request that delivers b, which may be a part of the batch given to Write. Attempts and
	// Meter are filled in by Write.
	Request func(b destinations.Batch) (Request, error)

	// Decode reads the answer that b got, and returns one result a record, in order. An error leaves all of them
	// unknown. A nil Decode accepts all.
	Decode func(b destinations.Batch, a Answer) ([]destinations.Result, error)
}

// Write delivers b as destinations.Destination demands. A request that is Refused as a whole is halved until the
// records at fault stand alone and are rejected: k of n take at most 2k·⌈log₂ n⌉+1 requests.
func (u Bulk) Write(ctx context.Context, c *Client, b destinations.Batch) ([]destinations.Result, error) {
	results := make([]destinations.Result, len(b.Records))
	fill(results, notSent())
	return results, u.write(ctx, c, b, results)
}

// write delivers b and puts the outcomes into results. After an error, what was not sent is left as it was.
func (u Bulk) write(ctx context.Context, c *Client, b destinations.Batch, results []destinations.Result) error {
	request, err := u.Request(b)
	if err != nil {
		return fmt.Errorf("build a request for %d records of %s: %w", len(b.Records), b.Object, err)
	}
	request.Attempts, request.Meter = b.Attempts, b.Meter.About(b.Records)
	answer, err := c.Do(ctx, request)
	if err == nil {
		u.decode(c, b, answer, results)
		return nil
	}
	p := asProblem(err)
	if p.Class == Refused && len(b.Records) > 1 {
		return u.halve(ctx, c, b, results)
	}
	fill(results, c.tidy(p.outcome()))
	if p.stops() {
		return p
	}
	return nil
}

func (u Bulk) halve(ctx context.Context, c *Client, b destinations.Batch, results []destinations.Result) error {
	middle := (len(b.Records) + 1) / 2
	left, right := b, b
	left.Records, right.Records = b.Records[:middle], b.Records[middle:]
	if err := u.write(ctx, c, left, results[:middle]); err != nil {
		return err
	}
	return u.write(ctx, c, right, results[middle:])
}

func (u Bulk) decode(c *Client, b destinations.Batch, a Answer, results []destinations.Result) {
	if u.Decode == nil {
		fill(results, destinations.Result{Status: destinations.Accepted})
		return
	}
	decoded, err := u.Decode(b, a)
	if err == nil && len(decoded) != len(results) {
		err = fmt.Errorf("%d results were read for %d records", len(decoded), len(results))
	}
	if err != nil {
		fill(results, c.tidy(unreadable(err)))
		return
	}
	for i, r := range decoded {
		results[i] = c.tidy(r)
	}
}
