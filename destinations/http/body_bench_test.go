package http

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"spillway/destinations"
)

// BenchmarkAppendBatch writes the body of a request with 100 records of eleven fields, from values and from JSON.
func BenchmarkAppendBatch(b *testing.B) {
	batch := destinations.Batch{Sync: "contacts", Object: "people", Op: destinations.Upsert}
	for n := range 100 {
		email := fmt.Sprintf("customer%07d@example.com", n)
		batch.Records = append(batch.Records, destinations.Record{Key: fmt.Sprint(n), ID: email, Fields: destinations.Fields{
			{Name: "email", Value: email},
			{Name: "first_name", Value: "Ada"},
			{Name: "last_name", Value: "Lovelace & Söhne"},
			{Name: "lifetime_value", Value: json.Number("1234.5600")},
			{Name: "created_at", Value: time.Date(2026, 11, 20, 12, 30, 15, 123456000, time.UTC)},
			{Name: "birthday", Value: destinations.Date("1815-12-10")},
			{Name: "opted_in", Value: true},
			{Name: "vip", Value: false},
			{Name: "score", Value: json.Number("42")},
			{Name: "company", Value: nil},
			{Name: "custom", Value: json.RawMessage(`{"plan": "pro", "seats": 7}`)},
		}})
	}
	written := batch
	written.Records = nil
	for _, r := range batch.Records {
		text, err := r.Fields.AppendJSON(nil)
		if err != nil {
			b.Fatal(err)
		}
		r.Fields, r.JSON = nil, text
		written.Records = append(written.Records, r)
	}
	for name, batch := range map[string]destinations.Batch{"values": batch, "JSON": written} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			var body []byte
			for b.Loop() {
				var err error
				if body, err = appendBatch(body[:0], batch); err != nil {
					b.Fatal(err)
				}
			}
			b.SetBytes(int64(len(body)))
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/100, "ns/record")
		})
	}
}
