package mysql

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"strings"

	"spillway/warehouse/sqldb"
)

// proven reports whether the server is on this machine or must show a certificate.
func (t target) proven() bool {
	return sqldb.OnThisMachine(t.host) || strings.HasPrefix(t.sslmode, "verify-")
}

// secure says how TLS is spoken with the server; nil is not at all.
func (c Config) secure(ctx context.Context, to target) (*tls.Config, error) {
	pool, err := sqldb.Authorities(ctx, c.CA)
	if err != nil {
		return nil, err
	}
	if pool != nil && !strings.HasPrefix(to.sslmode, "verify-") {
		return nil, sqldb.ErrUselessAuthorities
	}
	config := &tls.Config{ServerName: to.host, RootCAs: pool, MinVersion: tls.VersionTLS12}
	switch to.sslmode {
	case "disable":
		return nil, nil
	case "prefer", "require":
		config.InsecureSkipVerify = true
	case "verify-ca":
		config.InsecureSkipVerify = true // of the name; the chain is verified below
		config.VerifyConnection = func(state tls.ConnectionState) error { return signed(state, pool) }
	}
	return config, nil
}

// signed verifies who signed the server's certificate, and not for whom.
func signed(state tls.ConnectionState, pool *x509.CertPool) error {
	if len(state.PeerCertificates) == 0 {
		return errors.New("the server showed no certificate")
	}
	between := x509.NewCertPool()
	for _, c := range state.PeerCertificates[1:] {
		between.AddCert(c)
	}
	_, err := state.PeerCertificates[0].Verify(x509.VerifyOptions{Roots: pool, Intermediates: between})
	return err
}
