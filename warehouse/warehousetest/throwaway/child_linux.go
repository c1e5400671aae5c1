package throwaway

import "syscall"

// ChildAttr has the system send signal to the server when the test binary is killed, so that none stays behind.
func ChildAttr(signal syscall.Signal) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: signal}
}
