//go:build !noduckdb && unix

package snowflake

import (
	"context"
	"database/sql/driver"
	"errors"
	"io"
	"syscall"
	"testing"
	"time"

	sf "github.com/snowflakedb/gosnowflake/v2"

	"spillway/warehouse"
	"spillway/warehouse/snowflake/snowflaketest"
)

// people is a million rows like those that are synced.
const people = `select n as id, 'person' || n || '@example.com' as email, 'Ada' as first, 'Lovelace ' || n as last,
	(n * 1.25)::decimal(12,2) as amount, timestamptz '2026-01-01' + to_seconds(n) as created, n % 2 = 0 as active,
	n % 1000 as score, case when n % 3 = 0 then null else 'note' end as note, parse_json('{"plan":"pro","n":' || n || '}') as doc
	from range(1000000) r(n)`

// bench starts a server that has people at hand, so that what is measured is their way from it. One operation is one
// row.
func bench(b *testing.B) (*snowflaketest.Server, warehouse.Warehouse) {
	b.Helper()
	server := snowflaketest.Start(b, snowflaketest.Options{Reuse: true, ChunkRows: 40 * 2048})
	w := openWith(b, settings(server))
	rows, err := w.Query(b.Context(), warehouse.Query{SQL: people})
	if err != nil {
		b.Fatal(err)
	}
	if err := rows.Close(); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.ResetTimer()
	start := processor(b)
	b.Cleanup(func() { b.ReportMetric(float64(processor(b)-start)/float64(b.N), "cpu-ns/op") })
	return server, w
}

// processor is the time that the process, in which the server runs too, has had the processors. On a busy machine it
// tells more than the clock.
func processor(b *testing.B) time.Duration {
	b.Helper()
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// BenchmarkRead reads people through Rows.
func BenchmarkRead(b *testing.B) {
	_, w := bench(b)
	for done := 0; done < b.N; {
		rows, err := w.Query(b.Context(), warehouse.Query{SQL: people})
		if err != nil {
			b.Fatal(err)
		}
		for ; done < b.N; done++ {
			if _, err := rows.Next(b.Context()); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				b.Fatal(err)
			}
		}
		if err := rows.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkPack reads people packed.
func BenchmarkPack(b *testing.B) {
	_, w := bench(b)
	var packed []byte
	for done := 0; done < b.N; {
		rows, err := w.Query(b.Context(), warehouse.Query{SQL: people})
		if err != nil {
			b.Fatal(err)
		}
		p, ok := rows.(warehouse.Packer)
		if !ok {
			b.Fatal("the rows cannot be packed")
		}
		p.Pack([]int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9})
		for ; done < b.N; done++ {
			if packed, err = p.NextPacked(b.Context(), packed[:0]); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				b.Fatal(err)
			}
		}
		if err := rows.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkDriver reads people by the driver's own loop, whose decimals are rounded.
func BenchmarkDriver(b *testing.B) {
	server, _ := bench(b)
	config, err := settings(server).resolve(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	conn, err := sf.NewConnector(sf.SnowflakeDriver{}, config).Connect(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	c, ok := conn.(driver.QueryerContext)
	if !ok {
		b.Fatal("the driver's connection runs no queries")
	}
	row := make([]driver.Value, 10)
	for done := 0; done < b.N; {
		ctx, cancel := context.WithCancel(b.Context())
		rows, err := c.QueryContext(ctx, people, nil)
		if err != nil {
			b.Fatal(err)
		}
		for ; done < b.N; done++ {
			if err := rows.Next(row); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				b.Fatal(err)
			}
		}
		cancel()
		if err := rows.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
