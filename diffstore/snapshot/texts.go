package snapshot

import "encoding/binary"

// releasedBytes is how many bytes of the texts are in the memory of the process while they are checked.
const releasedBytes = 8 << 20

// checkTexts compares all groups of texts with their checksums, so that damage is found before a run goes by the
// snapshot, whether or not the run would have read the group. It takes about a nanosecond for four bytes, and leaves none
// of them in the memory of the process, which most runs need the index of alone.
func (g *generation) checkTexts() error {
	refs := g.content[g.groups:g.layout.ids]
	from, held := uint64(headerSize), uint64(0)
	for n := range g.groupCount {
		to := binary.LittleEndian.Uint64(refs[n*refSize:])
		if from > to || to > g.dataEnd {
			return damage("%s: group %d of the texts has no place", g.path, n)
		}
		if checksum(g.content[from:to]) != binary.LittleEndian.Uint32(refs[n*refSize+8:]) {
			return damage("%s: group %d of the texts, bytes %d to %d, is not what was written", g.path, n, from, to)
		}
		if from = to; from-held >= releasedBytes {
			g.mapping.Release(int(held), int(from))
			held = from
		}
	}
	g.mapping.Release(int(held), int(from))
	if from != g.dataEnd {
		return damage("%s: the texts end at byte %d, not %d", g.path, from, g.dataEnd)
	}
	for i := range g.good {
		g.good[i] = ^uint64(0)
	}
	return nil
}
