package snapshot

import (
	"encoding/binary"
	"fmt"
	"path/filepath"
)

// generation is a file of records that never changes, in the order of their keys' hashes. It is read where it lies:
// the operating system keeps in memory what there is room for, and nothing of it is copied to the heap.
//
// Everything behind the texts is checked when the first key is looked up, and each group of texts when it is first
// read, so that no flipped bit is ever believed.
type generation struct {
	path    string
	mapping Mapping
	content []byte
	footer
	layout
	seal      *sealer
	groupBits uint // a group has the texts of 1<<groupBits records

	index, keyDir, idDir, ids []byte
	keyShift, idShift         uint

	users    int // iterations that go on reading when the generation was replaced
	replaced bool
	checked  bool     // everything behind the texts
	good     []uint64 // a bit for each group of texts that was checked
}

// openGeneration opens the file of ref. Its size and nonce must be those of ref.
func openGeneration(fsys FS, dir string, ref *fileRef, key []byte) (*generation, error) {
	path := filepath.Join(dir, ref.Name)
	m, err := fsys.Map(path)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	g := &generation{path: path, mapping: m, content: m.Bytes()}
	if err := g.prepare(ref, key); err != nil {
		_ = m.Close() // it was only read
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	return g, nil
}

func (g *generation) prepare(ref *fileRef, key []byte) error {
	if int64(len(g.content)) != ref.Bytes {
		return damage("it has %d bytes, not %d", len(g.content), ref.Bytes)
	}
	if len(g.content) < headerSize+footerSize {
		return damage("it is too short")
	}
	h, err := readHeader(g.content, generationMagic)
	if err != nil {
		return err
	}
	if g.footer, err = readFooter(g.content[len(g.content)-footerSize:]); err != nil {
		return err
	}
	if g.headerSum != checksum(g.content[:headerSize]) || g.file != h.file {
		return damage("its header and its footer are of different files")
	}
	if h.file.String() != ref.Nonce || g.rows != ref.Rows {
		return damage("it is another file than the one that was published")
	}
	g.groupBits = h.groupBits()
	var ok bool
	if g.layout, ok = g.footer.layout(g.groupBits); !ok || g.end != uint64(len(g.content)) {
		return damage("its sections do not fit")
	}
	if h.encrypted {
		if g.seal, err = newSealer(key, h.file); err != nil {
			return err
		}
		if g.seal == nil {
			return damage("it is encrypted, though the manifest says that it is not")
		}
	}
	l := g.layout
	g.index, g.keyDir = g.content[l.index:l.keyDir], g.content[l.keyDir:l.groups]
	g.ids, g.idDir = g.content[l.ids:l.idDir], g.content[l.idDir:l.table]
	g.keyShift, g.idShift = uint(64-g.keyBits), uint(64-g.idBits)
	g.good = make([]uint64, g.groupCount/64+1)
	return nil
}

func (g *generation) Close() error { return g.mapping.Close() }

// check compares everything behind the texts with its checksums, unless that was done before.
func (g *generation) check() error {
	if g.checked {
		return nil
	}
	table := g.content[g.table:g.layout.footer]
	if checksum(table) != g.tableSum {
		return damage("%s: the table of checksums at byte %d is not what was written", g.path, g.table)
	}
	for i := range g.blocks {
		from := g.layout.index + i*blockSize
		to := min(from+blockSize, g.table)
		if checksum(g.content[from:to]) != binary.LittleEndian.Uint32(table[4*i:]) {
			return damage("%s: block %d of the index, bytes %d to %d, is not what was written", g.path, i, from, to)
		}
	}
	g.checked = true
	return nil
}

// bucket returns the entries of a directory that may have a hash.
func bucket(dir []byte, at uint64, most uint64) (lo, hi uint64) {
	pair := dir[4*at : 4*at+8]
	hi = min(uint64(binary.LittleEndian.Uint32(pair[4:])), most)
	return min(uint64(binary.LittleEndian.Uint32(pair)), hi), hi
}

func (g *generation) hashAt(ord uint64) uint64 {
	return binary.LittleEndian.Uint64(g.index[ord*entrySize:]) & hashMask
}

func (g *generation) sourceAt(ord uint64) uint64 {
	return binary.LittleEndian.Uint64(g.index[ord*entrySize+7:]) & sourceMask
}

func (g *generation) markAt(ord uint64) uint64 {
	return binary.LittleEndian.Uint64(g.index[ord*entrySize+13:]) >> 8
}

func (g *generation) kindAt(ord uint64) kind {
	switch mark := g.markAt(ord); {
	case mark&1 == 0:
		return plain
	case mark == wholeMark:
		return whole
	}
	return tombstone
}

// guess returns where, of the records that may have a hash, it probably is.
func (g *generation) guess(h uint64) (at, lo, hi uint64) {
	lo, hi = bucket(g.keyDir, h>>g.keyShift, g.rows)
	return lo + (h<<g.keyBits>>32)*(hi-lo)>>32, lo, hi // hashes are spread evenly
}

// touch looks at the index there.
func (g *generation) touch(h uint64) uint64 {
	if at, _, hi := g.guess(h); at < hi {
		return uint64(g.index[at*entrySize])
	}
	return 0
}

// find returns the first of the records whose keys have this hash, and how many there are.
func (g *generation) find(h uint64) (first, count uint64) {
	at, lo, hi := g.guess(h)
	return g.settle(at, lo, hi, h)
}

// settle is find where the records that may have the hash are known, and about where among them.
func (g *generation) settle(at, lo, hi, h uint64) (first, count uint64) {
	want := h & hashMask
	at = max(min(at, hi), lo)
	for at > lo && g.hashAt(at-1) >= want {
		at--
	}
	for at < hi && g.hashAt(at) < want {
		at++
	}
	for at+count < hi && g.hashAt(at+count) == want {
		count++
	}
	return at, count
}

// lookup returns the record of a key.
func (g *generation) lookup(h uint64, key []byte) (ord uint64, r record, ok bool, err error) {
	first, count := g.find(h)
	return g.among(first, count, key)
}

// among returns the record of a key that is one of those from first on.
func (g *generation) among(first, count uint64, key []byte) (ord uint64, r record, ok bool, err error) {
	for ord := first; ord < first+count; ord++ {
		r, err := g.record(ord)
		if err != nil {
			return 0, record{}, false, err
		}
		if string(r.key) == string(key) {
			return ord, r, true, nil
		}
	}
	return 0, record{}, false, nil
}

// holders calls yield with the records that may be listed under the hash of an identifier: all that are, and one in
// some twenty lookups that is not.
func (g *generation) holders(h uint64, yield func(ord uint64) error) error {
	lo, hi := bucket(g.idDir, h>>g.idShift, g.footer.ids)
	width, tell := g.idWidth+tellWidth, tellOf(uint32(h>>32))
	for at := lo; at < hi; at++ {
		bit := at * uint64(width)
		entry := binary.LittleEndian.Uint64(g.ids[bit/8:]) >> (bit % 8) & (1<<width - 1)
		if entry>>g.idWidth != tell {
			continue
		}
		ord := entry & (1<<g.idWidth - 1)
		if ord >= g.rows {
			return damage("%s: the index of identifiers names record %d of %d", g.path, ord, g.rows)
		}
		if err := yield(ord); err != nil {
			return err
		}
	}
	return nil
}

// tellOf returns the bits that stand with a number, of the first four bytes of a hash.
func tellOf(top uint32) uint64 { return uint64(top) & (1<<tellWidth - 1) }

// record returns a record of which only the index is known.
func (g *generation) record(ord uint64) (record, error) {
	c := cursor{g: g, at: ord}
	return c.record()
}

// touchGroup looks at where the group of a record is, and at the marks of the records before it there.
func (g *generation) touchGroup(ord uint64) (loads uint64) {
	for at := ord >> g.groupBits << g.groupBits; at < ord; at += 64 / entrySize {
		loads += uint64(g.index[at*entrySize])
	}
	return loads + uint64(g.content[g.groups+ord>>g.groupBits*refSize])
}

// touchRecord looks at the texts of a group up to about where those of a record are.
func (g *generation) touchRecord(ord uint64) (loads uint64) {
	from, to := g.bounds(ord >> g.groupBits)
	if from > to || to > g.dataEnd {
		return 0
	}
	size := uint64(1) << g.groupBits
	to = min(from+(to-from)*(ord%size+2)/size, to)
	for at := from; at < to; at += 64 {
		loads += uint64(g.content[at])
	}
	return loads
}

// bounds returns where the texts of a group are.
func (g *generation) bounds(n uint64) (from, to uint64) {
	refs := g.content[g.groups:g.layout.ids]
	from = headerSize
	if n > 0 {
		from = binary.LittleEndian.Uint64(refs[(n-1)*refSize:])
	}
	return from, binary.LittleEndian.Uint64(refs[n*refSize:])
}

// group returns the texts of a group.
func (g *generation) group(n uint64) ([]byte, error) {
	from, to := g.bounds(n)
	if from > to || to > g.dataEnd {
		return nil, damage("%s: group %d of the texts has no place", g.path, n)
	}
	refs := g.content[g.groups:g.layout.ids]
	b := g.content[from:to:to]
	if g.good[n/64]>>(n%64)&1 == 0 {
		if checksum(b) != binary.LittleEndian.Uint32(refs[n*refSize+8:]) {
			return nil, damage("%s: group %d of the texts, bytes %d to %d, is not what was written", g.path, n, from, to)
		}
		g.good[n/64] |= 1 << (n % 64)
	}
	text, err := g.seal.open(n, b)
	if err != nil {
		return nil, fmt.Errorf("%s: group %d of the texts, bytes %d to %d: %w", g.path, n, from, to, err)
	}
	return text, nil
}

// release ends an iteration. A generation that was replaced meanwhile is closed with the last.
func (g *generation) release() {
	if g.users--; g.users == 0 && g.replaced {
		_ = g.Close() // it was only read
	}
}

// replace closes a generation, or lets the last iteration that goes on do so.
func (g *generation) replace() error {
	if g.users > 0 {
		g.replaced = true
		return nil
	}
	return g.Close()
}
