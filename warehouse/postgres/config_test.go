package postgres

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"

	"spillway/warehouse"
)

func TestWhereTheDatabaseIsMustBeSaidOnce(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		config Config
		want   string // part of the error, "" for none
	}{
		{"a connection string", Config{DSN: secret("x"), Port: 5432}, ""},
		{"a host", Config{Host: "db"}, ""},
		{"nothing", Config{}, "set dsn, or host"},
		{"both", Config{DSN: secret("x"), Host: "db"}, "exclude each other"},
		{"a connection string and a password", Config{DSN: secret("x"), Password: secret("y")}, "exclude each other"},
		{"a negative timeout", Config{Host: "db", StatementTimeout: -1}, "negative"},
		{"a port that does not exist", Config{Host: "db", Port: 65536}, "65536"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := open(t.Context(), tt.config, warehouse.Env{})
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("the error is %v, want %q in it", err, tt.want)
			}
		})
	}
}

func TestAServerElsewhereMustProveWhoItIs(t *testing.T) {
	t.Parallel()
	const verified, encrypted, plain = "verified", "encrypted", "plain"
	tests := []struct {
		name   string
		config Config
		want   string
	}{
		{"a host elsewhere", Config{Host: "db.example.com"}, verified},
		{"a URL", Config{DSN: secret("postgres://u:p@db.example.com/x")}, verified},
		{"a URL of the other scheme", Config{DSN: secret("postgresql://u:p@db.example.com/x?application_name=y")}, verified},
		{"keywords", Config{DSN: secret("host=db.example.com user=u")}, verified},
		{"one of several hosts elsewhere", Config{DSN: secret("postgres://u@localhost,db.example.com/x")}, verified},
		{"a URL that names the mode", Config{DSN: secret("postgres://u@db.example.com/x?sslmode=require")}, encrypted},
		{"keywords that name the mode", Config{DSN: secret("host=db.example.com sslmode=disable")}, plain},
		{"a password that looks like the mode", Config{DSN: secret(`host=db.example.com password='sslmode=disable'`)}, verified},
		{"a setting that names the mode", Config{Host: "db.example.com", SSLMode: "require"}, encrypted},
		{"this machine", Config{Host: "localhost"}, encrypted},
		{"this machine by address", Config{Host: "::1"}, encrypted},
		{"a Unix socket", Config{Host: "/var/run/postgresql"}, plain},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			config, err := tt.config.resolve(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			got := plain
			if c := config.TLSConfig; c != nil {
				got = encrypted
				if !c.InsecureSkipVerify && c.ServerName != "" {
					got = verified
				}
			}
			if got != tt.want {
				t.Errorf("the connection is %s, want %s", got, tt.want)
			}
			if safe := got == verified || strings.HasPrefix(tt.name, "this machine") || tt.name == "a Unix socket"; proven(config) != safe {
				t.Errorf("the connection is taken for proven: %t, want %t", proven(config), safe)
			}
		})
	}
}

func TestPartsReachTheServerAsTheyAre(t *testing.T) {
	t.Parallel()
	const odd = `it's a \ "pass" word=x`
	config, err := Config{
		Host: "db.example.com", Port: 6543, User: odd, Password: secret(odd), Database: odd, ConnectTimeout: time.Second,
		Parameters: map[string]string{"search_path": "a, b"},
	}.resolve(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if config.Host != "db.example.com" || config.Port != 6543 || config.User != odd || config.Password != odd || config.Database != odd {
		t.Errorf("host %q, port %d, user %q, password %q, database %q", config.Host, config.Port, config.User, config.Password, config.Database)
	}
	if config.RuntimeParams["search_path"] != "a, b" || config.RuntimeParams["application_name"] != "spillway" || config.ConnectTimeout != time.Second {
		t.Errorf("parameters %v, connect timeout %s", config.RuntimeParams, config.ConnectTimeout)
	}
}

func TestAConnectionStringIsNeverShown(t *testing.T) {
	t.Parallel()
	for _, dsn := range []string{
		"postgres://u:canary word@db.example.com/x",
		"postgres://u:ca#canary@db.example.com/x",
		"postgres://u:50%zcanary@db.example.com/x",
		"postgres://u:canary@db.example.com:port/x",
		"postgres://u:canary@db.example.com/x?sslmode=canary",
		"host=db.example.com password=two canaries sslmode=require",
		"host=db.example.com password='canary",
		"canary",
		"  ",
	} {
		_, err := Config{DSN: secret(dsn)}.resolve(t.Context())
		if err == nil || strings.Contains(err.Error(), "canar") || strings.Contains(err.Error(), "50") {
			t.Errorf("the error of %q is %v", dsn, err)
		}
	}
}

// refusing is a secret that cannot be looked up.
type refusing struct{}

func (refusing) Reveal(context.Context) (string, error) { return "", errors.New("the vault is sealed") }

func TestASecretThatCannotBeLookedUpIsNamed(t *testing.T) {
	t.Parallel()
	for name, config := range map[string]Config{
		"dsn":      {DSN: refusing{}},
		"password": {Host: "localhost", Password: refusing{}},
		"ca":       {Host: "localhost", SSLMode: "verify-full", CA: refusing{}},
	} {
		w, err := open(t.Context(), config, warehouse.Env{})
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Check(t.Context()); err == nil || !strings.Contains(err.Error(), "look up "+name+": the vault is sealed") {
			t.Errorf("the error for %s is %v", name, err)
		}
		_ = w.Close()
	}
}

func TestAFileThatTheConnectionStringNamesIsNamed(t *testing.T) {
	t.Parallel()
	missing := filepath.Join(t.TempDir(), "root.crt")
	_, err := Config{DSN: secret("host=db.example.com password=canary sslmode=verify-full sslrootcert=" + missing)}.resolve(t.Context())
	if !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), missing) || strings.Contains(err.Error(), "canary") {
		t.Errorf("the error is %v", err)
	}
}

// certificate makes a certificate for a host, signed by itself.
func certificate(t *testing.T, host string) (tls.Certificate, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, DNSNames: []string{host},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, string(text)
}

// tlsServer is a server that speaks TLS and then refuses every login; cert nil speaks none.
func tlsServer(t *testing.T, cert *tls.Certificate) int {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go refuse(conn, cert)
		}
	}()
	addr, ok := l.Addr().(*net.TCPAddr)
	if !ok {
		t.Fatal("no TCP address")
	}
	return addr.Port
}

func refuse(conn net.Conn, cert *tls.Certificate) {
	defer func() { _ = conn.Close() }()
	request := make([]byte, 8)
	if _, err := io.ReadFull(conn, request); err != nil {
		return
	}
	if cert == nil {
		_, _ = conn.Write([]byte("N"))
		return
	}
	_, _ = conn.Write([]byte("S"))
	secured := tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{*cert}})
	backend := pgproto3.NewBackend(secured, secured)
	if _, err := backend.ReceiveStartupMessage(); err != nil {
		return
	}
	backend.Send(&pgproto3.ErrorResponse{Severity: "FATAL", Code: "28P01", Message: "refused after TLS"})
	_ = backend.Flush()
}

func TestTLSIsVerified(t *testing.T) {
	t.Parallel()
	good, authority := certificate(t, "localhost")
	other, otherAuthority := certificate(t, "elsewhere.example.com")
	tests := []struct {
		name    string
		cert    *tls.Certificate
		sslmode string
		ca      string
		want    string // in the error; "refused after TLS" means that the connection was secured
	}{
		{"by the authority that is named", &good, "verify-full", authority, "refused after TLS"},
		{"not without it", &good, "verify-full", "", `ca = { file = "ca.pem" }`},
		{"not by another one", &good, "verify-full", otherAuthority, `ca = { file = "ca.pem" }`},
		{"nor for another host", &other, "verify-full", otherAuthority, "the name that the certificate is for"},
		{"but for any host with verify-ca", &other, "verify-ca", otherAuthority, "refused after TLS"},
		{"though not by another authority", &other, "verify-ca", authority, "ca.pem"},
		{"and a server without TLS is refused", nil, "require", "", "turn TLS on"},
		{"an authority without certificates is refused", &good, "verify-full", "canary", "holds no certificate"},
		{"an authority without effect is refused", &good, "require", authority, "no effect"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			config := Config{Host: "localhost", Port: tlsServer(t, tt.cert), User: "u", SSLMode: tt.sslmode, ConnectTimeout: 5 * time.Second}
			if tt.ca != "" {
				config.CA = secret(tt.ca)
			}
			w, err := open(t.Context(), config, warehouse.Env{})
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = w.Close() }()
			err = w.Check(t.Context())
			if err == nil || !strings.Contains(err.Error(), tt.want) || warehouse.Temporary(err) || strings.Contains(err.Error(), "canary") {
				t.Errorf("port %s: the error is %v, temporary %t, want %q in it and lasting", strconv.Itoa(config.Port), err, warehouse.Temporary(err), tt.want)
			}
		})
	}
}
