package snapshot

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"spillway/diffstore"
)

// manifest says which files make up the snapshot of a sync. It is replaced as a whole, and nothing counts that it does
// not name.
type manifest struct {
	Sync    string `json:"sync"`
	Nonce   string `json:"nonce"`   // of the snapshot: another one after it was forgotten
	Epoch   uint64 `json:"epoch"`   // how many manifests there were
	Version uint64 `json:"version"` // how many changes there were, without those in the journal
	Size    int64  `json:"size"`    // see diffstore.View.Size; without the journal

	Base     *fileRef   `json:"base,omitempty"`
	Segments []*fileRef `json:"segments,omitempty"` // newer ones come later
	Previous *fileRef   `json:"previous,omitempty"` // the base before this one, which is kept and never read

	Journal string `json:"journal"`
	Sealed  int64  `json:"sealed"` // how long the journal was when it was last closed; it cannot be shorter

	Sums            int    `json:"sums,omitempty"` // how Sum sums: chainedSums where it is left out
	SumProof        string `json:"sum_proof"`
	EncryptionProof string `json:"encryption_proof,omitempty"`
}

// fileRef names a generation.
type fileRef struct {
	Name  string `json:"name"`
	Nonce string `json:"nonce"`
	Bytes int64  `json:"bytes"`
	Rows  uint64 `json:"rows"`
}

// names returns the names of all files that the manifest needs.
func (m *manifest) names() map[string]bool {
	names := map[string]bool{m.Journal: true}
	for _, ref := range append([]*fileRef{m.Base, m.Previous}, m.Segments...) {
		if ref != nil {
			names[ref.Name] = true
		}
	}
	return names
}

const manifestWord = "spillway-snapshot"

// format returns the manifest as it is written: a line with the format version and a checksum, and the JSON.
func (m *manifest) format() ([]byte, error) {
	b, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("write a manifest: %w", err)
	}
	return append(fmt.Appendf(nil, "%s %d %08x\n", manifestWord, formatVersion, checksum(b)), b...), nil
}

// parseManifest is the inverse of format.
func parseManifest(content []byte) (*manifest, error) {
	line, b, ok := bytes.Cut(content, []byte("\n"))
	var version int
	var sum uint32
	if n, err := fmt.Sscanf(string(line), manifestWord+" %d %x", &version, &sum); !ok || n < 1 || (n < 2 && err == nil) {
		return nil, damage("it is not a manifest")
	}
	if version > formatVersion {
		return nil, newer(version)
	}
	if version < 1 || checksum(b) != sum || string(line) != fmt.Sprintf("%s %d %08x", manifestWord, version, sum) {
		return nil, damage("it is not what was written")
	}
	m := &manifest{}
	if err := json.Unmarshal(b, m); err != nil {
		return nil, damage("it is no JSON: %w", err)
	}
	return m, nil
}

// newer says that a later Spillway wrote a file. That is no damage.
func newer(version int) error {
	return fmt.Errorf("the snapshot has format version %d, and this Spillway reads no newer one than %d: use the one that wrote it",
		version, formatVersion)
}

// readManifest returns the manifest of a sync, or nil if it has none.
func (f *files) readManifest() (*manifest, error) {
	m, err := f.readManifestOnce()
	if errors.Is(err, errOrphans) {
		// The snapshot may have been begun between the look for its manifest and that at its other files.
		m, err = f.readManifestOnce()
	}
	return m, err
}

func (f *files) readManifestOnce() (*manifest, error) {
	if _, err := f.fs.Stat(f.path(forgottenEnding)); err == nil {
		return nil, nil
	}
	path := f.path(manifestEnding)
	if err := checkPrivate(f.fs, path); err != nil {
		return nil, err
	}
	content, err := f.fs.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, f.refuseOrphans()
	}
	if err != nil {
		return nil, fmt.Errorf("read the snapshot: %w", err)
	}
	m, err := parseManifest(content)
	if err == nil && m.Sync != f.sync {
		err = damage("it is the manifest of sync %q", m.Sync)
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	return m, f.checkKeys(m)
}

// errOrphans says that there are files that no manifest names.
var errOrphans = fmt.Errorf("%w: its manifest is missing", diffstore.ErrCorrupt)

// checkKeys finds that the snapshot was made with other keys.
func (f *files) checkKeys(m *manifest) error {
	if m.SumProof != proof(f.sumKey, "sums") {
		return fmt.Errorf("%w: the snapshot was made with another key than that in %s; restore that file from a copy",
			diffstore.ErrCorrupt, filepath.Join(f.dir, keyFile))
	}
	if have := proof(f.encryptionKey, "encryption"); m.EncryptionProof != "" && m.EncryptionProof != have {
		if have == "" {
			return fmt.Errorf("%w: the snapshot of sync %s is encrypted, and there is no key: set encryption_key under [state] to the one it was written with",
				diffstore.ErrKey, f.sync)
		}
		return fmt.Errorf("%w: the snapshot of sync %s was encrypted with another one than the encryption_key under [state]: restore that key; without it, \"spillway reset %s\" is the way out, with --adopt or --resend",
			diffstore.ErrKey, f.sync, f.sync)
	}
	return nil
}

// refuseOrphans finds a snapshot without a manifest. A journal with nothing in it and a draft of a manifest are what a
// crash leaves of one that was not begun.
func (f *files) refuseOrphans() error {
	names, err := f.list()
	if err != nil {
		return err
	}
	for _, name := range names {
		orphan := filepath.Ext(name) == generationEnding
		if filepath.Ext(name) == journalEnding {
			info, err := f.fs.Stat(filepath.Join(f.dir, name))
			orphan = err == nil && info.Size() > headerSize
		}
		if orphan {
			return fmt.Errorf("read %s: %w, but %s is there", f.path(manifestEnding), errOrphans, name)
		}
	}
	return nil
}

// publish replaces the manifest, durably.
func (f *files) publish(m *manifest) error {
	content, err := m.format()
	if err != nil {
		return err
	}
	if err := f.write(f.path(draftEnding), content); err != nil {
		return err
	}
	if err := f.fs.Rename(f.path(draftEnding), f.path(manifestEnding)); err != nil {
		return err
	}
	return f.fs.SyncDir(f.dir)
}
