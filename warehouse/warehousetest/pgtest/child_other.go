//go:build !linux

package pgtest

import "syscall"

func childAttr() *syscall.SysProcAttr { return &syscall.SysProcAttr{} }
