package mysql

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"strings"
	"time"

	"spillway/warehouse"
	"spillway/warehouse/sqldb"
)

// Config is how a MySQL or MariaDB server is reached: a connection string, or its parts.
type Config struct {
	DSN              warehouse.Secret  `toml:"dsn" help:"Connection string: mysql://user:password@host:3306/db. Replaces host and the other parts."`
	Host             string            `toml:"host" help:"Server name or address, or the path of its Unix socket."`
	Port             int               `toml:"port" default:"3306" help:"Port of the server."`
	User             string            `toml:"user" help:"Account to log in as; it needs no more than SELECT."`
	Password         warehouse.Secret  `toml:"password" help:"Password of the account."`
	Database         string            `toml:"database" help:"Database in which tables without one are looked for."`
	SSLMode          string            `toml:"sslmode" enum:"disable,prefer,require,verify-ca,verify-full" help:"How the connection is secured. Default: verify-full, and prefer for a server on this machine."`
	CA               warehouse.Secret  `toml:"ca" help:"PEM text of the authorities that may sign the server's certificate, instead of the system's."`
	StatementTimeout time.Duration     `toml:"statement_timeout" default:"30m" help:"Longest time that a query may run; 0 is unlimited."`
	ConnectTimeout   time.Duration     `toml:"connect_timeout" default:"10s" help:"Longest time that a connection may take to come about."`
	Parameters       map[string]string `toml:"parameters" help:"System variables of the session, such as sql_mode or group_concat_max_len."`
}

const (
	maxIdle     = 2
	maxIdleTime = time.Minute
	keepAlive   = 30 * time.Second

	// graceOfCancel is how long the server may take to hear that a statement is cancelled before its connection is cut.
	graceOfCancel = 800 * time.Millisecond

	defaultPort = 3306

	// largestPacket is the greatest message that the protocol has, so that no value is too long to be read.
	largestPacket = 1 << 30
)

// variable is the name of a system variable.
var variable = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

func (c Config) validate() error {
	parts := c.Host != "" || c.User != "" || c.Database != "" || c.Password != nil || c.SSLMode != ""
	switch {
	case c.DSN != nil && parts:
		return errors.New("dsn and host, user, password, database or sslmode exclude each other: set dsn alone, or the parts")
	case c.DSN == nil && c.Host == "":
		return errors.New("it is not said where the server is: set dsn, or host and database")
	case c.Port < 0 || c.Port > 65535:
		return fmt.Errorf("port %d does not exist: set one from 1 to 65535", c.Port)
	case c.StatementTimeout < 0 || c.ConnectTimeout < 0:
		return errors.New("statement_timeout and connect_timeout cannot be negative: 0 is unlimited")
	}
	for name := range c.Parameters {
		if !variable.MatchString(name) {
			return fmt.Errorf("parameters: %q is not the name of a system variable", name)
		}
	}
	return nil
}

// target says which server to connect to, and as whom.
type target struct {
	host, user, password, database, sslmode string
	port                                    int
}

// resolve reveals the secrets and says how to connect.
func (c Config) resolve(ctx context.Context) (target, error) {
	to := target{host: c.Host, port: c.Port, user: c.User, database: c.Database, sslmode: c.SSLMode}
	if c.DSN != nil {
		text, err := c.DSN.Reveal(ctx)
		if err != nil {
			return target{}, fmt.Errorf("look up dsn: %w", err)
		}
		if to, err = parseDSN(text); err != nil {
			return target{}, err
		}
	}
	if c.Password != nil {
		password, err := c.Password.Reveal(ctx)
		if err != nil {
			return target{}, fmt.Errorf("look up password: %w", err)
		}
		to.password = password
	}
	if to.port == 0 {
		to.port = defaultPort
	}
	if to.sslmode == "" {
		to.sslmode = "verify-full"
		if sqldb.OnThisMachine(to.host) {
			to.sslmode = "prefer"
		}
	}
	return to, nil
}

// set copies what may stand in a connection string's query into to.
func (t *target) set(options map[string][]string) error {
	for name, values := range maps.All(options) {
		value := values[len(values)-1]
		switch name {
		case "sslmode", "ssl-mode", "ssl_mode":
			t.sslmode = strings.ToLower(strings.ReplaceAll(value, "_", "-"))
		case "tls":
			t.sslmode = map[string]string{"true": "verify-full", "false": "disable", "skip-verify": "require", "preferred": "prefer"}[value]
		case "charset", "collation", "parseTime", "loc":
			continue // what they concern is Spillway's own to choose
		default:
			return fmt.Errorf("the connection string has the option %s, which is not taken: system variables stand under parameters", name)
		}
		if !validModes[t.sslmode] {
			return fmt.Errorf("the connection string's %s is none of disable, prefer, require, verify-ca and verify-full", name)
		}
	}
	return nil
}

var validModes = map[string]bool{"disable": true, "prefer": true, "require": true, "verify-ca": true, "verify-full": true}
