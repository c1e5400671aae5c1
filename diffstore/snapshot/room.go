package snapshot

import (
	"bytes"
	"io/fs"
	"math"
	"os"
	"path"
	"strconv"
	"strings"
)

// availableMemory returns how many bytes of memory the process may still have the operating system keep files in, or
// math.MaxInt64 where that is not told. Root is the root directory of a Linux.
//
// It is what the machine has free or could free, and as much in each control group above the process that has a limit,
// of either version of control groups.
func availableMemory(root fs.FS) int64 {
	least := int64(math.MaxInt64)
	if info, err := fs.ReadFile(root, "proc/meminfo"); err == nil {
		if kilobytes, ok := field(info, "MemAvailable:"); ok {
			least = kilobytes << 10
		}
	}
	groups, err := fs.ReadFile(root, "proc/self/cgroup")
	if err != nil {
		return least
	}
	for line := range strings.Lines(string(groups)) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		switch {
		case len(parts) != 3:
		case parts[1] == "":
			least = min(least, roomInGroups(root, "sys/fs/cgroup", parts[2], groupFiles{"memory.max", "memory.current", ""}))
		case strings.Contains(","+parts[1]+",", ",memory,"):
			least = min(least, roomInGroups(root, "sys/fs/cgroup/memory", parts[2], groupFiles{"memory.limit_in_bytes", "memory.usage_in_bytes", "total_"}))
		}
	}
	return least
}

func systemRoom() int64 { return availableMemory(os.DirFS("/")) }

// groupFiles are the names under which a control group tells its limit, what is used of it, and, with a prefix, how much
// of that are files.
type groupFiles struct{ limit, usage, prefix string }

// roomInGroups returns the least room in a control group and those that it is in. A container may see its own group
// alone, in the place of the highest.
func roomInGroups(root fs.FS, top, group string, names groupFiles) int64 {
	least := int64(math.MaxInt64)
	for {
		least = min(least, roomInGroup(root, path.Join(top, group), names))
		if group == "/" || group == "." || group == "" {
			return least
		}
		group = path.Dir(group)
	}
}

func roomInGroup(root fs.FS, dir string, names groupFiles) int64 {
	limit, limited := numberIn(root, path.Join(dir, names.limit))
	used, ok := numberIn(root, path.Join(dir, names.usage))
	if !limited || !ok || limit >= math.MaxInt64>>1 {
		return math.MaxInt64
	}
	if stat, err := fs.ReadFile(root, path.Join(dir, "memory.stat")); err == nil {
		for _, name := range []string{"inactive_file", "active_file"} {
			n, _ := field(stat, names.prefix+name)
			used -= n
		}
	}
	return max(limit-max(used, 0), 0)
}

// numberIn reads a file that holds a number. "max" is none.
func numberIn(root fs.FS, name string) (int64, bool) {
	b, err := fs.ReadFile(root, name)
	if err != nil {
		return 0, false
	}
	n, err := strconv.ParseInt(string(bytes.TrimSpace(b)), 10, 64)
	return n, err == nil
}

// field returns the number in the line that begins with a word.
func field(b []byte, word string) (int64, bool) {
	for line := range bytes.Lines(b) {
		if parts := bytes.Fields(line); len(parts) > 1 && string(parts[0]) == word {
			n, err := strconv.ParseInt(string(parts[1]), 10, 64)
			return n, err == nil
		}
	}
	return 0, false
}
