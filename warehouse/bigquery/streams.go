package bigquery

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	storage "cloud.google.com/go/bigquery/storage/apiv1"
	"cloud.google.com/go/bigquery/storage/apiv1/storagepb"
	"github.com/googleapis/gax-go/v2"
	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc/codes"

	"spillway/warehouse"
)

const (
	// maxStreams is over how many streams a result is read at the same time. Two of them keep up with the fastest run.
	maxStreams = 4

	// aheadOf is how many batches wait to be read, so that memory is bounded whatever BigQuery sends.
	aheadOf = 2
)

// streams reads a result over several streams of the Storage Read API, whose batches come in no particular order.
type streams struct {
	warehouse *bigquery
	client    *storage.BigQueryReadClient
	shape     shape
	schema    []byte // the message of Arrow that holds it
	batches   chan *record
	cancel    context.CancelFunc
	ended     chan struct{}
	err       error // with which the reading ended, once ended is closed
}

// errDenied marks a result that has to be read over the REST API.
var errDenied = errors.New("the Storage Read API may not be used")

// openStreams begins to read the result of a job that is done. ctx is the life of the reading.
func openStreams(ctx context.Context, j *job, s shape) (*streams, error) {
	b := j.warehouse
	client, err := b.clients.reader(ctx)
	if err != nil {
		return nil, err
	}
	session, err := b.session(ctx, client, j)
	if err != nil {
		return nil, err
	}
	message := session.GetArrowSchema().GetSerializedSchema()
	schema, err := readSchema(message)
	if err == nil {
		err = s.bind(schema)
	}
	if err != nil {
		return nil, err
	}
	life, cancel := context.WithCancel(ctx)
	out := &streams{
		warehouse: b, client: client, shape: s, schema: message, batches: make(chan *record, aheadOf), cancel: cancel, ended: make(chan struct{}),
	}
	group, groupLife := errgroup.WithContext(life)
	for _, stream := range session.GetStreams() {
		group.Go(func() error { return out.read(groupLife, stream.GetName()) })
	}
	go func() {
		out.err = group.Wait()
		close(out.ended)
	}()
	return out, nil
}

// session opens the result for reading. It gives errDenied where the account may not do so, or the API is turned off.
func (b *bigquery) session(ctx context.Context, client *storage.BigQueryReadClient, j *job) (*storagepb.ReadSession, error) {
	limited, cancel := context.WithTimeout(ctx, b.patience) // the client would try again for ten minutes
	defer cancel()
	session, err := client.CreateReadSession(limited, &storagepb.CreateReadSessionRequest{
		Parent:         "projects/" + b.config.Project,
		ReadSession:    &storagepb.ReadSession{Table: j.tableName(), DataFormat: storagepb.DataFormat_ARROW},
		MaxStreamCount: maxStreams,
	})
	if err == nil {
		return session, nil
	}
	if s, ok := grpcStatus(err); ok && (s.Code() == codes.PermissionDenied || s.Code() == codes.Unimplemented) {
		b.denied.Do(func() {
			b.log.WarnContext(ctx, "large results come over the slower REST API; grant the role BigQuery Read Session User",
				"reason", oneLine(s.Message()))
		})
		return nil, errDenied
	}
	if ctx.Err() == nil && limited.Err() != nil {
		return nil, &warehouse.Error{
			Code: codes.Unavailable.String(), Message: "the Storage Read API did not answer: " + oneLine(err.Error()),
			Hint: `try again, or set storage_read = "never"`, Temporary: true,
		}
	}
	return nil, b.refusal(ctx, err)
}

// read passes on the batches of one stream. Where it breaks it is taken up again at the row that comes next.
func (s *streams) read(ctx context.Context, name string) error {
	offset := int64(0)
	backoff := pauses()
	end := time.Now().Add(s.warehouse.patience)
	for {
		before := offset
		err := s.receive(ctx, name, &offset)
		if err == nil || ctx.Err() != nil {
			return err
		}
		if offset > before { // it goes on, so that patience begins anew
			backoff, end = pauses(), time.Now().Add(s.warehouse.patience)
		}
		pause := backoff.Pause()
		if !resumable(err) || time.Now().Add(pause).After(end) {
			return err
		}
		if err := gax.Sleep(ctx, pause); err != nil {
			return err
		}
	}
}

// resumable reports whether a stream that broke can be taken up again.
func resumable(err error) bool {
	s, ok := grpcStatus(err)
	if !ok {
		return false
	}
	switch s.Code() {
	case codes.Aborted, codes.Canceled, codes.DeadlineExceeded, codes.Internal, codes.ResourceExhausted, codes.Unavailable:
		return true
	default:
		return false
	}
}

// receive reads a stream from the row at offset until it ends or breaks, and moves offset on.
func (s *streams) receive(ctx context.Context, name string, offset *int64) error {
	call, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := s.client.ReadRows(call, &storagepb.ReadRowsRequest{ReadStream: name, Offset: *offset})
	if err != nil {
		return err
	}
	for {
		message, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil // which proves nothing: see rows.fetch
		}
		if err != nil {
			return err
		}
		if message.GetRowCount() == 0 {
			continue
		}
		batch, err := s.shape.decode(s.schema, message.GetArrowRecordBatch().GetSerializedRecordBatch())
		if err != nil {
			return err
		}
		if int64(batch.len()) != message.GetRowCount() {
			return fmt.Errorf("%w: a message of %d rows holds %d", warehouse.ErrTruncated, message.GetRowCount(), batch.len())
		}
		select {
		case s.batches <- batch:
			*offset += message.GetRowCount()
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (s *streams) next(ctx context.Context) (batch, error) {
	select {
	case b := <-s.batches:
		return b, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-s.ended:
	}
	select { // a batch may have come just before the end
	case b := <-s.batches:
		return b, nil
	default:
	}
	if s.err != nil {
		return nil, s.err
	}
	return nil, io.EOF
}

func (s *streams) close() {
	s.cancel()
	<-s.ended
}
