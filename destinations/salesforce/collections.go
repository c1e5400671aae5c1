package salesforce

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"spillway/destinations"
	"spillway/destinations/httpapi"
)

const (
	lockTries = 3           // of a record that another request holds, the first included
	lockPause = time.Second // before the second, and twice that before the third
)

// collections delivers b by sObject Collections, and once more what others held locked.
func (d *destination) collections(ctx context.Context, b destinations.Batch) ([]destinations.Result, error) {
	results, err := d.collect(ctx, b)
	if err != nil {
		return results, err
	}
	return results, d.unlock(ctx, b, results)
}

// collect delivers b, two hundred records in a request.
func (d *destination) collect(ctx context.Context, b destinations.Batch) ([]destinations.Result, error) {
	results := notSent(b)
	group, going := errgroup.WithContext(ctx)
	group.SetLimit(connections)
	for first := 0; first < len(results); first += maxBatch {
		last := min(first+maxBatch, len(results))
		group.Go(func() error {
			select {
			case <-going.Done():
				return nil // nothing further is sent
			default:
			}
			part := b
			part.Records = b.Records[first:last]
			got, err := httpapi.Bulk{Request: d.collection, Decode: outcomes}.Write(ctx, d.client, part)
			copy(results[first:last], got)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return results, err
	}
	return results, ctx.Err()
}

// unlock sends again those records of b that others held locked, which Salesforce left as they were.
func (d *destination) unlock(ctx context.Context, b destinations.Batch, results []destinations.Result) error {
	pause := lockPause
	for range min(b.Attempts, lockTries) - 1 {
		locked := b
		locked.Records = nil
		var at []int
		for i, r := range results {
			if r.Status == destinations.Deferred && r.Code == codeLocked {
				locked.Records, at = append(locked.Records, b.Records[i]), append(at, i)
			}
		}
		if len(at) == 0 {
			return nil
		}
		if err := rest(ctx, pause); err != nil {
			return err
		}
		pause *= 2
		got, err := d.collect(ctx, locked)
		for n, r := range got {
			results[at[n]] = r
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// rest waits for d, or for the end of ctx, which is an error.
func rest(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// collection is the request for at most two hundred records. An insert is made once: Salesforce would make the records
// twice.
func (d *destination) collection(b destinations.Batch) (httpapi.Request, error) {
	r := httpapi.Request{Method: http.MethodPatch, Path: d.root + "/composite/sobjects", Once: b.Op == destinations.Insert}
	switch b.Op {
	case destinations.Delete:
		ids := make([]string, len(b.Records))
		for i, record := range b.Records {
			ids[i] = record.ID
		}
		r.Method, r.Query = http.MethodDelete, url.Values{"ids": {strings.Join(ids, ",")}, "allOrNone": {"false"}}
		return r, nil
	case destinations.Insert:
		r.Method = http.MethodPost
	case destinations.Upsert:
		r.Path += "/" + url.PathEscape(b.Object) + "/" + url.PathEscape(b.Identifier)
	default:
	}
	r.Body = []byte(`{"allOrNone":false,"records":[`)
	for i, record := range b.Records {
		if i > 0 {
			r.Body = append(r.Body, ',')
		}
		var err error
		if r.Body, err = appendRecord(r.Body, b, record); err != nil {
			return r, err
		}
	}
	r.Body = append(r.Body, "]}"...)
	return r, nil
}

// outcomes reads the results, which stand in the order of the records. Where their number differs it is not known which
// of them is missing, so that all records are unknown.
func outcomes(b destinations.Batch, a httpapi.Answer) ([]destinations.Result, error) {
	var list []*struct {
		ID      string  `json:"id"`
		Success bool    `json:"success"`
		Errors  []fault `json:"errors"`
	}
	if err := decode(a.Body, &list); err != nil {
		return nil, fmt.Errorf("the answer of Salesforce is not the JSON that was expected: %w", err)
	}
	if len(list) != len(b.Records) {
		return nil, fmt.Errorf("the answer of Salesforce holds %d results for %d records", len(list), len(b.Records))
	}
	results := make([]destinations.Result, len(list))
	seen := map[string]bool{}
	for i, o := range list {
		switch {
		case o == nil || o.Success && (o.ID == "" || seen[o.ID]), b.Records[i].ID != "" && o.Success && strays(b, i, o.ID):
			results[i] = result(b.Op, nil)
		case o.Success:
			seen[o.ID] = true
			results[i] = destinations.Result{Status: destinations.Accepted, RemoteID: o.ID}
		default:
			results[i] = result(b.Op, o.Errors)
		}
	}
	return results, nil
}

// strays says whether id is that of another record than the i-th, which was sent by Salesforce's own.
func strays(b destinations.Batch, i int, id string) bool {
	return b.Op != destinations.Upsert && b.Op != destinations.Insert && !sameID(id, b.Records[i].ID)
}

// sameID compares ids of Salesforce, whose last three letters may be missing: they but repeat the case of the others.
func sameID(a, b string) bool {
	const short = 15
	return len(a) >= short && len(b) >= short && a[:short] == b[:short]
}
