package http_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	nethttp "net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"spillway/destinations"
	"spillway/destinations/http"
)

const benchWorkers = 8

// loopback serves requests as a service does that reads them and takes all records.
func loopback(b *testing.B) string {
	b.Helper()
	listener, err := (&net.ListenConfig{}).Listen(b.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	server := &nethttp.Server{
		ReadHeaderTimeout: time.Minute,
		Handler: nethttp.HandlerFunc(func(w nethttp.ResponseWriter, r *nethttp.Request) {
			if _, err := io.Copy(io.Discard, r.Body); err != nil {
				w.WriteHeader(nethttp.StatusBadRequest)
			}
		}),
	}
	go func() { _ = server.Serve(listener) }() // until it is closed
	b.Cleanup(func() { _ = server.Close() })
	return "http://" + listener.Addr().String()
}

// customer is a record with twelve fields as customers have them, about 340 bytes as JSON.
func customer(n int) destinations.Record {
	email := fmt.Sprintf("customer%07d@example.com", n)
	return destinations.Record{
		Key: fmt.Sprint(n), ID: email, Token: fmt.Sprintf("%064x", n*7919),
		Fields: destinations.Fields{
			{Name: "email", Value: email},
			{Name: "first_name", Value: "Ada"},
			{Name: "last_name", Value: "Lovelace & Söhne"},
			{Name: "country", Value: "GB"},
			{Name: "balance", Value: json.Number("1234.5600")},
			{Name: "orders", Value: json.Number("42")},
			{Name: "created_at", Value: time.Date(2026, 11, 20, 12, 30, 15, 123456000, time.UTC)},
			{Name: "birthday", Value: destinations.Date("1815-12-10")},
			{Name: "active", Value: true},
			{Name: "marketing", Value: false},
			{Name: "phone", Value: nil},
			{Name: "tags", Value: []destinations.Value{"vip", "beta"}},
		},
	}
}

func customers(n, first int) destinations.Batch {
	batch := destinations.Batch{Sync: "contacts", Object: "people", Op: destinations.Upsert, Identifier: "email", Attempts: 3}
	for i := range n {
		batch.Records = append(batch.Records, customer(first+i))
	}
	return batch
}

// chunk is how many requests of one kind follow each other, before as many of the other have their turn.
const chunk = 256

// shared runs n times work on so many workers and returns how long that took.
func shared(b *testing.B, n int, work func() error) time.Duration {
	b.Helper()
	var left atomic.Int64
	left.Store(int64(n))
	start := time.Now()
	var group sync.WaitGroup
	for range benchWorkers {
		group.Go(func() {
			for left.Add(-1) >= 0 {
				if err := work(); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	group.Wait()
	return time.Since(start)
}

// deliver sends b.N requests through this destination, and in turns with them as many through a loop of net/http that
// posts the same bytes, written before. Half of what is allocated for one operation is thus the loop's.
func deliver(b *testing.B, rows int, format string) {
	b.Helper()
	address, batch := loopback(b), customers(rows, 1)
	settings := func(c *http.Config) { c.URL, c.Concurrency, c.Format = address, benchWorkers, format }
	d := open(b, destinations.Env{Name: "hook"}, settings)
	write := func() error {
		_, err := d.Write(b.Context(), batch)
		return err
	}
	for range 400 { // until the limiter has found that there is no limit
		if err := write(); err != nil {
			b.Fatal(err)
		}
	}
	wire := posts()
	if _, err := open(b, env(wire), settings).Write(b.Context(), batch); err != nil {
		b.Fatal(err)
	}
	bare := barePost(b, address, wire.Calls()[0].Body)
	b.ReportAllocs()
	b.ResetTimer()
	var ours, theirs time.Duration
	for done := 0; done < b.N; done += chunk {
		n := min(chunk, b.N-done)
		ours += shared(b, n, write)
		theirs += shared(b, n, bare)
	}
	total := float64(b.N * rows)
	b.ReportMetric(total/ours.Seconds(), "rows/s")
	b.ReportMetric(total/theirs.Seconds(), "bare-rows/s")
	b.ReportMetric(100*theirs.Seconds()/ours.Seconds(), "%of-bare")
}

func barePost(b *testing.B, address string, body []byte) func() error {
	b.Helper()
	client := &nethttp.Client{Transport: &nethttp.Transport{MaxConnsPerHost: benchWorkers, MaxIdleConnsPerHost: benchWorkers}}
	b.Cleanup(client.CloseIdleConnections)
	return func() error {
		request, err := nethttp.NewRequestWithContext(b.Context(), nethttp.MethodPost, address, bytes.NewReader(body))
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
}

func BenchmarkDeliver100(b *testing.B) { deliver(b, 100, "batch") }

func BenchmarkDeliver1(b *testing.B) { deliver(b, 1, "single") }
