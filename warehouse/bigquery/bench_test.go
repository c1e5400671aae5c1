//go:build !noduckdb

package bigquery

import (
	"errors"
	"io"
	"testing"

	bare "cloud.google.com/go/bigquery"
	"google.golang.org/api/iterator"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"spillway/warehouse"
	"spillway/warehouse/bigquery/bigquerytest"
)

// benchRows are rows like those that are synced.
const benchRows = `select n as id, 'person' || n || '@example.com' as email, 'Ada' as first, 'Lovelace ' || n as last,
	(n * 1.25)::decimal(12,2) as amount, timestamptz '2026-01-01' + to_seconds(n) as created, n % 2 = 0 as active,
	n % 1000 as score, case when n % 3 = 0 then null else 'note' end as note, ('{"plan":"pro","n":' || n || '}')::json as doc
	from range(1000000) r(n)`

const benchCount = 1_000_000

var kept = bigquerytest.Behaviour{Streams: 2, Keep: true}

// BenchmarkRead reads a million rows over the Storage Read API; one operation is all of them. What the stand-in sends is
// made before, so that the figure is that of reading.
func BenchmarkRead(b *testing.B) {
	w := openAt(b, bigquerytest.Start(b, kept), nil)
	measure(b, func() int {
		rows, err := w.Query(b.Context(), warehouse.Query{SQL: benchRows})
		if err != nil {
			b.Fatal(err)
		}
		defer func() { _ = rows.Close() }()
		n := 0
		for ; err == nil; n++ {
			_, err = rows.Next(b.Context())
		}
		if !errors.Is(err, io.EOF) {
			b.Fatal(err)
		}
		return n - 1
	})
}

// BenchmarkPack reads the same rows packed.
func BenchmarkPack(b *testing.B) {
	w := openAt(b, bigquerytest.Start(b, kept), nil)
	var packed []byte
	measure(b, func() int {
		rows, err := w.Query(b.Context(), warehouse.Query{SQL: benchRows})
		if err != nil {
			b.Fatal(err)
		}
		defer func() { _ = rows.Close() }()
		p, ok := rows.(warehouse.Packer)
		if !ok {
			b.Fatal("the rows cannot be packed")
		}
		p.Pack([]int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9})
		n := 0
		for ; err == nil; n++ {
			packed, err = p.NextPacked(b.Context(), packed[:0])
		}
		if !errors.Is(err, io.EOF) {
			b.Fatal(err)
		}
		return n - 1
	})
}

// BenchmarkDriver reads them with the iterator of Google's client alone, which BenchmarkRead is held against.
func BenchmarkDriver(b *testing.B) {
	s := bigquerytest.Start(b, kept)
	client, err := bare.NewClient(b.Context(), bigquerytest.Project, option.WithEndpoint(s.URL), option.WithoutAuthentication())
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = client.Close() }()
	if err := client.EnableStorageReadClient(b.Context(), option.WithEndpoint(s.StorageAddr), option.WithoutAuthentication(),
		option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials()))); err != nil {
		b.Fatal(err)
	}
	measure(b, func() int {
		rows, err := client.Query(benchRows).Read(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		if !rows.IsAccelerated() {
			b.Fatal("the client reads over the REST API")
		}
		n := 0
		for ; err == nil; n++ {
			var row []bare.Value
			err = rows.Next(&row)
		}
		if !errors.Is(err, iterator.Done) {
			b.Fatal(err)
		}
		return n - 1
	})
}

// measure reports the time and the allocations of one row, which is one operation, with those of the stand-in.
func measure(b *testing.B, read func() int) {
	b.Helper()
	read()
	b.ReportAllocs()
	b.ResetTimer()
	for done := 0; done < b.N; done += benchCount {
		if n := read(); n != benchCount {
			b.Fatalf("%d rows came", n)
		}
	}
}
