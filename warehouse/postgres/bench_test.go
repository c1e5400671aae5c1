package postgres

import (
	"errors"
	"io"
	"testing"
	"time"

	"spillway/warehouse"
	"spillway/warehouse/warehousetest/pgtest"
)

// BenchmarkRead reads a table like those that are synced; one operation is one row.
func BenchmarkRead(b *testing.B) {
	const rows = 500_000
	w, err := open(b.Context(), Config{DSN: secret(pgtest.DSN(b)), StatementTimeout: time.Minute}, warehouse.Env{})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = w.Close() }()
	const sql = `select n::bigint as id, 'person' || n || '@example.com' as email, 'Ada' as first, 'Lovelace ' || n as last,
		(n * 1.25)::numeric(12,2) as amount, timestamptz '2026-01-01' + n * interval '1 second' as created, n % 2 = 0 as active,
		n % 1000 as score, case when n % 3 = 0 then null else 'note' end as note, jsonb_build_object('plan', 'pro', 'n', n) as doc
		from generate_series(1, 500000) n`
	b.ReportAllocs()
	for done := 0; done < b.N; {
		r, err := w.Query(b.Context(), warehouse.Query{SQL: sql, Limit: min(rows, b.N-done)})
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
	const rows = 500_000
	w, err := open(b.Context(), Config{DSN: secret(pgtest.DSN(b)), StatementTimeout: time.Minute}, warehouse.Env{})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = w.Close() }()
	const sql = `select n::bigint as id, 'person' || n || '@example.com' as email, 'Ada' as first, 'Lovelace ' || n as last,
		(n * 1.25)::numeric(12,2) as amount, timestamptz '2026-01-01' + n * interval '1 second' as created, n % 2 = 0 as active,
		n % 1000 as score, case when n % 3 = 0 then null else 'note' end as note, jsonb_build_object('plan', 'pro', 'n', n) as doc
		from generate_series(1, 500000) n`
	var packed []byte
	b.ReportAllocs()
	for done := 0; done < b.N; {
		r, err := w.Query(b.Context(), warehouse.Query{SQL: sql, Limit: min(rows, b.N-done)})
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
