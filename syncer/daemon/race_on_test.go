//go:build race

package daemon

// tenThousand is less where the race detector makes everything slow.
const tenThousand = 1_000
