//go:build !noduckdb

package bigquerytest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"

	"cloud.google.com/go/bigquery/storage/apiv1/storagepb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// batchRows is how many rows an Arrow message holds at most.
const batchRows = 2048

// reader serves the Storage Read API. The rows of a result go to its streams in turns, a batch at a time.
type reader struct {
	storagepb.UnimplementedBigQueryReadServer
	server *Server

	mu     sync.Mutex
	broken map[string]int // how often a stream broke
}

func (r *reader) CreateReadSession(_ context.Context, request *storagepb.CreateReadSessionRequest) (*storagepb.ReadSession, error) {
	if e := r.server.refuse(Session); e != nil {
		return nil, status.Error(codes.Code(e.Status), e.Message)
	}
	session := request.GetReadSession()
	if session.GetDataFormat() != storagepb.DataFormat_ARROW {
		return nil, status.Error(codes.InvalidArgument, "the stand-in sends nothing but Arrow")
	}
	id := session.GetTable()[strings.LastIndex(session.GetTable(), "/")+1:]
	j := r.server.find(id)
	if j == nil {
		return nil, status.Error(codes.NotFound, "Not found: Table "+session.GetTable())
	}
	<-j.done
	j.note(func(seen *Job) { seen.Sessions++ })
	schema, err := serializedSchema(arrowSchema(j.fields))
	if err != nil {
		return nil, err
	}
	out := &storagepb.ReadSession{
		Name: request.GetParent() + "/locations/eu/sessions/" + id, DataFormat: storagepb.DataFormat_ARROW, Table: session.GetTable(),
		Schema:            &storagepb.ReadSession_ArrowSchema{ArrowSchema: &storagepb.ArrowSchema{SerializedSchema: schema}},
		EstimatedRowCount: j.total,
	}
	streams := max(1, r.server.behaves().Streams)
	if most := int(request.GetMaxStreamCount()); most > 0 {
		streams = min(streams, most)
	}
	if j.total == 0 {
		streams = 0
	}
	for k := range streams {
		out.Streams = append(out.Streams, &storagepb.ReadStream{Name: fmt.Sprintf("%s/streams/%d-%d", out.GetName(), k, streams)})
	}
	return out, nil
}

func (r *reader) ReadRows(request *storagepb.ReadRowsRequest, stream storagepb.BigQueryRead_ReadRowsServer) error {
	parts := strings.Split(request.GetReadStream(), "/")
	place, count, ok := strings.Cut(parts[len(parts)-1], "-")
	k, errK := strconv.ParseInt(place, 10, 64)
	n, errN := strconv.ParseInt(count, 10, 64)
	if !ok || errK != nil || errN != nil || len(parts) < 3 {
		return status.Error(codes.InvalidArgument, "no such stream")
	}
	j := r.server.find(parts[len(parts)-3])
	if j == nil {
		return status.Error(codes.NotFound, "no such session")
	}
	b, key := r.server.behaves(), streamKey(j.sql, k, n)
	if kept := r.server.keptMessages(key); kept != nil {
		return sendKept(stream, kept)
	}
	c, err := j.open(0)
	if err != nil {
		return status.Error(codes.Internal, err.Error())
	}
	defer c.close()
	end := context.AfterFunc(stream.Context(), func() { _ = c.rows.Close() })
	defer end()
	s := &sender{reader: r, stream: stream, name: request.GetReadStream(), first: k == 0, behaviour: b}
	if err := s.send(c, k, n, request.GetOffset()); err != nil {
		return err
	}
	if b.Keep {
		r.server.keepMessages(key, s.kept)
	}
	return nil
}

func sendKept(stream storagepb.BigQueryRead_ReadRowsServer, kept []message) error {
	for _, m := range kept {
		if err := stream.Send(m.response()); err != nil {
			return err
		}
	}
	return nil
}

func (m message) response() *storagepb.ReadRowsResponse {
	batch := &storagepb.ArrowRecordBatch{SerializedRecordBatch: m.bytes}
	return &storagepb.ReadRowsResponse{RowCount: m.rows, Rows: &storagepb.ReadRowsResponse_ArrowRecordBatch{ArrowRecordBatch: batch}}
}

// sender sends the rows of one stream.
type sender struct {
	reader    *reader
	stream    storagepb.BigQueryRead_ReadRowsServer
	name      string
	first     bool // whether it is the first stream of its session
	behaviour Behaviour
	sent      int64 // rows of the stream up to now, with those before the offset
	kept      []message
}

var errCut = errors.New("the stream ends here")

func (s *sender) send(c *cursor, k, n, offset int64) error {
	build := newBuilder(c.job.fields)
	defer build.release()
	for batch := int64(0); ; batch++ {
		before := c.at
		if batch%n != k || s.sent+batchRows <= offset {
			if err := c.skip(batchRows); err != nil {
				return status.Error(codes.Internal, err.Error())
			}
			if batch%n == k {
				s.sent += c.at - before
			}
			if c.at-before < batchRows {
				return nil
			}
			continue
		}
		ended, err := s.batch(c, build, offset)
		if errors.Is(err, errCut) {
			return nil
		}
		if err != nil || ended {
			return err
		}
	}
}

// batch sends the next rows from offset on.
func (s *sender) batch(c *cursor, build *builder, offset int64) (ended bool, err error) {
	var fault error
	for i := 0; i < batchRows && fault == nil; i++ {
		values, err := c.next()
		if errors.Is(err, io.EOF) {
			ended = true
			break
		}
		if err != nil {
			return false, status.Error(codes.Internal, err.Error())
		}
		if s.sent++; s.sent > offset {
			if err := build.add(values); err != nil {
				return false, status.Error(codes.Internal, err.Error())
			}
		}
		fault = s.fault()
	}
	if build.rows > 0 {
		m := message{rows: build.rows}
		if m.bytes, err = build.message(); err != nil {
			return false, status.Error(codes.Internal, err.Error())
		}
		if s.behaviour.Keep {
			s.kept = append(s.kept, m)
		}
		if err := s.stream.Send(m.response()); err != nil {
			return false, err
		}
	}
	return ended, fault
}

// fault is what goes wrong after the row that came last.
func (s *sender) fault() error {
	b := s.behaviour
	if s.first && b.CutStream > 0 && s.sent == b.CutStream {
		return errCut
	}
	if b.Breaks > 0 && s.sent > 0 && s.sent%b.BreakAt == 0 {
		s.reader.mu.Lock()
		defer s.reader.mu.Unlock()
		if s.reader.broken == nil {
			s.reader.broken = map[string]int{}
		}
		if s.reader.broken[s.name] < b.Breaks {
			s.reader.broken[s.name]++
			return status.Error(codes.Unavailable, "the stream broke")
		}
	}
	return nil
}
