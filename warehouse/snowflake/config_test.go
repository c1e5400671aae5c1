//go:build !noduckdb

package snowflake

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/youmark/pkcs8"

	"spillway/warehouse"
	"spillway/warehouse/snowflake/snowflaketest"
)

func TestSettingsThatCannotBe(t *testing.T) {
	t.Parallel()
	good := func() Config { return Config{Account: "myorg-acct", User: "ADA", Password: secret("canary")} }
	for _, tt := range []struct {
		name   string
		change func(*Config)
		want   string
	}{
		{"no account", func(c *Config) { c.Account = " " }, "account is empty"},
		{"an address for an account", func(c *Config) { c.Account = "https://myorg-acct.snowflakecomputing.com" }, "give the identifier alone"},
		{"a server's name for an account", func(c *Config) { c.Account = "MyOrg-acct.SnowflakeComputing.com" }, "give the identifier alone"},
		{"an address for a host", func(c *Config) { c.Host = "http://localhost" }, "give the name alone"},
		{"a port beyond all", func(c *Config) { c.Port = 70_000 }, "port 70000"},
		{"another protocol", func(c *Config) { c.Protocol = "ftp" }, `protocol is "ftp"`},
		{"a password in the clear", func(c *Config) { c.Protocol = "http" }, "set host too"},
		{"no way to log in", func(c *Config) { c.Password = nil }, "set private_key, token or password"},
		{"two ways to log in", func(c *Config) { c.Token = secret("canary") }, "password and token exclude each other"},
		{"a password without a user", func(c *Config) { c.User = "" }, "password needs one"},
		{"a passphrase for nothing", func(c *Config) { c.PrivateKeyPassphrase = secret("canary") }, "without private_key"},
		{"a token of no kind", func(c *Config) { c.TokenType = "jwt" }, `token_type is "jwt"`},
		{"negative time", func(c *Config) { c.StatementTimeout = -1 }, "negative"},
		{"a parameter that is pinned", func(c *Config) { c.Parameters = map[string]string{"Rows_Per_ResultSet": "10"} }, "Rows_Per_ResultSet cannot be set"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := good()
			tt.change(&c)
			_, err := open(t.Context(), c, warehouse.Env{})
			if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "canary") {
				t.Errorf("the error is %v, want %q in it", err, tt.want)
			}
		})
	}
	if w, err := open(t.Context(), good(), warehouse.Env{}); err != nil {
		t.Error(err)
	} else if err := w.Close(); err != nil {
		t.Error(err)
	}
}

func TestLoggingInTellsWhatWasSet(t *testing.T) {
	t.Parallel()
	server := snowflaketest.Start(t)
	c := settings(server)
	c.Role, c.Warehouse, c.Database, c.Schema = "READER", "WH", "DB", "MARTS"
	c.StatementTimeout = 90 * time.Second
	c.Parameters = map[string]string{"week_start": "1"}
	w := openWith(t, c)
	if _, err := run(t, w, "select 0"); err != nil {
		t.Fatal(err)
	}
	login := server.Logins()[0]
	environment := login.Environment
	for name, want := range map[string]string{
		"TIMEZONE": "UTC", "GO_QUERY_RESULT_FORMAT": "ARROW", "ROWS_PER_RESULTSET": "0", "MULTI_STATEMENT_COUNT": "1", "WEEK_START": "1",
		"STATEMENT_TIMEOUT_IN_SECONDS": "90", "STATEMENT_QUEUED_TIMEOUT_IN_SECONDS": "90", "CLIENT_TELEMETRY_ENABLED": "false",
		"ABORT_DETACHED_QUERY": "true", "QUERY_TAG": "spillway", "BINARY_OUTPUT_FORMAT": "HEX", "GEOGRAPHY_OUTPUT_FORMAT": "GeoJSON",
	} {
		if got := login.Parameters[name]; got != want {
			t.Errorf("the session parameter %s is %q, want %q", name, got, want)
		}
	}
	login.Parameters, login.Environment = nil, nil
	if diff := cmp.Diff(snowflaketest.Login{
		Account: snowflaketest.Account, User: snowflaketest.User, Role: "READER", Warehouse: "WH", Database: "DB", Schema: "MARTS", Application: "Spillway",
	}, login); diff != "" {
		t.Errorf("the login (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]any{"disabled"}, environment["PLATFORM"]); diff != "" {
		t.Errorf("the driver looked where it runs (-want +got):\n%s", diff)
	}
	statement := server.Statements()[0]
	if statement.Tag != "spillway contacts 01JD" || statement.Parameters["MULTI_STATEMENT_COUNT"] != 1.0 {
		t.Errorf("the statement is %+v, want its tag and one statement allowed", statement)
	}
	if err := w.Close(); err != nil {
		t.Error(err)
	}
	if server.Requests(snowflaketest.CloseKind) != 1 || server.Requests(snowflaketest.TelemetryKind) != 0 {
		t.Errorf("%d sessions were ended, and telemetry was sent %d times", server.Requests(snowflaketest.CloseKind), server.Requests(snowflaketest.TelemetryKind))
	}
}

func TestLoggingIn(t *testing.T) {
	t.Parallel()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	other, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	encrypted, err := pkcs8.MarshalPrivateKey(key, []byte("open sesame"), nil)
	if err != nil {
		t.Fatal(err)
	}
	foreign, err := x509.MarshalPKCS8PrivateKey(other)
	if err != nil {
		t.Fatal(err)
	}
	text := func(kind string, der []byte) secret {
		return secret(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
	}
	keyPair := func(s secret, passphrase warehouse.Secret) func(*Config) {
		return func(c *Config) { c.Password, c.PrivateKey, c.PrivateKeyPassphrase = nil, s, passphrase }
	}
	token := func(s secret, kind string) func(*Config) {
		return func(c *Config) { c.Password, c.Token, c.TokenType = nil, s, kind }
	}
	for _, tt := range []struct {
		name   string
		change func(*Config)
		want   string // "" for success, else what the error says
	}{
		{"a password", func(*Config) {}, ""},
		{"a wrong password", func(c *Config) { c.Password = secret("canary") }, "(390100); check user and password"},
		{"an empty password", func(c *Config) { c.Password = secret("") }, "password is empty"},
		{"a key pair", keyPair(text("PRIVATE KEY", plain), nil), ""},
		{"a key pair of old", keyPair(text("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(key)), nil), ""},
		{"an encrypted key pair", keyPair(text("ENCRYPTED PRIVATE KEY", encrypted), secret("open sesame")), ""},
		{"a wrong passphrase", keyPair(text("ENCRYPTED PRIVATE KEY", encrypted), secret("canary")), "check private_key_passphrase"},
		{"no passphrase", keyPair(text("ENCRYPTED PRIVATE KEY", encrypted), nil), "set private_key_passphrase"},
		{"a key pair of somebody else's", keyPair(text("PRIVATE KEY", foreign), nil), "(390144); check that RSA_PUBLIC_KEY"},
		{"no key", keyPair("canary", nil), "no PEM text"},
		{"a broken key", keyPair(text("PRIVATE KEY", []byte("canary")), nil), "cannot be read"},
		{"a broken key of old", keyPair(text("RSA PRIVATE KEY", []byte("canary")), nil), "cannot be read"},
		{"a certificate for a key", keyPair(text("CERTIFICATE", plain), nil), "PEM text of a CERTIFICATE"},
		{"a programmatic access token", token(snowflaketest.Token+"\n", ""), ""},
		{"a programmatic access token that has expired", token("canary", "pat"), "(394400)"},
		{"an OAuth token", token(snowflaketest.Token, "oauth"), ""},
		{"a wrong OAuth token", token("canary", "oauth"), "(390303); get a new token"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			config := settings(snowflaketest.Start(t, snowflaketest.Options{PublicKey: &key.PublicKey}))
			tt.change(&config)
			err := openWith(t, config).Check(t.Context())
			if tt.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) || warehouse.Temporary(err) || strings.Contains(err.Error(), "canary") {
				t.Errorf("the error is %v, temporary %t, want %q in it and lasting", err, warehouse.Temporary(err), tt.want)
			}
		})
	}
}

func TestALoginThatIsRefusedByStatus(t *testing.T) {
	t.Parallel()
	server := snowflaketest.Start(t)
	server.Fail(snowflaketest.Every(snowflaketest.LoginKind), 1, snowflaketest.Status(403))
	err := openWith(t, settings(server)).Check(t.Context())
	if e, ok := errors.AsType[*warehouse.Error](err); !ok || e.Temporary || !strings.Contains(err.Error(), "check account and host") {
		t.Errorf("the error is %v, want a lasting one that doubts the account", err)
	}
}
