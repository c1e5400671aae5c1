package mariadbtest

import "syscall"

// childAttr has the system end the server when the test binary is killed, so that none stays behind.
func childAttr() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
