//go:build !race

package daemon

const tenThousand = 10_000
