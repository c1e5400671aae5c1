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
// Sums and key hashes are the CBC-MAC under AES-128 of the length and the text, which is a pseudo-random function since
// no length and text is the beginning of another. Whoever lacks the key learns nothing from them, cannot compare them
// with those of another project and cannot make two that are equal; and they cost a tenth of HMAC-SHA256. Sums of
// source values only need to differ by accident no more often than chance allows, and are a seeded xxh3.
type hasher struct {
	key        []byte
	keys, sums mac
	seed       uint64
}

func newHasher(key []byte) (*hasher, error) {
	h := &hasher{key: key}
	material, err := hkdf.Key(sha256.New, key, nil, "spillway snapshot: key hashes, sums, sources", 40)
	if err != nil {
		return nil, fmt.Errorf("derive the keys of the sums: %w", err)
	}
	if h.keys.block, err = aes.NewCipher(material[:16]); err != nil {
		return nil, fmt.Errorf("derive the keys of the sums: %w", err)
	}
	if h.sums.block, err = aes.NewCipher(material[16:32]); err != nil {
		return nil, fmt.Errorf("derive the keys of the sums: %w", err)
	}
	h.seed = binary.LittleEndian.Uint64(material[32:])
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
	full := h.sums.of(canonical)
	return toSum(max(binary.LittleEndian.Uint64(full[:8])&sumMask, 2))
}

// Hasher implements diffstore.Skimmer.
func (h *hasher) Hasher() (diffstore.Hasher, error) { return newHasher(h.key) }

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

// prefix returns the part of a hash that orders the records of a file.
func prefix(h diffstore.KeyHash) uint64 { return binary.BigEndian.Uint64(h[:8]) }
