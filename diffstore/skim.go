package diffstore

import "context"

// KeyHash is the keyed hash of a key, by which an engine finds it without its text. Hashes of two projects cannot be
// compared.
type KeyHash [16]byte

// Probe is one row of the source before it is rendered.
type Probe struct {
	Key    KeyHash
	Source uint64 // see Entry.Source
	Near   uint32 // is set by Skim, for Entry.Near
}

// Hasher computes hashes and sums. It belongs to one goroutine.
type Hasher interface {
	// HashKey returns the hash of the text of a key.
	HashKey(key []byte) KeyHash

	// SumSource returns the keyed sum of the source values that a mapping reads, in a form that tells any two rows
	// apart, with the mapping's own hash mixed in. It is never 0.
	SumSource(values []byte) uint64

	// Sum returns what View.Sum returns.
	Sum(canonical []byte) Sum
}

// Skimmer is a View that recognises unchanged rows by what was read, so that they need not be rendered.
type Skimmer interface {
	// Hasher returns a Hasher for a goroutine of its own.
	Hasher() (Hasher, error)

	// SumSource is Hasher.SumSource, which several goroutines may call at once.
	SumSource(values []byte) uint64

	// Skim sets same[i] for each probe whose key is known to stand at the destination, in no doubt of any kind, as
	// it was rendered from these very source values, and was not seen yet; the key is then seen, and was Same.
	// Nothing is noted of the others, whose rows must be rendered and compared, with Entry.Source and Near set. That a
	// probe is not found the same says nothing about its row. Same must be as long as probes.
	Skim(ctx context.Context, probes []Probe, same []bool) error

	// Parts returns into how many parts the rows of the source are best divided before they are skimmed and compared,
	// those of the first part before those of the second. It is 1 where the order does not matter, and a power of two,
	// MostParts at most, where the index is larger than the memory that there is for it: rows in any order would have
	// each look-up wait for the disk, and those of one part need so much of the index as there is room for. See
	// KeyHash.Part.
	Parts(ctx context.Context) (int, error)
}

// MostParts is the largest number of parts.
const MostParts = 256

// Part returns to which of a number of parts a key belongs, from 0.
func (h KeyHash) Part(parts int) int { return int(h[0]) * parts / MostParts }
