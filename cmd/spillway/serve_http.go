package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"spillway/cmd/spillway/web"
)

// The limits of one connection (S28). An answer may take as long as a long poll and what is written after it.
const (
	headerTime   = 10 * time.Second
	requestTime  = 30 * time.Second
	answerTime   = 2 * time.Minute
	idleTime     = 2 * time.Minute
	headerBytes  = 64 << 10
	farewellTime = 5 * time.Second
)

// serve answers requests until ctx ends, and then those that are under way.
func (f *front) serve(ctx context.Context, o web.Options) error {
	handler := web.New(o)
	group, working := errgroup.WithContext(ctx)
	for n, listener := range f.listeners {
		server := &http.Server{
			Handler: handler, ReadHeaderTimeout: headerTime, ReadTimeout: requestTime, WriteTimeout: answerTime, IdleTimeout: idleTime,
			MaxHeaderBytes: headerBytes, ErrorLog: slog.NewLogLogger(f.log.Handler(), slog.LevelDebug),
			BaseContext: func(net.Listener) context.Context { return working }, // whoever waits for a run is told that we stop
		}
		if n == 0 && f.certs != nil {
			server.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: f.certs.get}
		}
		group.Go(func() error {
			err := serveOn(server, listener)
			if errors.Is(err, http.ErrServerClosed) {
				return nil
			}
			return fmt.Errorf("serve at %s: %w", listener.Addr(), err)
		})
		group.Go(func() error {
			<-working.Done()
			farewell, cancel := context.WithTimeout(context.WithoutCancel(ctx), farewellTime)
			defer cancel()
			if err := server.Shutdown(farewell); err != nil {
				return server.Close()
			}
			return nil
		})
	}
	return group.Wait()
}

func serveOn(server *http.Server, listener net.Listener) error {
	if server.TLSConfig != nil {
		return server.ServeTLS(listener, "", "")
	}
	return server.Serve(listener)
}

// certificates are a certificate and its key, read again when their files are replaced.
type certificates struct {
	cert, key string

	mu      sync.Mutex
	current *tls.Certificate
	read    time.Time // modification time of the file that current is from
}

func newCertificates(cert, key string) (*certificates, error) {
	c := &certificates{cert: cert, key: key}
	_, err := c.get(nil)
	return c, err
}

// get returns the certificate as the files have it. While they do not fit each other, the one before it stays.
func (c *certificates) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	info, err := os.Stat(c.cert)
	if err == nil && c.current != nil && info.ModTime().Equal(c.read) {
		return c.current, nil
	}
	var fresh tls.Certificate
	if err == nil {
		fresh, err = tls.LoadX509KeyPair(c.cert, c.key)
	}
	switch {
	case err == nil:
		c.current, c.read = &fresh, info.ModTime()
	case c.current == nil:
		return nil, fmt.Errorf("tls_cert and tls_key under [serve]: %w", err)
	}
	return c.current, nil
}
