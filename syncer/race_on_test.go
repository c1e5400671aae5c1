//go:build race

package syncer

// defaultSeeds is fewer under the race detector, which makes each take ten times as long.
const defaultSeeds = 40
