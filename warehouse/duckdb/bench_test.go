//go:build !noduckdb

package duckdb

import (
	"errors"
	"io"
	"testing"

	"spillway/warehouse"
)

// BenchmarkRead reads rows like those that are synced; one operation is one row.
func BenchmarkRead(b *testing.B) {
	w, err := open(b.Context(), Config{Memory: "1GB", Threads: 2}, warehouse.Env{Project: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	const sql = `select n as id, 'person' || n || '@example.com' as email, 'Ada' as first, 'Lovelace ' || n as last,
		(n * 1.25)::decimal(12,2) as amount, timestamptz '2026-01-01' + to_seconds(n) as created, n % 2 = 0 as active,
		n % 1000 as score, case when n % 3 = 0 then null else 'note' end as note, '{"plan":"pro","n":' || n || '}' as doc
		from range(500000) r(n)`
	b.ReportAllocs()
	for done := 0; done < b.N; {
		r, err := w.Query(b.Context(), warehouse.Query{SQL: sql, Limit: b.N - done})
		if err != nil {
			b.Fatal(err)
		}
		for {
			_, err := r.Next(b.Context())
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				b.Fatal(err)
			}
			done++
		}
		if err := r.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkPack reads the same rows packed.
func BenchmarkPack(b *testing.B) {
	w, err := open(b.Context(), Config{Memory: "1GB", Threads: 2}, warehouse.Env{Project: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	const sql = `select n as id, 'person' || n || '@example.com' as email, 'Ada' as first, 'Lovelace ' || n as last,
		(n * 1.25)::decimal(12,2) as amount, timestamptz '2026-01-01' + to_seconds(n) as created, n % 2 = 0 as active,
		n % 1000 as score, case when n % 3 = 0 then null else 'note' end as note, '{"plan":"pro","n":' || n || '}' as doc
		from range(500000) r(n)`
	var packed []byte
	b.ReportAllocs()
	for done := 0; done < b.N; {
		r, err := w.Query(b.Context(), warehouse.Query{SQL: sql, Limit: b.N - done})
		if err != nil {
			b.Fatal(err)
		}
		p, ok := r.(warehouse.Packer)
		if !ok {
			b.Fatal("the rows cannot be packed")
		}
		p.Pack([]int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9})
		for {
			packed, err = p.NextPacked(b.Context(), packed[:0])
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				b.Fatal(err)
			}
			done++
		}
		if err := r.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
