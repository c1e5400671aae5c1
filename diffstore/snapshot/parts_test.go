package snapshot

import (
	"fmt"
	"math"
	"path/filepath"
	"testing"
	"testing/fstest"

	"spillway/diffstore"
)

func TestAvailableMemory(t *testing.T) {
	t.Parallel()
	const machine = "MemTotal: 9000 kB\nMemFree: 1 kB\nMemAvailable:    4000 kB\n"
	for _, tt := range []struct {
		name  string
		files map[string]string
		want  int64
	}{
		{"another system tells nothing", nil, math.MaxInt64},
		{"without groups it is what the machine could free", map[string]string{"proc/meminfo": machine}, 4000 << 10},
		{"a group without a limit", map[string]string{
			"proc/meminfo": machine, "proc/self/cgroup": "0::/a\n",
			"sys/fs/cgroup/a/memory.max": "max\n", "sys/fs/cgroup/a/memory.current": "5\n",
		}, 4000 << 10},
		{"a group with a limit, files in it are as good as free", map[string]string{
			"proc/meminfo": machine, "proc/self/cgroup": "0::/a/b\n",
			"sys/fs/cgroup/a/b/memory.max": "1000\n", "sys/fs/cgroup/a/b/memory.current": "900\n",
			"sys/fs/cgroup/a/b/memory.stat": "anon 500\nactive_file 100\ninactive_file 200\n",
		}, 400},
		{"the group above it has the lower limit", map[string]string{
			"proc/meminfo": machine, "proc/self/cgroup": "0::/a/b\n",
			"sys/fs/cgroup/a/b/memory.max": "1000\n", "sys/fs/cgroup/a/b/memory.current": "100\n",
			"sys/fs/cgroup/a/memory.max": "800\n", "sys/fs/cgroup/a/memory.current": "500\n",
		}, 300},
		{"a container sees its group as the highest", map[string]string{
			"proc/meminfo": machine, "proc/self/cgroup": "0::/kubepods/pod1\n",
			"sys/fs/cgroup/memory.max": "1000\n", "sys/fs/cgroup/memory.current": "100\n",
		}, 900},
		{"the first version of groups", map[string]string{
			"proc/meminfo": machine, "proc/self/cgroup": "2:cpu:/\n4:memory,x:/a\n0::/\n",
			"sys/fs/cgroup/memory/a/memory.limit_in_bytes": "1000\n", "sys/fs/cgroup/memory/a/memory.usage_in_bytes": "900\n",
			"sys/fs/cgroup/memory/a/memory.stat":         "total_inactive_file 50\n",
			"sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
			"sys/fs/cgroup/memory/memory.usage_in_bytes": "100\n",
		}, 150},
		{"more is used than the limit", map[string]string{
			"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "10\n", "sys/fs/cgroup/memory.current": "20\n",
		}, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			root := fstest.MapFS{}
			for name, content := range tt.files {
				root[name] = &fstest.MapFile{Data: []byte(content)}
			}
			if got := availableMemory(root); got != tt.want {
				t.Errorf("there is room for %d bytes, not %d", got, tt.want)
			}
		})
	}
}

// TestParts finds that the keys of each part lie together in the index, and that they are skimmed as in any order.
func TestParts(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "state")
	var attempts []diffstore.Attempt
	var keys []string
	for i := range 2000 {
		keys = append(keys, fmt.Sprintf("k%d", i))
		attempts = append(attempts, at(keys[i], fmt.Sprintf("id%d", i), 5))
	}
	run(t, dir, begin, intends(attempts...), settles(diffstore.Taken, keys...), end)
	for _, tt := range []struct {
		room int64
		want int
	}{{1 << 30, 1}, {30_000, 4}, {2000, 64}, {0, diffstore.MostParts}} {
		t.Run(fmt.Sprintf("with room for %d bytes", tt.room), func(t *testing.T) {
			t.Parallel()
			v := viewOf(t, openTest(t, dir, WithRoom(tt.room)))
			parted, ok := v.(diffstore.Skimmer)
			if !ok {
				t.Fatal("the view has no parts")
			}
			parts, err := parted.Parts(t.Context())
			if err != nil || parts != tt.want {
				t.Fatalf("there are %d parts, not %d: %v", parts, tt.want, err)
			}
			probes := make([][]diffstore.Probe, parts)
			for _, key := range keys {
				p := probe(v, key, 5)
				part := p.Key.Part(parts)
				probes[part] = append(probes[part], p)
			}
			last := uint64(0)
			for _, part := range probes {
				highest := last
				for _, p := range part {
					if h := prefix(p.Key); h < last {
						t.Fatalf("a key stands before those of the part before it")
					} else {
						highest = max(highest, h)
					}
				}
				last = highest
				for i, same := range skim(t, v, part...) {
					if !same {
						t.Errorf("probe %d of a part is not the same", i)
					}
				}
			}
		})
	}
}
