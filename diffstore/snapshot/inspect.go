package snapshot

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"spillway/diffstore"
)

var _ diffstore.Inspector = (*Store)(nil)

// Syncs returns the syncs that have files. The name of one whose manifest cannot be read is that of its files.
func (s *Store) Syncs(ctx context.Context) ([]string, error) {
	entries, err := s.template.fs.ReadDir(s.template.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list the snapshots: %w", err)
	}
	var syncs []string
	for _, e := range entries {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		name, _, _ := strings.Cut(e.Name(), ".")
		switch filepath.Ext(e.Name()) {
		case manifestEnding, generationEnding, journalEnding:
			syncs = append(syncs, s.syncOf(name))
		}
	}
	slices.Sort(syncs)
	return slices.Compact(syncs), nil
}

// syncOf returns the sync whose files have this name, which is not told by a name that was too long.
func (s *Store) syncOf(name string) string {
	if sync, ok := syncName(name); ok {
		return sync
	}
	content, err := s.template.fs.ReadFile(filepath.Join(s.template.dir, name+manifestEnding))
	if err == nil {
		if m, err := parseManifest(content); err == nil {
			return m.Sync
		}
	}
	return name
}

// syncName is the inverse of fileName. It returns false for a name that does not tell.
func syncName(name string) (string, bool) {
	var b strings.Builder
	for i := 0; i < len(name); i++ {
		if name[i] != '=' {
			b.WriteByte(name[i])
			continue
		}
		if i+2 >= len(name) {
			return "", false
		}
		c, err := hex.DecodeString(name[i+1 : i+3])
		if err != nil {
			return "", false
		}
		b.WriteByte(c[0])
		i += 2
	}
	return b.String(), true
}

// Check opens the snapshot and compares all but the texts with their checksums.
func (s *Store) Check(ctx context.Context, sync string) (err error) {
	v, err := s.view(sync)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, v.Close()) }()
	return v.ready(ctx)
}

// Verify reads every byte of the snapshot of a sync and compares it with its checksums. The error names the file and
// the block that is damaged. A sync that never ran is well. One that a session is replacing meanwhile is read again.
func (s *Store) Verify(ctx context.Context, sync string) error {
	for attempt := 0; ; attempt++ {
		epoch, err := s.verify(ctx, sync)
		if err == nil || attempt == 10 || ctx.Err() != nil {
			return err
		}
		v, openErr := s.view(sync)
		if openErr != nil {
			return err
		}
		now := v.epoch()
		if closeErr := v.Close(); closeErr != nil || now == epoch {
			return err
		}
	}
}

// verify returns which manifest it read.
func (s *Store) verify(ctx context.Context, sync string) (epoch uint64, err error) {
	v, err := s.view(sync)
	if err != nil {
		return 0, err
	}
	epoch = v.epoch()
	err = v.verify(ctx)
	if closeErr := v.Close(); err == nil {
		err = closeErr
	}
	return epoch, err
}

// verifyPrevious verifies the base before this one, which is kept.
func (v *view) verifyPrevious(ctx context.Context) error {
	if v.manifest.Previous == nil {
		return nil
	}
	g, err := v.openGeneration(v.manifest.Previous)
	if err == nil {
		err = g.verify(ctx, v.inner)
		_ = g.Close() // it was only read
	}
	if errors.Is(err, diffstore.ErrCorrupt) {
		return fmt.Errorf("%w: %w", diffstore.ErrSpare, err)
	}
	return err
}

// epoch is that of the manifest, 0 for a sync that never ran.
func (v *view) epoch() uint64 {
	if v.manifest == nil {
		return 0
	}
	return v.manifest.Epoch
}
