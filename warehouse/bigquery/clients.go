package bigquery

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"

	storage "cloud.google.com/go/bigquery/storage/apiv1"
	bq "google.golang.org/api/bigquery/v2"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

// maxMessage is the size that the Storage Read API gives for its largest message, and some more.
const maxMessage = 129 << 20

// clients holds the clients of both APIs. They are made when they are first used, and again after credentials were
// refused, so that rotated ones take effect.
type clients struct {
	config Config

	mu      sync.Mutex
	closed  bool
	rest    *bq.Service
	storage *storage.BigQueryReadClient
	retired []*storage.BigQueryReadClient // still in use by results that are being read
}

var errClosed = errors.New("the warehouse is closed")

func (c *clients) service(ctx context.Context) (*bq.Service, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, errClosed
	}
	if c.rest != nil {
		return c.rest, nil
	}
	options, err := c.identity(ctx)
	if err != nil {
		return nil, err
	}
	if c.config.Endpoint != "" {
		options = append(options, option.WithEndpoint(restRoot(c.config.Endpoint)))
	}
	rest, err := bq.NewService(context.WithoutCancel(ctx), options...)
	if err != nil {
		return nil, unidentified(err)
	}
	c.rest = rest
	return rest, nil
}

// restRoot is the prefix of the API's paths at another server. A stand-in has them at its root, Google's own servers
// under /bigquery/v2/.
func restRoot(endpoint string) string {
	root := strings.TrimSuffix(endpoint, "/") + "/"
	if strings.HasSuffix(root, ".googleapis.com/") {
		root += "bigquery/v2/"
	}
	return root
}

func (c *clients) reader(ctx context.Context) (*storage.BigQueryReadClient, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, errClosed
	}
	if c.storage != nil {
		return c.storage, nil
	}
	options, err := c.identity(ctx)
	if err != nil {
		return nil, err
	}
	if c.config.StorageEndpoint != "" {
		options = append(options, option.WithEndpoint(c.config.StorageEndpoint))
	}
	if c.standIn() {
		options = append(options, option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials())))
	}
	options = append(options, option.WithGRPCDialOption(grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxMessage))))
	reader, err := storage.NewBigQueryReadClient(context.WithoutCancel(ctx), options...)
	if err != nil {
		return nil, unidentified(err)
	}
	c.storage = reader
	return reader, nil
}

// standIn reports whether another server than Google's is spoken to, to which nobody has to prove who he is.
func (c *clients) standIn() bool {
	return c.config.Credentials == nil && (c.config.Endpoint != "" || c.config.StorageEndpoint != "")
}

// identity returns the options by which the clients prove who they are.
func (c *clients) identity(ctx context.Context) ([]option.ClientOption, error) {
	agent := option.WithUserAgent("spillway")
	switch {
	case c.standIn():
		return []option.ClientOption{agent, option.WithoutAuthentication(), option.WithTelemetryDisabled()}, nil
	case c.config.Credentials == nil:
		return []option.ClientOption{agent, option.WithScopes(bq.BigqueryScope)}, nil
	}
	text, err := c.config.Credentials.Reveal(ctx)
	if err != nil {
		return nil, fmt.Errorf("look up credentials: %w", err)
	}
	kind, err := credentialsType(text)
	if err != nil {
		return nil, err
	}
	return []option.ClientOption{agent, option.WithScopes(bq.BigqueryScope), option.WithAuthCredentialsJSON(kind, []byte(text))}, nil
}

var errCredentials = errors.New("credentials hold no key that can be used: give the JSON text of a service account's key, " +
	"or of an external account, such as { file = \"key.json\" }")

// credentialsType reads which kind of credentials text holds. Its error shows nothing of it.
func credentialsType(text string) (option.CredentialsType, error) {
	var head struct {
		Type option.CredentialsType `json:"type"`
	}
	if err := json.Unmarshal([]byte(text), &head); err != nil {
		return "", errCredentials
	}
	switch head.Type {
	case option.ServiceAccount, option.ExternalAccount, option.ImpersonatedServiceAccount, option.AuthorizedUser:
		return head.Type, nil
	default:
		return "", errCredentials
	}
}

// refresh lets the next use look the credentials up again.
func (c *clients) refresh() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.rest = nil
	if c.storage != nil {
		c.retired = append(c.retired, c.storage)
		c.storage = nil
	}
}

func (c *clients) close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil
	}
	c.closed = true
	var errs []error
	if c.storage != nil {
		errs = append(errs, c.storage.Close())
	}
	for _, r := range c.retired {
		errs = append(errs, r.Close())
	}
	return errors.Join(errs...)
}
