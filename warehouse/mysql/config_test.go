package mysql

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/binary"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"spillway/warehouse"
)

func TestWhereTheServerIsMustBeSaidOnce(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		config Config
		want   string // part of the error, "" for none
	}{
		{"a connection string", Config{DSN: secret("x"), Port: 3306}, ""},
		{"a host", Config{Host: "db"}, ""},
		{"nothing", Config{}, "set dsn, or host"},
		{"both", Config{DSN: secret("x"), Host: "db"}, "exclude each other"},
		{"a negative timeout", Config{Host: "db", StatementTimeout: -1}, "negative"},
		{"a port that does not exist", Config{Host: "db", Port: 65536}, "65536"},
		{"a parameter that is no name", Config{Host: "db", Parameters: map[string]string{"x = 1, y": "2"}}, "not the name"},
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

func TestConnectionStrings(t *testing.T) {
	t.Parallel()
	for dsn, want := range map[string]target{
		"mysql://u:p%40ss@db.example.com/shop":                     {host: "db.example.com", user: "u", password: "p@ss", database: "shop", port: 3306, sslmode: "verify-full"},
		"mariadb://u@db.example.com:3307/shop?sslmode=require":     {host: "db.example.com", user: "u", database: "shop", port: 3307, sslmode: "require"},
		"mysql://u@db.example.com/shop?ssl-mode=VERIFY_CA":         {host: "db.example.com", user: "u", database: "shop", port: 3306, sslmode: "verify-ca"},
		"mysql://u@localhost":                                      {host: "localhost", user: "u", port: 3306, sslmode: "prefer"},
		"mysql://u@[::1]:3306/x":                                   {host: "::1", user: "u", database: "x", port: 3306, sslmode: "prefer"},
		"u:p@/:ss@tcp(db.example.com:3306)/shop?parseTime=true":    {host: "db.example.com", user: "u", password: "p@/:ss", database: "shop", port: 3306, sslmode: "verify-full"},
		"u:p@tcp(db.example.com)/?tls=skip-verify&charset=utf8mb4": {host: "db.example.com", user: "u", password: "p", port: 3306, sslmode: "require"},
		"u@unix(/run/mysqld/mysqld.sock)/shop":                     {host: "/run/mysqld/mysqld.sock", user: "u", database: "shop", port: 3306, sslmode: "prefer"},
		"tcp(10.0.0.1:3306)/shop?tls=true":                         {host: "10.0.0.1", database: "shop", port: 3306, sslmode: "verify-full"},
	} {
		got, err := Config{DSN: secret(dsn)}.resolve(t.Context())
		if err != nil {
			t.Errorf("%s: %v", dsn, err)
		}
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(target{})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", dsn, diff)
		}
	}
}

func TestAConnectionStringIsNeverShown(t *testing.T) {
	t.Parallel()
	for _, dsn := range []string{
		"mysql://u:canary word@db.example.com/x", "mysql://u:50%zcanary@db.example.com/x", "mysql://u:canary@db.example.com:port/x",
		"mysql://u:canary@db.example.com/x?sslmode=canary", "mysql://u:canary@db.example.com/x?allowAllFiles=true",
		"u:canary@tcp(db.example.com:3306)", "u:canary@udp(db.example.com)/x", "u:canary@tcp(db.example.com:canary)/x",
		"u:canary@tcp(db.example.com)/x?allowAllFiles=true", "canary", "  ",
	} {
		_, err := Config{DSN: secret(dsn)}.resolve(t.Context())
		if err == nil || strings.Contains(err.Error(), "canary") {
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

// tlsServer greets as MySQL does, speaks TLS and then refuses every login; cert nil speaks none.
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

// What the fake server is able to do, as bits of the protocol.
const (
	protocol41, secureConnection, pluginAuth, speaksTLS = 1 << 9, 1 << 15, 1 << 19, 1 << 11
)

func packet(sequence byte, payload []byte) []byte {
	head := binary.LittleEndian.AppendUint32(nil, uint32(len(payload)))
	head[3] = sequence
	return append(head, payload...)
}

func greeting(able uint32) []byte {
	b := append([]byte{10}, "8.0.0\x00"...)
	b = append(b, 1, 0, 0, 0)        // the connection's number
	b = append(b, "12345678\x00"...) // the first part of the challenge
	b = binary.LittleEndian.AppendUint16(b, uint16(able))
	b = append(b, 45, 2, 0) // character set, status
	b = binary.LittleEndian.AppendUint16(b, uint16(able>>16))
	b = append(b, 21)
	b = append(b, make([]byte, 10)...)
	return append(b, "123456789012\x00mysql_native_password\x00"...)
}

func refuse(conn net.Conn, cert *tls.Certificate) {
	defer func() { _ = conn.Close() }()
	able := uint32(protocol41 | secureConnection | pluginAuth)
	if cert != nil {
		able |= speaksTLS
	}
	if _, err := conn.Write(packet(0, greeting(able))); err != nil {
		return
	}
	request := make([]byte, 36)
	if _, err := io.ReadFull(conn, request); err != nil || cert == nil {
		return
	}
	secured := tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{*cert}})
	login := make([]byte, 4)
	if _, err := io.ReadFull(secured, login); err != nil {
		return
	}
	if _, err := io.ReadFull(secured, make([]byte, int(login[0])|int(login[1])<<8)); err != nil {
		return
	}
	_, _ = secured.Write(packet(login[3]+1, append([]byte{0xff, 0x15, 0x04}, "#28000refused after TLS"...)))
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
		{"and not at all with require", &other, "require", "", "refused after TLS"},
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
				t.Errorf("the error is %v, temporary %t, want %q in it and lasting", err, warehouse.Temporary(err), tt.want)
			}
		})
	}
}

func TestAServerElsewhereMustProveWhoItIs(t *testing.T) {
	t.Parallel()
	for host, want := range map[string]string{
		"db.example.com": "verify-full", "10.0.0.1": "verify-full", "localhost": "prefer", "127.0.0.1": "prefer", "/run/mysqld.sock": "prefer",
	} {
		to, err := Config{Host: host}.resolve(t.Context())
		if err != nil || to.sslmode != want || !to.proven() {
			t.Errorf("%s is connected to with %s (proven %t, error %v), want %s", host, to.sslmode, to.proven(), err, want)
		}
	}
	if (target{host: "db.example.com", sslmode: "require"}).proven() {
		t.Error("a server whose certificate is not verified is taken for proven")
	}
}
