//go:build !linux

package throwaway

import "syscall"

// ChildAttr is nothing in particular: only Linux ends a server whose test binary was killed.
func ChildAttr(syscall.Signal) *syscall.SysProcAttr { return &syscall.SysProcAttr{} }
