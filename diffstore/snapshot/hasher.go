package snapshot

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"github.com/zeebo/xxh3"

	"spillway/diffstore"
)

// hasher computes the keyed hashes and sums of a project. It is used by one goroutine.
//
// Key hashes are the CBC-MAC under AES-128 of the length and the text, which is a pseudo-random function since no length
// and text is the beginning of another. Sums are AES-128 of a universal hash of the text under a key of its own, of GHASH,
// which is such a function too and takes a quarter of the time; those of snapshots that were begun before are CBC-MACs
// still, or every row of them would seem changed. Whoever lacks the key learns nothing from either, cannot compare them
// with those of another project and cannot make two that are equal; and they cost less than a tenth of HMAC-SHA256. Sums
// of source values only need to differ by accident no more often than chance allows, and are a seeded xxh3.
type hasher struct {
	key           []byte
	kind          int // of sums, as the manifest has it
	keys, chained mac
	hashed        hashed
	seed          uint64
}

// The kinds of sums.
const (
	chainedSums = 0
	hashedSums  = 2
)

// newHasher makes sums of the latest kind.
func newHasher(key []byte) (*hasher, error) {
	h := &hasher{key: key, kind: hashedSums}
	material, err := hkdf.Key(sha256.New, key, nil, "spillway snapshot: key hashes, sums, sources", 72)
	if err != nil {
		return nil, fmt.Errorf("derive the keys of the sums: %w", err)
	}
	h.seed = binary.LittleEndian.Uint64(material[32:])
	var universal cipher.Block
	for block, from := range map[*cipher.Block]int{&h.keys.block: 0, &h.chained.block: 16, &universal: 40, &h.hashed.block: 56} {
		if *block, err = aes.NewCipher(material[from : from+16]); err != nil {
			return nil, fmt.Errorf("derive the keys of the sums: %w", err)
		}
	}
	if h.hashed.universal, err = cipher.NewGCM(universal); err != nil {
		return nil, fmt.Errorf("derive the keys of the sums: %w", err)
	}
	return h, nil
}

// HashKey implements diffstore.Hasher.
func (h *hasher) HashKey(key []byte) diffstore.KeyHash { return h.keys.of(key) }

// SumSource implements diffstore.Hasher.
func (h *hasher) SumSource(values []byte) uint64 {
	return max(xxh3.HashSeed(values, h.seed)&sourceMask, 1)
}

// Sum implements diffstore.View. 55 bits of it are significant: those of its first seven bytes but the lowest.
func (h *hasher) Sum(canonical []byte) diffstore.Sum {
	var full [aes.BlockSize]byte
	if h.kind == chainedSums {
		full = h.chained.of(canonical)
	} else {
		full = h.hashed.of(canonical)
	}
	return toSum(max(binary.LittleEndian.Uint64(full[:8])&sumMask, 2))
}

// Hasher implements diffstore.Skimmer.
func (h *hasher) Hasher() (diffstore.Hasher, error) {
	other, err := newHasher(h.key)
	if err != nil {
		return nil, err
	}
	other.kind = h.kind
	return other, nil
}

// mac computes a CBC-MAC.
type mac struct {
	block cipher.Block
	state [aes.BlockSize]byte // not on the stack, where it would not stay
}

func (m *mac) of(text []byte) [aes.BlockSize]byte {
	clear(m.state[:])
	binary.LittleEndian.PutUint32(m.state[:], uint32(len(text)))
	n := copy(m.state[4:], text)
	m.block.Encrypt(m.state[:], m.state[:])
	for rest := text[n:]; len(rest) > 0; rest = rest[min(len(rest), aes.BlockSize):] {
		if len(rest) >= aes.BlockSize {
			lo, hi := binary.LittleEndian.Uint64(m.state[:8]), binary.LittleEndian.Uint64(m.state[8:])
			binary.LittleEndian.PutUint64(m.state[:8], lo^binary.LittleEndian.Uint64(rest))
			binary.LittleEndian.PutUint64(m.state[8:], hi^binary.LittleEndian.Uint64(rest[8:]))
		} else {
			for i, c := range rest {
				m.state[i] ^= c
			}
		}
		m.block.Encrypt(m.state[:], m.state[:])
	}
	return m.state
}

// hashed computes AES of a universal hash: of the tag that GCM has for a text of which nothing is encrypted, under a nonce
// that is always the same. The tag is GHASH of the text and its length, to which the nonce adds a constant, and is shown to
// nobody.
type hashed struct {
	universal cipher.AEAD
	block     cipher.Block
	nonce     [12]byte
	tag       [aes.BlockSize]byte // not on the stack, where it would not stay
}

func (u *hashed) of(text []byte) [aes.BlockSize]byte {
	u.universal.Seal(u.tag[:0], u.nonce[:], nil, text)
	u.block.Encrypt(u.tag[:], u.tag[:])
	return u.tag
}

// prefix returns the part of a hash that orders the records of a file.
func prefix(h diffstore.KeyHash) uint64 { return binary.BigEndian.Uint64(h[:8]) }
