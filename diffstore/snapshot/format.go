package snapshot

import (
	"encoding/binary"
	"hash/crc32"
	"math/bits"
)

// formatVersion is that of all files. A newer one is refused. In version 1 journals have no intents and no answers, the
// groups of generations are larger, and all sums are chained.
const formatVersion = 2

const (
	groupBits  = 3       // 1<<groupBits records have their texts kept, and checked, together
	entrySize  = 21      // bytes of an index entry: 7 of the hash, 7 of the source, 7 of the sum
	refSize    = 12      // bytes in the table of groups: where a group ends, and its checksum
	blockSize  = 1 << 16 // bytes behind the texts that share a checksum
	headerSize = 64
	footerSize = 88
	perBucket  = 16 // records, at most, on average
	minBits    = 8  // of a directory: the first byte of a hash follows from the bucket, and is not kept
	maxBits    = 28
	hashMask   = 1<<56 - 1

	groupBitsOf1 = 5 // in version 1

	tellWidth = 8 // bits of the hash of an identifier that stand with the number of its record, beside the bucket
)

// What an index entry has for a sum where the record is not plain. Sums are even.
const (
	wholeMark     = 1
	tombstoneMark = 3
)

const flagEncrypted = 1

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func checksum(b []byte) uint32 { return crc32.Checksum(b, castagnoli) }

// header begins every generation and every journal.
type header struct {
	magic     string // 8 bytes
	version   uint32 // that was read; formatVersion is written
	encrypted bool
	epoch     uint64
	sync      nonce // of the snapshot
	file      nonce
}

const (
	generationMagic = "SPLWSNAP"
	journalMagic    = "SPLWJRNL"
)

// groupBits are those of a generation that begins so.
func (h *header) groupBits() uint {
	if h.version < 2 {
		return groupBitsOf1
	}
	return groupBits
}

func (h header) bytes() []byte {
	b := append([]byte(h.magic), make([]byte, 0, headerSize)...)
	b = binary.LittleEndian.AppendUint32(b, formatVersion)
	b = binary.LittleEndian.AppendUint32(b, uint32(bitIf(flagEncrypted, h.encrypted)))
	b = binary.LittleEndian.AppendUint64(b, h.epoch)
	b = append(b, h.sync[:]...)
	b = append(b, h.file[:]...)
	b = append(b, make([]byte, headerSize-4-len(b))...)
	return binary.LittleEndian.AppendUint32(b, checksum(b))
}

// readHeader reads the header of a file that should be called magic.
func readHeader(b []byte, magic string) (h header, err error) {
	if len(b) < headerSize || string(b[:8]) != magic {
		return h, damage("the header is not that of such a file")
	}
	r := reader{b: b[8:headerSize]}
	version := r.uint32()
	if version > formatVersion {
		return h, newer(int(version))
	}
	h = header{magic: magic, version: version, encrypted: r.uint32()&flagEncrypted != 0, epoch: r.uint64(), sync: r.array16(), file: r.array16()}
	if binary.LittleEndian.Uint32(b[headerSize-4:]) != checksum(b[:headerSize-4]) {
		return h, damage("the header has another checksum")
	}
	return h, nil
}

// footer ends a generation. All sections follow from its counts.
type footer struct {
	rows, ids       uint64 // records, and entries in the index of identifiers
	dataEnd         uint64
	keyBits, idBits uint32 // of the directories
	tableSum        uint32 // of the checksums of the blocks
	headerSum       uint32
	file            nonce
}

const footerMagic = "SPLWFOOT"

func (f footer) bytes() []byte {
	b := append(make([]byte, 0, footerSize), footerMagic...)
	for _, v := range []uint64{f.rows, f.ids, f.dataEnd} {
		b = binary.LittleEndian.AppendUint64(b, v)
	}
	for _, v := range []uint32{f.keyBits, f.idBits, f.tableSum, f.headerSum} {
		b = binary.LittleEndian.AppendUint32(b, v)
	}
	b = append(b, f.file[:]...)
	b = append(b, make([]byte, footerSize-4-len(b))...)
	return binary.LittleEndian.AppendUint32(b, checksum(b))
}

func readFooter(b []byte) (f footer, err error) {
	if len(b) != footerSize || string(b[:8]) != footerMagic ||
		binary.LittleEndian.Uint32(b[footerSize-4:]) != checksum(b[:footerSize-4]) {
		return f, damage("the footer is not what was written")
	}
	r := reader{b: b[8:]}
	f.rows, f.ids, f.dataEnd = r.uint64(), r.uint64(), r.uint64()
	f.keyBits, f.idBits, f.tableSum, f.headerSum = r.uint32(), r.uint32(), r.uint32(), r.uint32()
	f.file = r.array16()
	return f, nil
}

// layout says where the sections of a generation are. They follow each other in this order.
type layout struct {
	index, keyDir, groups, ids, idDir, table, footer, end uint64
	groupCount, blocks                                    uint64
	idWidth                                               uint // bits of the number of a record
}

// layout is that of groups of 1<<groupBits records. It returns false where the counts are none that a file can have.
func (f footer) layout(groupBits uint) (l layout, ok bool) {
	const most = 1 << 32
	if f.rows >= most || f.ids >= 1<<40 || f.dataEnd >= 1<<56 || f.dataEnd < headerSize ||
		f.keyBits < minBits || f.keyBits > maxBits || f.idBits < minBits || f.idBits > maxBits {
		return l, false
	}
	l.groupCount = (f.rows + 1<<groupBits - 1) >> groupBits
	l.idWidth = uint(max(bits.Len64(f.rows), 1))
	l.index = f.dataEnd
	l.keyDir = l.index + f.rows*entrySize
	l.groups = l.keyDir + (1<<f.keyBits+1)*4
	l.ids = l.groups + l.groupCount*refSize
	l.idDir = l.ids + (f.ids*uint64(l.idWidth+tellWidth)+7)/8 + 8
	l.table = l.idDir + (1<<f.idBits+1)*4
	l.blocks = (l.table - l.index + blockSize - 1) / blockSize
	l.footer = l.table + l.blocks*4
	l.end = l.footer + footerSize
	return l, true
}

// directoryBits returns how many bits of a hash number the buckets of n entries.
func directoryBits(n uint64) uint32 {
	return uint32(min(max(bits.Len64(n/perBucket), minBits), maxBits))
}
