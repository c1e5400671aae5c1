package snapshot

import (
	"context"
	"path/filepath"
)

func (v *view) verify(ctx context.Context) error {
	if v.manifest == nil {
		return nil
	}
	for _, g := range v.generations() {
		if err := g.verify(ctx, v.inner); err != nil {
			return v.failure("verify", err)
		}
	}
	size, err := v.countAll(ctx)
	if err == nil && size != v.size {
		err = damage("%s says that there are %d keys, and there are %d", filepath.Join(v.dir, v.name+manifestEnding), v.size, size)
	}
	if err == nil {
		err = v.verifyPrevious(ctx)
	}
	return v.failure("verify", err)
}

// verify reads all of a generation.
func (g *generation) verify(ctx context.Context, hash *hasher) error {
	if err := g.check(); err != nil {
		return err
	}
	c := &cursor{g: g}
	last := uint64(0)
	for more := c.first(); more; more = c.next() {
		if c.at%4096 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		r, err := c.record()
		if err != nil {
			return err
		}
		if _, err := r.stored(0); err != nil {
			return damage("%s: record %d cannot be read", g.path, c.at)
		}
		if c.hash < last || c.hash != prefix(hash.HashKey(r.key)) {
			return damage("%s: record %d is not where its key belongs", g.path, c.at)
		}
		last = c.hash
	}
	if c.at != g.rows {
		return damage("%s: the index ends at record %d of %d", g.path, c.at, g.rows)
	}
	return nil
}

// countAll counts the keys one by one.
func (v *view) countAll(ctx context.Context) (size int64, err error) {
	cursors, err := v.allCursors()
	if err != nil {
		return 0, err
	}
	m := newMerge(cursors)
	for n := 0; ; n++ {
		if n%4096 == 0 && ctx.Err() != nil {
			return 0, ctx.Err()
		}
		c, err := m.next()
		if err != nil || c == nil {
			return size, err
		}
		if c.kind() == plain {
			size++
			continue
		}
		r, err := c.record()
		if err != nil {
			return 0, err
		}
		s, err := r.stored(0)
		if err != nil {
			return 0, err
		}
		if counts(&s.state) {
			size++
		}
	}
}
