//go:build !noduckdb

// Package bigquerytest is a stand-in for BigQuery on this machine, for tests.
//
// It speaks the REST API of jobs and their results, the Storage Read API over gRPC with Arrow, and gives out tokens for a
// service account, to Google's own clients. Queries are evaluated in DuckDB, in its dialect, and their columns have the
// types of BigQuery that come closest. A union of one member stands for the type that the member is called by:
//
//	'POINT(1 2)'::union(geography varchar)
//	'12.5'::union(numeric varchar)
//	'[2026-11-20, UNBOUNDED)'::union(range_date varchar)
//
// Scripts of DML with named parameters change the tables that Setup made, in transactions that may outlast a job in a session.
//
// As at BigQuery a job has to end before its rows are read, so that a query is run to its end once for the total, and
// again for each reading of it. What has more than Endless rows is taken to have no end, and to be done.
package bigquerytest

import (
	"context"
	"errors"
	"net"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"

	"cloud.google.com/go/bigquery/storage/apiv1/storagepb"
	"google.golang.org/grpc"
)

const (
	// Project is the project of all jobs.
	Project = "stand-in"

	// Endless is the number of rows beyond which a result is not counted.
	Endless = 1_200_000

	location = "EU"

	// claimed is the total of a result without an end.
	claimed = 1 << 40
)

// Server is a running stand-in.
type Server struct {
	URL         string // of the REST API
	StorageAddr string // host and port of the Storage Read API

	engine *engine
	signer *signer

	mu        sync.Mutex
	behaviour Behaviour
	jobs      []*job
	sessions  map[string]*transaction // what is open in each, or nil
	totals    map[string]int64        // of the results that are kept, by their SQL
	messages  map[string][]message    // and those of their streams
}

// Behaviour is how the stand-in treats its clients. The zero value is how BigQuery does on a good day.
type Behaviour struct {
	Setup     []string // statements of DuckDB that make the tables; fixed when the server starts
	Keep      bool     // whether results are evaluated once and kept in memory, for benchmarks; fixed when the server starts
	Authorize bool     // whether callers of the REST API must show a token; fixed when the server starts

	ReadOnly  bool      // whether the account has no right to write
	Refusals  []Refusal // of requests to come, each used once
	JobError  *Error    // with which jobs end
	Streams   int       // of a read session; 0 is one
	CutStream int64     // after how many rows the first stream ends as if it were complete; 0 is never
	PageRows  int64     // of a page at most; 0 is as many as are asked for
	CutPages  bool      // whether the first page of a result is said to be its last
	Breaks    int       // how often a stream breaks
	BreakAt   int64     // after how many rows of the stream it does

	Processed int64 // bytes that each query reads
	Accuracy  string
	CacheHit  bool
}

// Operation is a kind of request.
type Operation string

// The operations that can be refused.
const (
	DryRun  Operation = "dry run"
	Insert  Operation = "insert"
	Results Operation = "results"
	Cancel  Operation = "cancel"
	Token   Operation = "token"
	Session Operation = "session"
)

// Refusal answers one request with an error. Of one of the Storage Read API the status is a code of gRPC.
type Refusal struct {
	Operation Operation
	Error     Error
}

// Start runs a stand-in until the test ends.
func Start(t testing.TB, b Behaviour) *Server {
	t.Helper()
	e, err := newEngine(t.Context(), Project, database(t, b.Setup))
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{engine: e, behaviour: b, signer: newSigner(t), sessions: map[string]*transaction{}, totals: map[string]int64{}, messages: map[string][]message{}}
	rest := httptest.NewServer(s.handler())
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	storage := grpc.NewServer()
	storagepb.RegisterBigQueryReadServer(storage, &reader{server: s})
	served := make(chan error, 1)
	go func() { served <- storage.Serve(listener) }()
	s.URL, s.StorageAddr = rest.URL, listener.Addr().String()
	t.Cleanup(func() {
		s.stopJobs()
		storage.Stop()
		if err := <-served; err != nil && !errors.Is(err, grpc.ErrServerStopped) { // before it began
			t.Errorf("the stand-in for the Storage Read API ended with %v", err)
		}
		rest.CloseClientConnections()
		rest.Close()
		for _, open := range s.sessions {
			open.abandon()
		}
		if err := e.close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// Change alters how the stand-in behaves from now on.
func (s *Server) Change(change func(b *Behaviour)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.behaviour)
}

func (s *Server) behaves() Behaviour {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.behaviour
}

// refuse returns the error that the next request of a kind is to be answered with, if any.
func (s *Server) refuse(o Operation) *Error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, r := range s.behaviour.Refusals {
		if r.Operation == o {
			s.behaviour.Refusals = slices.Delete(slices.Clone(s.behaviour.Refusals), i, i+1)
			return &r.Error
		}
	}
	return nil
}

// Job is a job as it was submitted, and what became of it.
type Job struct {
	ID                 string
	SQL                string
	Labels             map[string]string
	MaximumBytesBilled int64
	TimeoutMs          int64
	Dataset            string
	Session            string // in which it ran
	Parameters         int
	Cancelled          bool
	Pages              int // of the REST API that were read
	Sessions           int // of the Storage Read API that were opened
}

// Jobs returns all jobs that were not dry runs, in the order in which they came.
func (s *Server) Jobs() []Job {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []Job
	for _, j := range s.jobs {
		out = append(out, j.seen)
	}
	return out
}

func (s *Server) stopJobs() {
	s.mu.Lock()
	jobs := slices.Clone(s.jobs)
	s.mu.Unlock()
	for _, j := range jobs {
		j.stop(context.Background())
	}
}
