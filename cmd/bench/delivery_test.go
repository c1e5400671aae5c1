package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"spillway/warehouse/warehousetest/pgtest"
)

const (
	inFlight     = 8         // requests at once, of both sides
	batchedRows  = 1_000_000 // delivered in batches of 100
	singleRows   = 100_000   // delivered one by one
	deliveryPart = 4         // of the smallest model at most this part is delivered one by one

	// statedRate is the limit that the destination states. None is reached: without it the first 0.7 s of each run would
	// go into finding that there is none.
	statedRate = "1000000/s"
)

// loopback serves requests in this process, as a service does that reads them and takes all records.
func loopback(b *testing.B) (url string) {
	b.Helper()
	listener, err := (&net.ListenConfig{}).Listen(b.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	server := &http.Server{
		ReadHeaderTimeout: time.Minute,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if _, err := io.Copy(io.Discard, r.Body); err != nil {
				w.WriteHeader(http.StatusBadRequest)
			}
		}),
	}
	go func() { _ = server.Serve(listener) }() // until it is closed
	b.Cleanup(func() { _ = server.Close() })
	return "http://" + listener.Addr().String()
}

// post makes so many requests with bodies of so many bytes, written before, and does nothing else: the floor of any
// delivery.
func post(t task, f *figures) error {
	client := &http.Client{Transport: &http.Transport{MaxConnsPerHost: inFlight, MaxIdleConnsPerHost: inFlight}}
	defer client.CloseIdleConnections()
	body := bytes.Repeat([]byte("x"), int(t.Bytes))
	began := instant{at: time.Now(), cpu: cpu()}
	var left atomic.Int64
	left.Store(t.Requests)
	errs := make([]error, inFlight)
	var group sync.WaitGroup
	for n := range errs {
		group.Go(func() {
			for left.Add(-1) >= 0 && errs[n] == nil {
				errs[n] = postOnce(client, t.URL, body)
			}
		})
	}
	group.Wait()
	f.Sending, f.SendingCPU, f.Requests = time.Since(began.at), cpu()-began.cpu, t.Requests
	return errors.Join(errs...)
}

func postOnce(client *http.Client, url string, body []byte) error {
	request, err := http.NewRequestWithContext(context.Background(), http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }() // read to its end
	_, err = io.Copy(io.Discard, response.Body)
	return err
}

// measureDelivery measures whole first runs, of which the sending counts, in turns with bare requests of as many bytes.
func measureDelivery(b *testing.B, s *settings, r *report) {
	b.Helper()
	dsn, url := pgtest.DSN(b), loopback(b)
	rows := min(batchedRows, s.sizes[0])
	load(b, dsn, rows)
	var out strings.Builder
	fmt.Fprintf(&out, `## Delivery

First runs into a server on the loopback device that takes everything: from the staged plan to the last outcome, with
every intent and every outcome durable before the next step (fsync), beside a loop of net/http that posts as many
requests of as many bytes and keeps nothing. In between stands the same run into a store that records nothing, which
parts the cost of reading the plan, of writing JSON and of the client from that of the records. All have %d requests under
way. The service states a limit that is never reached (%s), as the first 0.7 s of a run against one that states none go
into finding out how much it takes. Closing is what follows: the next generation is merged, written and published. Client and server share the machine.

| case | rows | requests | rows a second | requests a second | of bare | client CPU µs a request | client CPU ns a row | heap MB | anonymous MB | closing s |
|---|---|---|---|---|---|---|---|---|---|---|
`, inFlight, statedRate)
	for _, c := range []struct {
		name   string
		rows   int
		format string
		wanted float64
	}{
		{"100 rows a request", rows, "batch", 0.40},
		{"one row a request", min(singleRows, rows/deliveryPart), "single", 0.50},
	} {
		d := deliverInTurns(b, s.rounds, task{DSN: dsn, Table: "customers", Rows: c.rows, URL: url}, c.format)
		d.table(&out, c.name, c.rows)
		share := d.bare.ratio(d.durable, sending)
		r.target(share >= c.wanted, "delivery with durable intents and outcomes, "+c.name,
			fmt.Sprintf("at least %.0f %% of bare net/http", 100*c.wanted), fmt.Sprintf("%.0f %%", 100*share))
	}
	r.section(out.String())
}

func sending(f figures) float64 { return f.Sending.Seconds() }

// deliveries are the three ways to deliver the same.
type deliveries struct{ durable, forgetful, bare *turn }

func deliverInTurns(b *testing.B, rounds int, t task, format string) *deliveries {
	b.Helper()
	d := &deliveries{durable: &turn{name: "durable"}, forgetful: &turn{name: "nothing recorded"}, bare: &turn{name: "bare net/http"}}
	destination := fmt.Sprintf("url = %q\nformat = %q\nconcurrency = %d\nrate = %q", t.URL, format, inFlight, statedRate)
	for range rounds {
		for _, way := range []*turn{d.durable, d.forgetful} {
			t.Do, t.Forget, t.Dir = "deliver", way == d.forgetful, newProject(b, postgresWarehouse, destination)
			f := measure(b, t)
			if f.Due != int64(t.Rows) {
				b.Fatalf("%s: %d of %d rows were accepted", way.name, f.Due, t.Rows)
			}
			way.taken = append(way.taken, f)
		}
		f := d.durable.taken[len(d.durable.taken)-1]
		d.bare.taken = append(d.bare.taken, measure(b, task{Do: "post", URL: t.URL, Requests: f.Requests, Bytes: f.Bytes / f.Requests}))
	}
	return d
}

func (d *deliveries) table(out *strings.Builder, name string, rows int) {
	for _, way := range []*turn{d.bare, d.forgetful, d.durable} {
		requests := float64(way.taken[0].Requests)
		seconds, cpu := way.median(sending), way.median(func(f figures) float64 { return f.SendingCPU.Seconds() })
		fmt.Fprintf(out, "| %s, %s | %s | %s | %s | %s | %.0f %% | %.0f | %.0f | %s | %s | %.2f |\n", name, way.name,
			thousands(rows), thousands(int64(requests)), thousands(int64(float64(rows)/seconds)), thousands(int64(requests/seconds)),
			100*d.bare.ratio(way, sending), cpu/requests*1e6, cpu/float64(rows)*1e9,
			megabytes(way.median(func(f figures) float64 { return float64(f.Heap) })),
			megabytes(way.median(func(f figures) float64 { return float64(f.Anon) })),
			way.median(func(f figures) float64 { return f.Closing.Seconds() }))
	}
}
