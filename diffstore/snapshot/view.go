package snapshot

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"sync"

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
	filter   *filter       // of what segments hold; nil where that is not known
	overlay  *overlay
	journal  contents // as it was read
	broken   error    // why the view is of no use any more

	isReady bool
	over    []uint64 // a bit for each record of the base: a newer one is in a segment or in memory
	seen    *seen
	sources *sources
	batch   *batch

	comparison *comparison
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
	v.overlay = newOverlay(v.inner, v.files)
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
	if err := v.overlay.reset(); err != nil {
		return err
	}
	v.manifest = m
	v.kind, v.inner.kind = m.Sums, m.Sums
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
	replay := replay{overlay: v.overlay, draft: diffstore.NewDraft()}
	v.journal, err = v.readJournal(m, replay.put)
	v.progress = v.journal.at
	v.overlay.intents = intents{} // whoever has the session that they are of settles them
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
		if err := g.checkTexts(); err != nil {
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
	return errors.Join(err, v.overlay.Close(), v.closeFilter(), v.closeFiles())
}

func (v *view) closeFilter() error {
	if v.filter == nil {
		return nil
	}
	f := v.filter
	v.filter = nil
	return f.Close()
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
