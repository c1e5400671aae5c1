package mysql

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"sync"

	mysqldriver "github.com/go-sql-driver/mysql"

	"spillway/warehouse"
)

// connector looks the secrets up for each connection, so that rotated ones take effect.
type connector struct {
	config Config
	log    *slog.Logger
	warn   sync.Once
}

func (c *connector) Driver() driver.Driver { return &mysqldriver.MySQLDriver{} }

// errLate is a server that did not answer within connect_timeout.
var errLate = errors.New("the server did not answer")

func (c *connector) Connect(ctx context.Context) (driver.Conn, error) {
	to, err := c.config.resolve(ctx)
	if err != nil {
		return nil, err
	}
	if !to.proven() {
		c.warn.Do(func() {
			c.log.WarnContext(ctx, "the connection does not prove that the server is the right one; set sslmode = \"verify-full\"",
				"host", to.host)
		})
	}
	d, err := c.config.driver(ctx, to)
	if err != nil {
		return nil, err
	}
	inner, err := mysqldriver.NewConnector(d)
	if err != nil {
		return nil, err
	}
	bounded, cancel := ctx, func() {}
	if wait := c.config.ConnectTimeout; wait > 0 { // the driver's own time-out ends with the dialling
		bounded, cancel = context.WithTimeoutCause(ctx, wait, errLate)
	}
	defer cancel()
	conn, err := inner.Connect(bounded)
	if err != nil && ctx.Err() == nil && errors.Is(context.Cause(bounded), errLate) {
		return nil, &warehouse.Error{
			Message: fmt.Sprintf("connect to %s: %s within %s", d.Addr, errLate, c.config.ConnectTimeout), Temporary: true,
			Hint: "check host and port, and that the server accepts connections from here",
		}
	}
	return conn, err
}

// driver fills the driver's configuration field by field: none of its options is the user's to set.
func (c Config) driver(ctx context.Context, to target) (*mysqldriver.Config, error) {
	secured, err := c.secure(ctx, to)
	if err != nil {
		return nil, err
	}
	d := mysqldriver.NewConfig()
	d.User, d.Passwd, d.DBName = to.user, to.password, to.database
	d.Net, d.Addr = "tcp", net.JoinHostPort(to.host, strconv.Itoa(to.port))
	if strings.HasPrefix(to.host, "/") {
		d.Net, d.Addr, secured = "unix", to.host, nil
	}
	d.TLS = secured
	d.AllowFallbackToPlaintext = to.sslmode == "prefer"
	d.AllowCleartextPasswords = secured != nil && strings.HasPrefix(to.sslmode, "verify-")
	d.ConnectionAttributes = "program_name:" + warehouse.Tag{}.String()
	d.MaxAllowedPacket = largestPacket
	d.Logger = &mysqldriver.NopLogger{}
	d.DialFunc = (&net.Dialer{KeepAlive: keepAlive}).DialContext
	return d, nil
}
