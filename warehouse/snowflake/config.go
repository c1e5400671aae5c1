package snowflake

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	sf "github.com/snowflakedb/gosnowflake/v2"

	"spillway/warehouse"
)

// Config is how a Snowflake account is reached. It is turned into the driver's settings field by field, never through
// a connection string, for one of those can end the process.
type Config struct {
	Account              string            `toml:"account" required:"true" help:"Account identifier, such as myorg-myaccount, or xy12345.eu-central-1."`
	User                 string            `toml:"user" help:"User to log in as; one of TYPE = SERVICE with a key pair or a programmatic access token."`
	Password             warehouse.Secret  `toml:"password" help:"Password of the user, where the account still takes one without a second factor."`
	PrivateKey           warehouse.Secret  `toml:"private_key" help:"RSA private key of the user as PEM text, such as { file = \"key.p8\" }."`
	PrivateKeyPassphrase warehouse.Secret  `toml:"private_key_passphrase" help:"Passphrase of an encrypted private key."`
	Token                warehouse.Secret  `toml:"token" help:"Token to log in with, of the kind that token_type says."`
	TokenType            string            `toml:"token_type" enum:"pat,oauth" default:"pat" help:"Kind of token: pat is a programmatic access token, oauth an OAuth access token."`
	Role                 string            `toml:"role" help:"Role to use; it needs no more than SELECT. Default: that of the user."`
	Warehouse            string            `toml:"warehouse" help:"Virtual warehouse that runs the queries. Default: that of the user."`
	Database             string            `toml:"database" help:"Database at which names start. Default: that of the user."`
	Schema               string            `toml:"schema" help:"Schema at which names start. Default: that of the user."`
	Host                 string            `toml:"host" help:"Server name, for a private link or a stand-in. Default: the one that the account has."`
	Port                 int               `toml:"port" default:"443" help:"Port of the server."`
	Protocol             string            `toml:"protocol" enum:"https,http" default:"https" help:"How the server is spoken to; http is for a stand-in on this machine."`
	StatementTimeout     time.Duration     `toml:"statement_timeout" default:"30m" help:"Longest time that a query may run or wait for its warehouse; 0 leaves it to Snowflake's own settings."`
	ConnectTimeout       time.Duration     `toml:"connect_timeout" default:"30s" help:"Longest time that logging in may take; 0 is unlimited."`
	Parameters           map[string]string `toml:"parameters" help:"Session parameters, such as TIMESTAMP_TYPE_MAPPING or WEEK_START."`
}

// domain is what account identifiers are followed by in the names of servers.
const domain = ".snowflakecomputing.com"

func (c Config) validate() error {
	if err := c.validateAddress(); err != nil {
		return err
	}
	if err := c.validateLogin(); err != nil {
		return err
	}
	if c.StatementTimeout < 0 || c.ConnectTimeout < 0 {
		return errors.New("statement_timeout and connect_timeout cannot be negative")
	}
	for _, name := range slices.Sorted(maps.Keys(c.Parameters)) {
		if _, ok := c.pinned()[strings.ToLower(name)]; ok {
			return fmt.Errorf("the session parameter %s cannot be set: the values that are read depend on it", name)
		}
	}
	return nil
}

func (c Config) validateAddress() error {
	switch {
	case strings.TrimSpace(c.Account) == "":
		return errors.New("account is empty: set the account identifier, such as myorg-myaccount")
	case strings.Contains(c.Account, "/") || strings.HasSuffix(strings.ToLower(c.Account), domain):
		return fmt.Errorf("account is %q: give the identifier alone, what stands before %s in the address", c.Account, domain)
	case strings.Contains(c.Host, "/"):
		return fmt.Errorf("host is %q: give the name alone, and protocol for the rest", c.Host)
	case c.Port < 0 || c.Port > 65535:
		return fmt.Errorf("port %d does not exist: set one from 1 to 65535", c.Port)
	case c.Protocol != "" && c.Protocol != "http" && c.Protocol != "https":
		return fmt.Errorf("protocol is %q: set https or http", c.Protocol)
	case c.Protocol == "http" && c.Host == "":
		return errors.New("protocol http is for a stand-in: set host too, or leave protocol out")
	}
	return nil
}

func (c Config) validateLogin() error {
	var ways []string
	for _, way := range []struct {
		name   string
		secret warehouse.Secret
	}{{"password", c.Password}, {"private_key", c.PrivateKey}, {"token", c.Token}} {
		if way.secret != nil {
			ways = append(ways, way.name)
		}
	}
	switch {
	case len(ways) == 0:
		return errors.New("it is not said how to log in: set private_key, token or password")
	case len(ways) > 1:
		return fmt.Errorf("%s exclude each other: set one of them", strings.Join(ways, " and "))
	case c.User == "" && c.Token == nil:
		return fmt.Errorf("user is not set, and %s needs one", ways[0])
	case c.PrivateKeyPassphrase != nil && c.PrivateKey == nil:
		return errors.New("private_key_passphrase is set without private_key")
	case c.TokenType != "" && c.TokenType != "pat" && c.TokenType != "oauth":
		return fmt.Errorf("token_type is %q: set pat or oauth", c.TokenType)
	}
	return nil
}

// pinned are the session parameters on which it depends what a value reads as and whether a result is whole. In the
// driver their names are in lower case.
func (c Config) pinned() map[string]string {
	p := map[string]string{
		"timezone":                 "UTC",
		"go_query_result_format":   "ARROW",
		"rows_per_resultset":       "0",
		"multi_statement_count":    "1",
		"binary_output_format":     "HEX",
		"geography_output_format":  "GeoJSON",
		"geometry_output_format":   "GeoJSON",
		"json_indent":              "0",
		"abort_detached_query":     "true",
		"query_tag":                warehouse.Tag{}.String(),
		"client_telemetry_enabled": "false",
	}
	if c.StatementTimeout > 0 {
		seconds := strconv.FormatInt(max(1, int64(c.StatementTimeout/time.Second)), 10)
		p["statement_timeout_in_seconds"], p["statement_queued_timeout_in_seconds"] = seconds, seconds
	}
	return p
}

// resolve reveals the secrets and says how to connect.
func (c Config) resolve(ctx context.Context) (sf.Config, error) {
	out := sf.Config{
		Account:   c.Account,
		User:      c.User,
		Role:      c.Role,
		Warehouse: c.Warehouse,
		Database:  c.Database,
		Schema:    c.Schema,
		Host:      c.Host,
		Port:      c.Port,
		Protocol:  c.Protocol,

		Application: "Spillway",
		Params:      make(map[string]*string),
	}
	// It counts the waits between tries alone, so that their reason is told before all time is up.
	out.LoginTimeout = c.ConnectTimeout / 2 //nolint:staticcheck // deprecated, and there is nothing else yet
	for name, value := range c.Parameters {
		out.Params[strings.ToLower(name)] = &value
	}
	for name, value := range c.pinned() {
		out.Params[name] = &value
	}
	return out, c.authenticate(ctx, &out)
}

func (c Config) authenticate(ctx context.Context, out *sf.Config) (err error) {
	switch {
	case c.PrivateKey != nil:
		out.Authenticator = sf.AuthTypeJwt
		out.PrivateKey, err = c.privateKey(ctx)
	case c.Token != nil:
		out.Authenticator = sf.AuthTypePat
		if c.TokenType == "oauth" {
			out.Authenticator = sf.AuthTypeOAuth
		}
		out.Token, err = reveal(ctx, "token", c.Token)
		out.Token = strings.TrimSpace(out.Token)
	default:
		out.Authenticator = sf.AuthTypeSnowflake
		out.Password, err = reveal(ctx, "password", c.Password)
	}
	return err
}

func reveal(ctx context.Context, name string, s warehouse.Secret) (string, error) {
	value, err := s.Reveal(ctx)
	if err != nil {
		return "", fmt.Errorf("look up %s: %w", name, err)
	}
	if strings.TrimSpace(value) == "" {
		return "", fmt.Errorf("%s is empty", name)
	}
	return value, nil
}
