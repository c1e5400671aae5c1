package mariadbtest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/go-sql-driver/mysql"

	"spillway/warehouse/warehousetest/throwaway"
)

// Server is a MariaDB in which databases can be made.
type Server struct {
	dsn string
	own *throwaway.Server // nil: somebody else's
}

// Start finds a MariaDB: the one that EnvDSN names, or a new server that lives until Stop.
func Start(ctx context.Context) (*Server, error) {
	if dsn := os.Getenv(EnvDSN); dsn != "" {
		return &Server{dsn: dsn}, nil
	}
	s, err := launch(ctx)
	if err != nil {
		return nil, fmt.Errorf("start a MariaDB for tests: %w", err)
	}
	return s, nil
}

// DSN is the connection string, as a URL, of the server itself.
func (s *Server) DSN() string { return s.dsn }

// Stop ends a server that Start made, with all that is in it.
func (s *Server) Stop() {
	if s.own != nil {
		s.own.Stop()
	}
}

// NewDatabase makes an empty database and returns its connection string.
func (s *Server) NewDatabase(ctx context.Context, name string) (string, error) {
	if err := s.exec(ctx, "create database `"+name+"` character set utf8mb4"); err != nil {
		return "", fmt.Errorf("create database %s: %w", name, err)
	}
	u, err := url.Parse(s.dsn)
	if err != nil || u.Scheme == "" {
		return "", errors.New(EnvDSN + " must be a URL such as mysql://user:password@host:3306")
	}
	u.Path = "/" + name
	return u.String(), nil
}

func (s *Server) dropDatabase(ctx context.Context, name string) error {
	if err := s.exec(ctx, "drop database if exists `"+name+"`"); err != nil {
		return fmt.Errorf("drop database %s: %w", name, err)
	}
	return nil
}

func (s *Server) exec(ctx context.Context, statement string) (err error) {
	db, err := Connect(s.dsn)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	_, err = db.ExecContext(ctx, statement)
	return err
}

// Connect opens a database by its connection string, past the warehouse, to change what that reads.
func Connect(dsn string) (*sql.DB, error) {
	u, err := url.Parse(dsn)
	if err != nil {
		return nil, errors.New(EnvDSN + " is no URL")
	}
	config := mysql.NewConfig()
	config.Net, config.Addr, config.DBName = "tcp", u.Host, strings.TrimPrefix(u.Path, "/")
	config.User = u.User.Username()
	config.Passwd, _ = u.User.Password()
	config.Logger = &mysql.NopLogger{}
	connector, err := mysql.NewConnector(config)
	if err != nil {
		return nil, err
	}
	return sql.OpenDB(connector), nil
}

// launch makes a server in a directory of its own and waits until it answers.
func launch(ctx context.Context) (_ *Server, err error) {
	daemon, err := find("mariadbd")
	if err != nil {
		return nil, err
	}
	installer, err := find("mariadb-install-db")
	if err != nil {
		return nil, err
	}
	own, err := throwaway.New("spillway-mariadb-")
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			own.Stop()
		}
	}()
	dir := own.Dir
	data := filepath.Join(dir, "data")
	common := []string{"--no-defaults", "--datadir=" + data, "--innodb-log-file-size=8M"}
	if os.Getuid() == 0 {
		common = append(common, "--user=root")
	}
	install := exec.CommandContext(ctx, installer, append(common, "--auth-root-authentication-method=normal", "--skip-test-db")...)
	install.Dir = dir
	if out, err := install.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("mariadb-install-db: %w: %s", err, out)
	}
	port, err := throwaway.FreePort(ctx)
	if err != nil {
		return nil, err
	}
	admit := filepath.Join(dir, "admit.sql")
	const account = "create user if not exists 'spillway'@'127.0.0.1';\ngrant all on *.* to 'spillway'@'127.0.0.1' with grant option;\n"
	if err := os.WriteFile(admit, []byte(account), 0o600); err != nil {
		return nil, err
	}
	child := exec.CommandContext(context.WithoutCancel(ctx), daemon, append(common,
		"--socket="+filepath.Join(dir, "socket"), "--pid-file="+filepath.Join(dir, "pid"), "--bind-address=127.0.0.1",
		"--port="+strconv.Itoa(port), "--skip-name-resolve", "--init-file="+admit, "--innodb-flush-log-at-trx-commit=0",
		"--innodb-doublewrite=0", "--innodb-buffer-pool-size=64M", "--max-connections=200")...)
	child.SysProcAttr = throwaway.ChildAttr(syscall.SIGKILL)
	s := &Server{dsn: fmt.Sprintf("mysql://spillway@127.0.0.1:%d", port), own: own}
	if err := own.Launch(ctx, child, s.ping); err != nil {
		return nil, err
	}
	return s, nil
}

func (s *Server) ping(ctx context.Context) error { return s.exec(ctx, "select 1") }
