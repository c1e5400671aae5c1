package sandbox

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"testing"

	"spillway/destinations"
)

// BenchmarkBatch writes batches of a hundred new contacts to a store on disk.
func BenchmarkBatch(b *testing.B) {
	d, err := open(b.Context(), Config{}, destinations.Env{State: filepath.Join(b.TempDir(), "crm")})
	if err != nil {
		b.Fatal(err)
	}
	defer func() {
		if err := d.Close(); err != nil {
			b.Error(err)
		}
	}()
	n := 0
	for b.Loop() {
		var records []destinations.Record
		for range maxBatch {
			n++
			records = append(records, record(fmt.Sprintf("person%d@example.com", n),
				destinations.FieldValue{Name: "firstname", Value: "Person"},
				destinations.FieldValue{Name: "plan", Value: "Pro"},
				destinations.FieldValue{Name: "lead_score", Value: json.Number("42")}))
		}
		results, err := d.Write(b.Context(), contacts(destinations.Upsert, records...))
		if err != nil || results[0].Status != destinations.Accepted {
			b.Fatal(results[0], err)
		}
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "records/s")
}
