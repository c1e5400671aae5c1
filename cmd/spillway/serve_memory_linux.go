package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// releaseProgram takes the pages of the program itself out of this process's memory, from which the kernel brings back
// those that are used again: to start and to read a project uses tens of megabytes of code and tables that waiting does
// not use.
func releaseProgram() error {
	program, err := os.Executable()
	if err != nil {
		return err
	}
	file, err := os.Open("/proc/self/smaps")
	if err != nil {
		return err
	}
	areas, err := unwritten(file, program)
	if err = errors.Join(err, file.Close()); err != nil {
		return err
	}
	var errs []error
	for _, a := range areas {
		if _, _, errno := unix.Syscall(unix.SYS_MADVISE, a.start, a.end-a.start, unix.MADV_DONTNEED); errno != 0 {
			errs = append(errs, fmt.Errorf("release %s: %w", program, errno))
		}
	}
	return errors.Join(errs...)
}

// area is a part of a process's memory.
type area struct{ start, end uintptr }

// unwritten reads, of what proc(5) says of smaps, where the program is mapped and memory is as the file is. One that
// cannot be written now may have been before: the linker writes addresses into a part of the data and then closes it, and
// letting go of that would lose them. The kernel counts pages that were written as anonymous.
func unwritten(smaps io.Reader, program string) ([]area, error) {
	var areas []area
	var at area
	var fits bool
	lines := bufio.NewScanner(smaps)
	for lines.Scan() {
		line := lines.Text()
		var start, end, offset, inode uint64
		var may, device string
		if n, _ := fmt.Sscanf(line, "%x-%x %s %x %s %d", &start, &end, &may, &offset, &device, &inode); n == 6 {
			at = area{uintptr(start), uintptr(end)}
			fits = !strings.Contains(may, "w") && strings.HasSuffix(line, " "+program)
			continue
		}
		var kilobytes int64
		if n, _ := fmt.Sscanf(line, "Anonymous: %d kB", &kilobytes); n == 1 && fits && kilobytes == 0 {
			areas = append(areas, at)
		}
	}
	return areas, lines.Err()
}
