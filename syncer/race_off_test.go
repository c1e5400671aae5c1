//go:build !race

package syncer

const defaultSeeds = 200
