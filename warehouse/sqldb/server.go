package sqldb

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strings"

	"spillway/warehouse"
)

// OnThisMachine reports whether host is the machine itself: a loopback address, localhost, or a Unix socket, which
// begins with "/" or, where it has no file, with "@".
func OnThisMachine(host string) bool {
	if host == "localhost" || strings.HasPrefix(host, "/") || strings.HasPrefix(host, "@") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// Authorities returns those of the setting ca, which is PEM text; nil, which is the system's, where it is not set.
func Authorities(ctx context.Context, ca warehouse.Secret) (*x509.CertPool, error) {
	if ca == nil {
		return nil, nil
	}
	pem, err := ca.Reveal(ctx)
	if err != nil {
		return nil, fmt.Errorf("look up ca: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM([]byte(pem)) {
		return nil, errors.New(`ca holds no certificate: give PEM text, such as { file = "ca.pem" }`)
	}
	return pool, nil
}

// ErrUselessAuthorities says that ca is set where no certificate is verified.
var ErrUselessAuthorities = errors.New("ca has no effect with this sslmode: set verify-full or verify-ca")
