package snapshot

import (
	"errors"
	"fmt"
	"path/filepath"

	"spillway/diffstore"
)

// A segment is merged with those before it once there are mostSegments of about its size: then each record is written
// anew as often as the number of records has digits in that base, and there are so many segments of each size at most.
const (
	mostSegments  = 64
	aboutSameSize = 8
)

// rewriting says what is written anew: the records in memory, as a segment, or everything, as the next base.
type rewriting struct {
	full     bool
	previous bool   // the base before is kept
	last     bool   // the session ends with it, and what was seen in it need not be known any more
	erased   []byte // a key that is left out; nil for none
}

// rewrite writes a generation, begins a new journal, and publishes both. Nothing is lost whenever it is broken off. It
// leaves the session as it was but for where things are.
func (s *session) rewrite(w rewriting) error {
	m := *s.manifest
	m.Epoch++
	m.Version, m.Size, m.EncryptionProof = s.version, s.size, proof(s.encryptionKey, "encryption")
	cursors, inputs, err := s.inputs(w)
	if err != nil {
		return s.abandon(err)
	}
	var marks *seen
	if !w.full {
		if err := s.widenFilter(); err != nil {
			return s.abandon(err)
		}
	}
	if len(inputs) > 0 || !s.overlay.empty() || w.full {
		ref, remapped, err := s.writeGeneration(m.Epoch, cursors, inputs, w)
		if err != nil {
			return s.abandon(err)
		}
		marks = remapped
		m.replace(ref, w, len(inputs))
	}
	out, err := s.createJournal(&m)
	if err != nil {
		return s.abandon(err)
	}
	if err := s.publish(&m); err != nil {
		return s.abandon(errors.Join(err, out.file.Close()))
	}
	return s.adopt(&m, out, marks, w)
}

// widenFilter adds what is in memory, and is about to be in a segment, to the filter. A session begins without segments,
// so that its filter tells of all.
func (s *session) widenFilter() error {
	if s.filter == nil {
		s.filter = &filter{dir: s.dir, limit: s.budget / 8}
	}
	expected := s.overlay.keys.count + s.overlay.ids.count
	if s.isReady && len(s.segments) == 0 {
		expected = max(expected, 2*int(s.seen.strangers.count))
	}
	if err := s.filter.expect(expected); err != nil {
		return err
	}
	for _, t := range []*tags{&s.overlay.keys, &s.overlay.ids} {
		for _, slot := range t.slots {
			if valueIn(slot) != 0 {
				s.filter.add(tagIn(slot))
			}
		}
	}
	return nil
}

// replace names a generation that takes the place of everything, or of the last n segments.
func (m *manifest) replace(ref *fileRef, w rewriting, n int) {
	if !w.full {
		m.Segments = append(append([]*fileRef(nil), m.Segments[:len(m.Segments)-n]...), ref)
		return
	}
	m.Previous = nil
	if w.previous {
		m.Previous = m.Base
	}
	m.Base, m.Segments = ref, nil
}

// inputs returns cursors through what is rewritten, and the generations among that.
func (s *session) inputs(w rewriting) ([]*cursor, []*generation, error) {
	if w.full {
		cs, err := s.allCursors()
		return cs, s.generations(), err
	}
	merged := s.sameSize()
	cs, err := s.cursors(merged)
	return cs, merged, err
}

// sameSize returns the last segments if they are to be merged, and none otherwise.
func (s *session) sameSize() []*generation {
	if len(s.segments) < mostSegments {
		return nil
	}
	last := s.segments[len(s.segments)-mostSegments:]
	least, most := last[0].rows, last[0].rows
	for _, g := range last {
		least, most = min(least, g.rows), max(most, g.rows)
	}
	if most > aboutSameSize*max(least, 1) && len(s.segments) < 2*mostSegments {
		return nil
	}
	return last
}

// abandon gives up the journal after an error.
func (s *session) abandon(err error) error {
	if s.out != nil {
		s.out.retire(err)
	}
	return err
}

// writeGeneration writes the newest records of all cursors. Where that makes a new base, it returns the marks of its
// keys too.
func (s *session) writeGeneration(epoch uint64, cursors []*cursor, inputs []*generation, p rewriting) (ref *fileRef, marks *seen, err error) {
	most := uint64(s.overlay.rows())
	for _, g := range inputs {
		most += g.rows
	}
	h := header{
		magic: generationMagic, encrypted: s.encryptionKey != nil, epoch: epoch,
		sync: parseNonce(s.manifest.Nonce), file: s.newNonce(),
	}
	seal, err := newSealer(s.encryptionKey, h.file)
	if err != nil {
		return nil, nil, err
	}
	ref = &fileRef{Name: numbered(s.name, epoch, generationEnding), Nonce: h.file.String()}
	f, err := s.fs.Create(filepath.Join(s.dir, ref.Name))
	if err != nil {
		return nil, nil, err
	}
	w, err := newWriter(f, h, seal, s.inner, most, s.dir, s.budget/4)
	if err != nil {
		return nil, nil, errors.Join(err, f.Close())
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	if p.full && s.isReady && !p.last {
		marks = newSeen(most, s.dir, 0)
		marks.strangers = s.seen.strangers // keys that leave the base join them
	}
	if err := s.copyRecords(w, newMerge(cursors), marks, p); err != nil {
		return nil, nil, err
	}
	ref.Bytes, err = w.finish()
	ref.Rows = w.rows
	return ref, marks, err
}

// copyRecords adds the newest records to w, and what was seen of them to marks.
func (s *session) copyRecords(w *writer, m *merge, marks *seen, p rewriting) error {
	for ord := uint64(0); ; {
		c, err := m.next()
		if err != nil || c == nil {
			return err
		}
		r, err := c.record()
		if err != nil {
			return err
		}
		drop := p.full && (r.kind == tombstone || (p.erased != nil && string(r.key) == string(p.erased)))
		if marks != nil {
			if err := s.moveMark(c, m, r.key, ord, drop, marks); err != nil {
				return err
			}
		}
		if drop {
			continue
		}
		if r.kind == plain && c.g != nil && c.g == s.base && s.isReady {
			if source := s.sources.at(c.at); source != 0 {
				r.source = source
			}
		}
		if r.kind == intent { // which generations do not have
			if r, err = r.wholly(); err != nil {
				return err
			}
		}
		if err := w.add(c.hash, r); err != nil {
			return err
		}
		ord++
	}
}

// moveMark takes the mark of a key from its place in the base, or from the strangers, to the place that it gets.
func (s *session) moveMark(c *cursor, m *merge, key []byte, ord uint64, drop bool, marks *seen) error {
	var verdict diffstore.Verdict
	if len(m.current) == 1 && c.g != nil && c.g == s.base {
		verdict = s.seen.verdict(c.at)
	} else {
		p, err := s.locate(key)
		if err != nil {
			return err
		}
		verdict = s.verdict(&p)
	}
	switch {
	case verdict == 0:
	case drop:
		_, err := marks.strangers.visit(s.inner.HashKey(key), verdict)
		return err
	default:
		marks.set(ord, verdict)
	}
	return nil
}

// adopt goes on with the files that were published, and removes those that are not needed any more.
func (s *session) adopt(m *manifest, out *journal, marks *seen, w rewriting) error {
	old := s.generations()
	oldOut := s.out
	wasReady, oldSources := s.isReady, s.sources
	s.manifest, s.out, s.unclean = m, out, false
	kept := map[string]*generation{}
	for _, g := range old {
		kept[filepath.Base(g.path)] = g
	}
	open := func(ref *fileRef) (*generation, error) {
		if g := kept[ref.Name]; g != nil {
			delete(kept, ref.Name)
			return g, nil
		}
		g, err := s.openGeneration(ref)
		if err == nil {
			err = g.check()
		}
		return g, err
	}
	err := s.overlay.reset()
	base := s.base
	s.base, s.segments = nil, nil
	if m.Base != nil {
		g, openErr := open(m.Base)
		if openErr != nil {
			return errors.Join(err, openErr)
		}
		s.base = g
	}
	for _, ref := range m.Segments {
		g, openErr := open(ref)
		if openErr != nil {
			return errors.Join(err, openErr)
		}
		s.segments = append(s.segments, g)
	}
	for _, g := range kept {
		err = errors.Join(err, g.replace())
	}
	if wasReady && s.base != base && !w.last {
		err = errors.Join(err, oldSources.Close())
		s.renew(marks)
	}
	if len(s.segments) == 0 {
		err = errors.Join(err, s.closeFilter())
	}
	if oldOut != nil {
		oldOut.retire(nil)
		err = errors.Join(err, oldOut.file.Close())
	}
	if err != nil {
		return fmt.Errorf("go on with what was written: %w", err)
	}
	return s.sweep(m)
}
