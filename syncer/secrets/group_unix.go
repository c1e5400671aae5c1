//go:build unix

package secrets

import (
	"os/exec"
	"syscall"
)

// asGroup gives the command a process group of its own, all of which is killed when its time is over.
func asGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}
