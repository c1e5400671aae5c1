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
	dsn, url := pgtest.DSN(b), loopback(b)
	rows := min(batchedRows, s.sizes[0])
	load(b, dsn, rows)
	var out strings.Builder
	fmt.Fprintf(&out, `## Delivery

First runs into a server on the loopback device that takes everything: from the staged plan to the last outcome, with
every intent and every outcome durable before the next step (fsync), beside a loop of net/http that posts as many
requests of as many bytes and keeps nothing. Both have %d requests under way. Closing is what follows: the next
generation is merged, written and published. Client and server share the machine.

| case | rows | requests | rows a second | requests a second | of bare | client CPU µs a request | bare | heap MB | anonymous MB | closing s |
|---|---|---|---|---|---|---|---|---|---|---|
`, inFlight)
	for _, c := range []struct {
		name        string
		rows, batch int
		format      string
		wanted      float64
	}{
		{"100 rows a request", rows, 100, "batch", 0.40},
		{"one row a request", min(singleRows, rows/deliveryPart), 1, "single", 0.50},
	} {
		share := deliverInTurns(b, s.rounds, &out, c.name, task{DSN: dsn, Table: "customers", Rows: c.rows, URL: url}, c.format)
		r.target(share >= c.wanted, "delivery with durable intents and outcomes, "+c.name,
			fmt.Sprintf("at least %.0f %% of bare net/http", 100*c.wanted), fmt.Sprintf("%.0f %%", 100*share))
	}
	r.section(out.String())
}

// deliverInTurns adds a row to out and returns the part of the bare requests' rate that was reached.
func deliverInTurns(b *testing.B, rounds int, out *strings.Builder, name string, t task, format string) float64 {
	b.Helper()
	ours, bare := &turn{name: name}, &turn{name: "bare"}
	for range rounds {
		t.Do = "deliver"
		t.Dir = newProject(b, postgresWarehouse, fmt.Sprintf("url = %q\nformat = %q\nconcurrency = %d", t.URL, format, inFlight), "")
		f := measure(b, t)
		if f.Due != int64(t.Rows) {
			b.Fatalf("%s: %d of %d rows were accepted", name, f.Due, t.Rows)
		}
		ours.taken = append(ours.taken, f)
		bare.taken = append(bare.taken, measure(b, task{Do: "post", URL: t.URL, Requests: f.Requests, Bytes: f.Bytes / f.Requests}))
	}
	sending := func(f figures) float64 { return f.Sending.Seconds() }
	each := func(f figures) float64 { return f.SendingCPU.Seconds() / float64(f.Requests) * 1e6 }
	share := bare.ratio(ours, sending)
	requests := ours.taken[0].Requests
	fmt.Fprintf(out, "| %s | %s | %s | %s | %s | %.0f %% | %.0f | %.0f | %s | %s | %.2f |\n", name, thousands(t.Rows), thousands(requests),
		thousands(int64(float64(t.Rows)/ours.median(sending))), thousands(int64(float64(requests)/ours.median(sending))), 100*share,
		ours.median(each), bare.median(each), megabytes(ours.median(func(f figures) float64 { return float64(f.Heap) })),
		megabytes(ours.median(func(f figures) float64 { return float64(f.Anon) })),
		ours.median(func(f figures) float64 { return f.Closing.Seconds() }))
	return share
}
