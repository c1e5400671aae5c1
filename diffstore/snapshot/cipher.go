package snapshot

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
)

// nonce is what tells a file, or a snapshot that was forgotten and begun again, from any other.
type nonce [16]byte

func (n nonce) String() string { return hex.EncodeToString(n[:]) }

// sealer encrypts the units of one file, a key of its own for each file. A unit's number is its nonce: no unit of a
// file is ever written twice.
type sealer struct{ aead cipher.AEAD }

// newSealer returns nil where key is nil: then nothing is encrypted.
func newSealer(key []byte, file nonce) (*sealer, error) {
	if key == nil {
		return nil, nil
	}
	derived, err := hkdf.Key(sha256.New, key, file[:], "spillway snapshot: file", 32)
	if err != nil {
		return nil, fmt.Errorf("derive the key of a file: %w", err)
	}
	block, err := aes.NewCipher(derived)
	if err != nil {
		return nil, fmt.Errorf("derive the key of a file: %w", err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fmt.Errorf("derive the key of a file: %w", err)
	}
	return &sealer{aead}, nil
}

func unitNonce(unit uint64) []byte {
	return binary.LittleEndian.AppendUint64(make([]byte, 4, 12), unit)
}

// seal returns what is written of a unit.
func (s *sealer) seal(unit uint64, content []byte) []byte {
	if s == nil {
		return content
	}
	return s.aead.Seal(nil, unitNonce(unit), content, nil)
}

func (s *sealer) open(unit uint64, written []byte) ([]byte, error) {
	if s == nil {
		return written, nil
	}
	content, err := s.aead.Open(nil, unitNonce(unit), written, nil)
	if err != nil {
		return nil, damage("unit %d cannot be decrypted", unit)
	}
	return content, nil
}

// proof is the sum by which a manifest knows a key; that of no key is empty.
func proof(key []byte, purpose string) string {
	if key == nil {
		return ""
	}
	m := hmac.New(sha256.New, key)
	m.Write([]byte("spillway snapshot: proof of the key for " + purpose))
	return hex.EncodeToString(m.Sum(nil)[:8])
}
