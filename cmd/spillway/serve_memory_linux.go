package main

import (
	"errors"
	"fmt"

	"github.com/prometheus/procfs"
	"golang.org/x/sys/unix"
)

// releaseProgram takes the code of the program itself out of this process's memory, from which the kernel brings back
// the pages that run again: to start and to read a project uses tens of megabytes of code that waiting does not use.
// Code is never written to, so that the file has all of it. Constants stay: the linker writes addresses into some of
// them and then closes them, and no mapping tells which.
func releaseProgram() error {
	self, err := procfs.Self()
	if err != nil {
		return err
	}
	program, err := self.Executable()
	if err != nil {
		return err
	}
	maps, err := self.ProcMaps()
	if err != nil {
		return err
	}
	var errs []error
	for _, m := range maps {
		if m.Pathname != program || !m.Perms.Execute || m.Perms.Write {
			continue
		}
		if _, _, errno := unix.Syscall(unix.SYS_MADVISE, m.StartAddr, m.EndAddr-m.StartAddr, unix.MADV_DONTNEED); errno != 0 {
			errs = append(errs, fmt.Errorf("release %s: %w", program, errno))
		}
	}
	return errors.Join(errs...)
}
