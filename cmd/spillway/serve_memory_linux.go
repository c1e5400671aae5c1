package main

import (
	"debug/elf"
	"errors"
	"fmt"
	"os"

	"github.com/prometheus/procfs"
	"golang.org/x/sys/unix"
)

// releaseProgram takes the pages of the program itself out of this process's memory, from which the kernel brings back
// those that are used again: to start and to read a project uses tens of megabytes of code and tables that waiting does
// not use.
func releaseProgram() error {
	self, err := procfs.Self()
	if err != nil {
		return err
	}
	program, err := self.Executable()
	if err != nil {
		return err
	}
	constant, err := constantSegments()
	if err != nil {
		return fmt.Errorf("read the program's segments: %w", err)
	}
	maps, err := self.ProcMaps()
	if err != nil {
		return err
	}
	var errs []error
	for _, m := range maps {
		if m.Pathname != program || m.Perms.Write || !constant(uint64(m.Offset)) { //nolint:gosec // an offset is not negative
			continue
		}
		if _, _, errno := unix.Syscall(unix.SYS_MADVISE, m.StartAddr, m.EndAddr-m.StartAddr, unix.MADV_DONTNEED); errno != 0 {
			errs = append(errs, fmt.Errorf("release %s: %w", program, errno))
		}
	}
	return errors.Join(errs...)
}

// constantSegments tells what stands at an offset of the program's own file and is never written to in memory.
func constantSegments() (func(offset uint64) bool, error) {
	file, err := elf.Open("/proc/self/exe")
	if err != nil {
		return nil, err
	}
	return constantIn(file.Progs, uint64(os.Getpagesize())), file.Close() //nolint:gosec // a page has a size
}

// constantIn reports whether a mapping that begins at an offset of a program's file is never written to. One that cannot
// be written now may have been before: the linker writes addresses into a part of the data and then closes it, and letting
// go of that would lose them. A mapping of the data begins at the start of the page where its segment does, and the end of
// the segment before may stand on that page too.
func constantIn(segments []*elf.Prog, page uint64) func(offset uint64) bool {
	holds := func(p *elf.Prog, offset uint64) bool {
		return p.Type == elf.PT_LOAD && p.Off/page*page <= offset && offset < p.Off+p.Filesz
	}
	return func(offset uint64) bool {
		known := false
		for _, p := range segments {
			if holds(p, offset) {
				if p.Flags&elf.PF_W != 0 {
					return false
				}
				known = true
			}
		}
		return known
	}
}
