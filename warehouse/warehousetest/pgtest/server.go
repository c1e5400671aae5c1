package pgtest

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"

	"github.com/jackc/pgx/v5"

	"spillway/warehouse/warehousetest/throwaway"
)

// Server is a PostgreSQL in which databases can be made.
type Server struct {
	dsn     string
	cluster *throwaway.Server // nil: somebody else's
}

// Start finds a PostgreSQL: the one that EnvDSN names, or a new cluster that lives until Stop.
func Start(ctx context.Context) (*Server, error) {
	if dsn := os.Getenv(EnvDSN); dsn != "" {
		return &Server{dsn: dsn}, nil
	}
	bin, err := binaries()
	if err != nil {
		return nil, err
	}
	s, err := launch(ctx, bin)
	if err != nil {
		return nil, fmt.Errorf("start a PostgreSQL for tests with the binaries in %s: %w", bin, err)
	}
	return s, nil
}

// DSN is the connection string, as a URL, of the server's own database.
func (s *Server) DSN() string { return s.dsn }

// Stop ends a cluster that Start made, with all that is in it.
func (s *Server) Stop() {
	if s.cluster != nil {
		s.cluster.Stop()
	}
}

// NewDatabase makes an empty database and returns its connection string.
func (s *Server) NewDatabase(ctx context.Context, name string) (string, error) {
	if err := s.exec(ctx, "create database "+pgx.Identifier{name}.Sanitize()); err != nil {
		return "", fmt.Errorf("create database %s: %w", name, err)
	}
	u, err := url.Parse(s.dsn)
	if err != nil || u.Scheme == "" {
		return "", errors.New(EnvDSN + " must be a URL such as postgres://user:password@host:5432/postgres")
	}
	u.Path = "/" + name
	return u.String(), nil
}

func (s *Server) dropDatabase(ctx context.Context, name string) error {
	if err := s.exec(ctx, "drop database if exists "+pgx.Identifier{name}.Sanitize()+" with (force)"); err != nil {
		return fmt.Errorf("drop database %s: %w", name, err)
	}
	return nil
}

func (s *Server) exec(ctx context.Context, sql string) error {
	conn, err := pgx.Connect(ctx, s.dsn)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(ctx) }()
	_, err = conn.Exec(ctx, sql)
	return err
}

// launch makes a cluster in a directory of its own and waits until it answers.
func launch(ctx context.Context, bin string) (_ *Server, err error) {
	cluster, err := throwaway.New("spillway-pg-")
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			cluster.Stop()
		}
	}()
	attr, err := owner(cluster.Dir)
	if err != nil {
		return nil, err
	}
	data := filepath.Join(cluster.Dir, "data")
	initdb := exec.CommandContext(ctx, filepath.Join(bin, "initdb"), "-D", data, "-A", "trust", "-U", "postgres",
		"-N", "--no-locale", "-E", "UTF8")
	initdb.SysProcAttr, initdb.Dir = attr, cluster.Dir
	if out, err := initdb.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("initdb: %w: %s", err, out)
	}
	port, err := throwaway.FreePort(ctx)
	if err != nil {
		return nil, err
	}
	child := exec.CommandContext(context.WithoutCancel(ctx), filepath.Join(bin, "postgres"), "-D", data, "-k", cluster.Dir, "-h", "127.0.0.1",
		"-p", strconv.Itoa(port), "-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off",
		"-c", "max_connections=100", "-c", "log_min_messages=fatal")
	child.SysProcAttr = attr
	s := &Server{dsn: fmt.Sprintf("postgres://postgres@127.0.0.1:%d/postgres?sslmode=disable", port), cluster: cluster}
	if err := cluster.Launch(ctx, child, s.ping); err != nil {
		return nil, err
	}
	return s, nil
}

func (s *Server) ping(ctx context.Context) error { return s.exec(ctx, "select 1") }

// owner says as whom the server runs, which refuses to be root: then it is user postgres, who must own dir.
func owner(dir string) (*syscall.SysProcAttr, error) {
	attr := throwaway.ChildAttr(syscall.SIGQUIT)
	if os.Getuid() != 0 {
		return attr, nil
	}
	account, err := user.Lookup("postgres")
	if err != nil {
		return nil, fmt.Errorf("PostgreSQL does not run as root, and there is no user postgres to run it as: %w", err)
	}
	uid, err := strconv.ParseUint(account.Uid, 10, 32)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.ParseUint(account.Gid, 10, 32)
	if err != nil {
		return nil, err
	}
	attr.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	return attr, os.Chown(dir, int(uid), int(gid))
}
