package snapshot

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"slices"
	"sync"
	"unsafe"

	"spillway/diffstore"
)

// view compares a source with a snapshot: the records in memory, then the segments, then the base.
type view struct {
	*files
	*hasher // of the caller's goroutine

	mu       sync.Mutex
	inner    *hasher   // guarded by mu, like what follows
	session  uint64    // the session whose attempts are under way; 0 for none
	manifest *manifest // nil for a sync that never ran
	progress
	base     *generation   // nil before the first
	segments []*generation // newer ones come later
	overlay  *overlay
	journal  contents // as it was read
	broken   error    // why the view is of no use any more

	isReady bool
	over    []uint64 // a bit for each record of the base: a newer one is in a segment or in memory
	seen    *seen
	sources *sources
	batch   *batch
}

var _ diffstore.Skimmer = (*view)(nil)

func newView(f *files) (*view, error) {
	v := &view{files: f}
	var err error
	if v.hasher, err = newHasher(f.sumKey); err != nil {
		return nil, err
	}
	if v.inner, err = newHasher(f.sumKey); err != nil {
		return nil, err
	}
	v.overlay = newOverlay(v.inner)
	return v, nil
}

// load opens the files of the snapshot as it is now. Whoever writes to it may be replacing them meanwhile.
func (v *view) load() error {
	for attempt := 0; ; attempt++ {
		m, err := v.readManifest()
		if err != nil || m == nil {
			return err
		}
		err = v.loadFiles(m)
		if err == nil {
			return nil
		}
		err = errors.Join(err, v.closeFiles())
		again, readErr := v.readManifest()
		if readErr != nil || again == nil || again.Epoch == m.Epoch || attempt == 10 {
			return err
		}
	}
}

func (v *view) loadFiles(m *manifest) (err error) {
	v.overlay = newOverlay(v.inner)
	v.manifest = m
	if m.Base != nil {
		if v.base, err = v.openGeneration(m.Base); err != nil {
			return err
		}
	}
	for _, ref := range m.Segments {
		g, err := v.openGeneration(ref)
		if err != nil {
			return err
		}
		v.segments = append(v.segments, g)
	}
	var b []byte
	v.journal, err = v.readJournal(m, func(r record) {
		b = appendRecord(b[:0], &r)
		err = errors.Join(err, v.overlay.put(v.inner.HashKey(r.key), &r, b))
	})
	v.progress = v.journal.at
	return err
}

func (v *view) openGeneration(ref *fileRef) (*generation, error) {
	g, err := openGeneration(v.fs, v.dir, ref, v.encryptionKey)
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("%w: %w", err, diffstore.ErrCorrupt)
	}
	return g, err
}

func (v *view) closeFiles() (err error) {
	for _, g := range append(v.segments, v.base) {
		if g != nil {
			err = errors.Join(err, g.Close())
		}
	}
	v.base, v.segments, v.manifest = nil, nil, nil
	return err
}

// failure says what could not be done to which snapshot.
func (v *view) failure(doing string, err error) error {
	if err == nil {
		return nil
	}
	err = fmt.Errorf("%s the snapshot of sync %s: %w", doing, v.sync, err)
	if errors.Is(err, diffstore.ErrCorrupt) {
		return fmt.Errorf("%w; restore its files from a copy, or run \"spillway reset %s\"", err, v.sync)
	}
	return err
}

// ready checks the indexes and finds which records of the base count no more, before the first key is looked up.
func (v *view) ready(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if v.broken != nil {
		return v.broken
	}
	if v.isReady {
		return nil
	}
	for _, g := range v.generations() {
		if err := g.check(); err != nil {
			return v.failure("read", err)
		}
	}
	v.renew(nil)
	if err := v.findSuperseded(); err != nil {
		return v.failure("read", err)
	}
	v.isReady = true
	return nil
}

// renew makes what there is a part of for each record of the base.
func (v *view) renew(marks *seen) {
	var rows uint64
	if v.base != nil {
		rows = v.base.rows
	}
	v.over = make([]uint64, rows/64+1)
	v.sources = &sources{rows: rows, dir: v.dir, limit: v.budget / 8}
	if v.seen = marks; marks == nil {
		v.seen = newSeen(rows, v.dir, v.budget/4)
	}
}

// generations returns the newest first.
func (v *view) generations() []*generation {
	gs := slices.Clone(v.segments)
	slices.Reverse(gs)
	if v.base != nil {
		gs = append(gs, v.base)
	}
	return gs
}

func (v *view) findSuperseded() error {
	if v.base == nil {
		return nil
	}
	m := newMerge(v.cursors(v.segments))
	for {
		c, err := m.next()
		if err != nil || c == nil {
			return err
		}
		if _, count := v.base.find(c.hash); count == 0 {
			continue
		}
		r, err := c.record()
		if err != nil {
			return err
		}
		if ord, _, ok, err := v.base.lookup(c.hash, r.key); err != nil {
			return err
		} else if ok {
			v.over[ord/64] |= 1 << (ord % 64)
		}
	}
}

// cursors returns cursors through the overlay and the given generations, the newest first.
func (v *view) cursors(generations []*generation) []*cursor {
	cs := []*cursor{v.overlay.cursor()}
	for _, g := range slices.Backward(generations) {
		cs = append(cs, &cursor{g: g})
	}
	return cs
}

// allCursors returns cursors through everything, the newest first.
func (v *view) allCursors() []*cursor {
	cs := v.cursors(v.segments)
	if v.base != nil {
		cs = append(cs, &cursor{g: v.base})
	}
	return cs
}

// place is where a key was found.
type place struct {
	hash   diffstore.KeyHash
	inBase bool
	ord    uint64 // in the base, whether or not the base has the newest record
	known  bool   // rec is what is known of the key
	traced bool   // there is a record, if only one that says that nothing is known
	rec    record
}

// locate finds the newest record of a key.
func (v *view) locate(key []byte) (p place, err error) {
	p.hash = v.inner.HashKey(key)
	h := prefix(p.hash)
	if v.base != nil {
		if p.ord, p.rec, p.inBase, err = v.base.lookup(h, key); err != nil {
			return p, err
		}
		p.traced = p.inBase
		if p.inBase && v.over[p.ord/64]>>(p.ord%64)&1 == 0 {
			p.known = true
			return p, nil
		}
	}
	if r, ok := v.overlay.get(p.hash); ok {
		p.rec, p.traced = r, true
	} else {
		for _, g := range slices.Backward(v.segments) {
			_, r, ok, err := g.lookup(h, key)
			if err != nil {
				return p, err
			}
			if ok {
				p.rec, p.traced = r, true
				break
			}
		}
	}
	p.known = p.traced && p.rec.kind != tombstone
	return p, nil
}

// verdict returns what a key got, 0 if it was not seen.
func (v *view) verdict(p *place) diffstore.Verdict {
	if p.inBase {
		return v.seen.verdict(p.ord)
	}
	return v.seen.strangers.verdict(p.hash)
}

// Close closes the view.
func (v *view) Close() error {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.close()
}

func (v *view) close() (err error) {
	if v.broken == nil {
		v.broken = errors.New("the snapshot was closed")
	}
	if v.seen != nil {
		err = errors.Join(v.seen.Close(), v.sources.Close())
		v.seen, v.sources, v.isReady = nil, nil, false
	}
	return errors.Join(err, v.closeFiles())
}

// Size returns the number of keys.
func (v *view) Size(context.Context) (int64, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.size, v.broken
}

// Version names the state.
func (v *view) Version(context.Context) (string, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.manifest == nil {
		return "", v.broken
	}
	return fmt.Sprintf("%s-%d", v.manifest.Nonce, v.version), v.broken
}

// Compare compares entries with the snapshot.
func (v *view) Compare(ctx context.Context, entries []diffstore.Entry) ([]diffstore.Change, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if err := v.ready(ctx); err != nil {
		return nil, err
	}
	changes := make([]diffstore.Change, len(entries))
	for i := range entries {
		var err error
		if changes[i], err = v.compare(&entries[i]); err != nil {
			return nil, v.failure("read", err)
		}
	}
	return changes, nil
}

// textOf returns the bytes of a string, which must not be changed.
func textOf(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }

func (v *view) compare(e *diffstore.Entry) (diffstore.Change, error) {
	key := textOf(e.Key)
	if ord, ok := v.glance(e, key); ok {
		c := diffstore.Change{Verdict: diffstore.Same}
		if was := v.seen.visit(ord, diffstore.Same); was != 0 {
			c = diffstore.Change{Verdict: diffstore.Duplicate, First: was}
		} else if source := e.Source & sourceMask; source != 0 && source != v.base.sourceAt(ord) {
			return c, v.sources.set(ord, source)
		}
		return c, nil
	}
	p, err := v.locate(key)
	if err != nil {
		return diffstore.Change{}, err
	}
	var k *diffstore.Known
	if p.known {
		if k, err = p.rec.known(e.Key, v.session); err != nil {
			return diffstore.Change{}, err
		}
	}
	c := diffstore.Judge(*e, k)
	var was diffstore.Verdict
	if p.inBase {
		was = v.seen.visit(p.ord, c.Verdict)
	} else if was, err = v.seen.strangers.visit(p.hash, c.Verdict); err != nil {
		return diffstore.Change{}, err
	}
	if was != 0 {
		c.Verdict, c.First, c.Contested = diffstore.Duplicate, was, false
	}
	return c, nil
}

// glance finds whether the index of the base alone tells that an entry is the Same. It does not look at the text of the
// key: that another key has its hash of 64 bits, and the same record, does not happen.
func (v *view) glance(e *diffstore.Entry, key []byte) (ord uint64, ok bool) {
	if v.base == nil || e.Unmapped {
		return 0, false
	}
	sum, narrow := fromSum(e.Sum)
	if !narrow {
		return 0, false
	}
	ord, count := v.base.find(prefix(v.inner.HashKey(key)))
	return ord, count == 1 && v.base.markAt(ord) == sum && v.over[ord/64]>>(ord%64)&1 == 0
}

// Removed goes through the snapshot as it is when the iteration begins.
func (v *view) Removed(ctx context.Context) iter.Seq2[diffstore.Known, error] {
	return func(yield func(diffstore.Known, error) bool) {
		m, done, err := v.beginRemoved(ctx)
		if err != nil {
			yield(diffstore.Known{}, err)
			return
		}
		defer done()
		for {
			found, more, err := v.unseen(ctx, m)
			for _, k := range found {
				if !yield(*k, nil) {
					return
				}
			}
			if err != nil {
				yield(diffstore.Known{}, v.failure("read", err))
			}
			if err != nil || !more {
				return
			}
		}
	}
}

// beginRemoved returns what to go through, and what to call at the end.
func (v *view) beginRemoved(ctx context.Context) (*merge, func(), error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if err := v.ready(ctx); err != nil {
		return nil, nil, err
	}
	used := v.generations()
	for _, g := range used {
		g.users++
	}
	return newMerge(v.allCursors()), func() {
		v.mu.Lock()
		defer v.mu.Unlock()
		for _, g := range used {
			g.release()
		}
	}, nil
}

// unseen returns the next keys that were not seen and are to be removed, a hundred thousand records at a time.
func (v *view) unseen(ctx context.Context, m *merge) (found []*diffstore.Known, more bool, err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if err := v.ready(ctx); err != nil {
		return nil, false, err
	}
	for n := 0; n < 100_000 && len(found) < 1000; n++ {
		c, err := m.next()
		if err != nil || c == nil {
			return found, false, err
		}
		if len(m.current) == 1 && c.g != nil && c.g == v.base && v.seen.has(c.at) {
			continue
		}
		k, err := v.unseenAt(c)
		if err != nil {
			return found, false, err
		}
		if k != nil {
			found = append(found, k)
		}
	}
	return found, true, nil
}

func (v *view) unseenAt(c *cursor) (*diffstore.Known, error) {
	r, err := c.record()
	if err != nil || r.kind == tombstone {
		return nil, err
	}
	p, err := v.locate(r.key)
	if err != nil || v.verdict(&p) != 0 {
		return nil, err
	}
	s, err := r.stored(v.session)
	if err != nil || !s.state.Delivered() || s.state.Left {
		return nil, err
	}
	return s.state.Known(string(r.key)), nil
}

// Owners returns who stands under the identifiers.
func (v *view) Owners(ctx context.Context, ids []string) (map[string][]string, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if err := v.ready(ctx); err != nil {
		return nil, err
	}
	owners := map[string][]string{}
	for _, id := range ids {
		if id == "" || owners[id] != nil {
			continue
		}
		err := v.holders(id, func(key string, p *place, s *stored) {
			verdict := v.verdict(p)
			unsure := verdict == diffstore.Kept || verdict == diffstore.Duplicate
			if verdict != 0 && s.state.Holds(id, unsure) {
				owners[id] = append(owners[id], key)
			}
		})
		if err != nil {
			return nil, v.failure("read", err)
		}
		slices.Sort(owners[id])
	}
	return owners, nil
}

// holders calls yield once with each key that has an identifier.
func (v *view) holders(id string, yield func(key string, p *place, s *stored)) error {
	candidates := map[string]bool{}
	h := prefix(v.inner.HashKey(textOf(id)))
	v.overlay.holders(h, func(key []byte) { candidates[string(key)] = true })
	for _, g := range v.generations() {
		if err := g.holdersOf(h, id, candidates); err != nil {
			return err
		}
	}
	for key := range candidates {
		p, err := v.locate(textOf(key))
		if err != nil {
			return err
		}
		if !p.known {
			continue
		}
		s, err := p.rec.stored(v.session)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(s.state.Claims, func(c diffstore.Claim) bool { return c.ID == id }) {
			yield(key, &p, s)
		}
	}
	return nil
}

// holdersOf adds the keys that have an identifier in this generation.
func (g *generation) holdersOf(h uint64, id string, keys map[string]bool) error {
	add := func(r *record) error {
		return r.claims(func(claimed []byte) {
			if string(claimed) == id {
				keys[string(r.key)] = true
			}
		})
	}
	_, r, ok, err := g.lookup(h, textOf(id)) // the key that equals the identifier is not listed
	if err != nil {
		return err
	}
	if ok {
		if err := add(&r); err != nil {
			return err
		}
	}
	return g.holders(h, func(ord uint64) error {
		r, err := g.record(ord)
		if err != nil {
			return err
		}
		return add(&r)
	})
}

// sources are the sums of source values that Compare found other than the base has them, by record.
type sources struct {
	rows  uint64
	dir   string
	limit int
	count uint64
	b     []byte // eight bytes for each record, once there is one
	file  *tempMapping
}

func (s *sources) set(ord, source uint64) (err error) {
	if s.b == nil {
		size := int(s.rows) * 8
		if size <= s.limit {
			s.b = make([]byte, size)
		} else {
			if s.file, err = newTempMapping(s.dir, size); err != nil {
				return err
			}
			s.b = s.file.bytes
		}
	}
	s.count++
	binary.LittleEndian.PutUint64(s.b[8*ord:], source)
	return nil
}

// at returns the new source of a record, or 0.
func (s *sources) at(ord uint64) uint64 {
	if s.b == nil {
		return 0
	}
	return binary.LittleEndian.Uint64(s.b[8*ord:])
}

func (s *sources) Close() error {
	s.b = nil
	if s.file == nil {
		return nil
	}
	return s.file.Close()
}
