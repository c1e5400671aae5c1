package postgres

import (
	"context"
	"crypto/tls"
	"database/sql/driver"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgconn/ctxwatch"
	"github.com/jackc/pgx/v5/stdlib"

	"spillway/warehouse"
	"spillway/warehouse/sqldb"
)

// Config is how a PostgreSQL database is reached: a connection string, or its parts.
type Config struct {
	DSN              warehouse.Secret  `toml:"dsn" help:"Connection string, as a URL or in keywords: postgres://user@host:5432/db. Replaces host and the other parts."`
	Host             string            `toml:"host" help:"Server name or address, or the directory of its Unix socket."`
	Port             int               `toml:"port" default:"5432" help:"Port of the server."`
	User             string            `toml:"user" help:"Role to log in as; it needs no more than SELECT."`
	Password         warehouse.Secret  `toml:"password" help:"Password of the role."`
	Database         string            `toml:"database" help:"Database to connect to."`
	SSLMode          string            `toml:"sslmode" enum:"disable,allow,prefer,require,verify-ca,verify-full" help:"How the connection is secured. Default: verify-full, and prefer for a server on this machine."`
	CA               warehouse.Secret  `toml:"ca" help:"PEM text of the authorities that may sign the server's certificate, instead of the system's."`
	StatementTimeout time.Duration     `toml:"statement_timeout" default:"30m" help:"Longest time that a query may run; 0 is unlimited."`
	ConnectTimeout   time.Duration     `toml:"connect_timeout" default:"10s" help:"Longest time that a connection may take to come about."`
	Parameters       map[string]string `toml:"parameters" help:"Session settings of the server, such as search_path or role."`
}

const (
	maxIdle     = 2
	maxIdleTime = time.Minute
	keepAlive   = 30 * time.Second

	// graceOfCancel is how long a cancelled statement may take to end before its connection is cut.
	graceOfCancel = 800 * time.Millisecond
)

func (c Config) validate() error {
	parts := c.Host != "" || c.User != "" || c.Database != "" || c.Password != nil || c.SSLMode != ""
	switch {
	case c.DSN != nil && parts:
		return errors.New("dsn and host, user, password, database or sslmode exclude each other: set dsn alone, or the parts")
	case c.DSN == nil && c.Host == "":
		return errors.New("it is not said where the database is: set dsn, or host and database")
	case c.Port < 0 || c.Port > 65535:
		return fmt.Errorf("port %d does not exist: set one from 1 to 65535", c.Port)
	case c.StatementTimeout < 0 || c.ConnectTimeout < 0:
		return errors.New("statement_timeout and connect_timeout cannot be negative: 0 is unlimited")
	}
	return nil
}

// connector returns a connector that looks the secrets up for each connection, so that rotated ones take effect.
func (c Config) connector(log *slog.Logger) (driver.Connector, error) {
	var warn sync.Once
	base, err := pgx.ParseConfig("host=localhost sslmode=disable")
	if err != nil {
		return nil, err
	}
	return stdlib.GetConnector(*base, stdlib.OptionBeforeConnect(
		func(ctx context.Context, target *pgx.ConnConfig) error {
			fresh, err := c.resolve(ctx)
			if err != nil {
				return err
			}
			if !proven(fresh) {
				warn.Do(func() {
					log.WarnContext(ctx, "the connection does not prove that the server is the right one; set sslmode = \"verify-full\"",
						"host", fresh.Host)
				})
			}
			*target = *fresh
			return nil
		})), nil
}

// resolve reveals the secrets and says how to connect.
func (c Config) resolve(ctx context.Context) (*pgx.ConnConfig, error) {
	text, err := c.connString(ctx)
	if err != nil {
		return nil, err
	}
	config, err := parse(text)
	if err != nil {
		return nil, err
	}
	if err := c.trust(ctx, config); err != nil {
		return nil, err
	}
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = c.ConnectTimeout
	}
	if config.RuntimeParams["application_name"] == "" {
		config.RuntimeParams["application_name"] = warehouse.Tag{}.String()
	}
	maps.Copy(config.RuntimeParams, c.Parameters)
	config.DialFunc = (&net.Dialer{KeepAlive: keepAlive}).DialContext
	config.DefaultQueryExecMode = pgx.QueryExecModeExec // leaves no prepared statement behind a pooler
	config.BuildContextWatcherHandler = func(conn *pgconn.PgConn) ctxwatch.Handler {
		return &pgconn.CancelRequestContextWatcherHandler{Conn: conn, DeadlineDelay: graceOfCancel}
	}
	return config, nil
}

func (c Config) connString(ctx context.Context) (string, error) {
	if c.DSN != nil {
		dsn, err := c.DSN.Reveal(ctx)
		if err != nil {
			return "", fmt.Errorf("look up dsn: %w", err)
		}
		if strings.TrimSpace(dsn) == "" {
			return "", errors.New("dsn is empty: give a connection string such as postgres://user@host:5432/database")
		}
		return dsn, nil
	}
	pairs := []string{pair("host", c.Host)}
	if c.Port != 0 {
		pairs = append(pairs, pair("port", strconv.Itoa(c.Port)))
	}
	if c.User != "" {
		pairs = append(pairs, pair("user", c.User))
	}
	if c.Database != "" {
		pairs = append(pairs, pair("dbname", c.Database))
	}
	if c.SSLMode != "" {
		pairs = append(pairs, pair("sslmode", c.SSLMode))
	}
	if c.Password != nil {
		password, err := c.Password.Reveal(ctx)
		if err != nil {
			return "", fmt.Errorf("look up password: %w", err)
		}
		pairs = append(pairs, pair("password", password))
	}
	return strings.Join(pairs, " "), nil
}

func pair(key, value string) string {
	return key + "='" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(value) + "'"
}

// errDSN says nothing of what the parser saw, for a malformed string may show its password anywhere.
var errDSN = errors.New("the connection string cannot be read: write postgres://user:password@host:5432/database " +
	"with special characters of the password percent-encoded, or host=… user=… password='…' dbname=…")

// parse reads a connection string. Where it does not say otherwise, a server that is not on this machine must prove
// who it is.
func parse(text string) (*pgx.ConnConfig, error) {
	config, err := pgx.ParseConfig(text)
	if file, ok := errors.AsType[*fs.PathError](err); ok {
		return nil, fmt.Errorf("read a file that the connection string names: %w", file)
	}
	if err != nil {
		return nil, errDSN
	}
	if local(config) || os.Getenv("PGSSLMODE") != "" {
		return config, nil
	}
	verified := "sslmode=verify-full " + text // of a keyword given twice the last one holds
	if strings.HasPrefix(text, "postgres://") || strings.HasPrefix(text, "postgresql://") {
		u, err := url.Parse(text)
		if err != nil {
			return nil, errDSN
		}
		query := u.Query()
		if query.Has("sslmode") || query.Has("ssl") {
			return config, nil
		}
		query.Set("sslmode", "verify-full")
		u.RawQuery = query.Encode()
		verified = u.String()
	}
	if config, err = pgx.ParseConfig(verified); err != nil {
		return nil, errDSN
	}
	return config, nil
}

// local reports whether every server that config may connect to is on this machine.
func local(config *pgx.ConnConfig) bool {
	for _, f := range config.Fallbacks {
		if !sqldb.OnThisMachine(f.Host) {
			return false
		}
	}
	return sqldb.OnThisMachine(config.Host)
}

// proven reports whether every server that config may connect to is on this machine or must show a certificate.
func proven(config *pgx.ConnConfig) bool {
	safe := func(host string, t *tls.Config) bool {
		return sqldb.OnThisMachine(host) || t != nil && (!t.InsecureSkipVerify || t.VerifyPeerCertificate != nil)
	}
	for _, f := range config.Fallbacks {
		if !safe(f.Host, f.TLSConfig) {
			return false
		}
	}
	return safe(config.Host, config.TLSConfig)
}

// trust makes ca the only authorities that may sign the server's certificate.
func (c Config) trust(ctx context.Context, config *pgx.ConnConfig) error {
	pool, err := sqldb.Authorities(ctx, c.CA)
	if pool == nil || err != nil {
		return err
	}
	configs := []*tls.Config{config.TLSConfig}
	for _, f := range config.Fallbacks {
		configs = append(configs, f.TLSConfig)
	}
	used := false
	for _, t := range configs {
		if t != nil {
			t.RootCAs = pool
			used = used || !t.InsecureSkipVerify || t.VerifyPeerCertificate != nil
		}
	}
	if !used {
		return sqldb.ErrUselessAuthorities
	}
	return nil
}
