package schedule

import (
	"hash/fnv"
	"time"
)

// Jitter returns by how much later than its tick a sync starts: always the same for one name, and less than most.
func Jitter(name string, most time.Duration) time.Duration {
	if most <= 0 {
		return 0
	}
	h := fnv.New64a()
	_, _ = h.Write([]byte(name)) // it never fails
	// The low bits of names that differ in their last letter are alike; the multiplication spreads them.
	return time.Duration((h.Sum64() * 0x9e3779b97f4a7c15) >> 1 % uint64(most)).Truncate(time.Millisecond)
}
