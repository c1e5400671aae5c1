// Package throwaway starts database servers that live as long as a test binary does.
package throwaway

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// Server is a process of a database server with all that it keeps. The zero value is a server that somebody else runs.
type Server struct {
	Dir   string // its own, which its log is in
	child *exec.Cmd
}

// New makes a directory for a server. It lies under /tmp whatever TMPDIR says, for a socket's path may have no more
// than 107 bytes.
func New(pattern string) (*Server, error) {
	dir, err := os.MkdirTemp("/tmp", pattern)
	if err != nil {
		return nil, err
	}
	return &Server{Dir: dir}, nil
}

// Launch starts the server and waits until ping succeeds. The process outlives ctx, which is that of the start alone:
// Stop ends it, or the system when the test binary is killed.
func (s *Server) Launch(ctx context.Context, child *exec.Cmd, ping func(context.Context) error) error {
	log, err := os.Create(filepath.Join(s.Dir, "log"))
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }()
	child.Dir, child.Stdout, child.Stderr = s.Dir, log, log
	if err := child.Start(); err != nil {
		return err
	}
	s.child = child
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := ping(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			said, _ := os.ReadFile(log.Name())
			return fmt.Errorf("it does not answer: %w: %s", err, said)
		case <-tick.C:
		}
	}
}

// Stop ends the process and removes the directory: there is nothing to keep.
func (s *Server) Stop() {
	if s.child != nil {
		_ = s.child.Process.Kill()
		_ = s.child.Wait()
		s.child = nil
	}
	if s.Dir != "" {
		_ = os.RemoveAll(s.Dir)
		s.Dir = ""
	}
}

// FreePort asks the system for a TCP port that nobody listens on.
func FreePort(ctx context.Context) (int, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer func() { _ = l.Close() }()
	addr, ok := l.Addr().(*net.TCPAddr)
	if !ok {
		return 0, errors.New("the system gave no TCP address")
	}
	return addr.Port, nil
}

// Executable reports whether path is a program.
func Executable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && !info.IsDir() && info.Mode()&0o111 != 0
}
