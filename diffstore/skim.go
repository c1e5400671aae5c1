package diffstore

import "context"

// KeyHash is the keyed hash of a key, by which an engine finds it without its text. Hashes of two projects cannot be
// compared.
type KeyHash [16]byte

// Probe is one row of the source before it is rendered.
type Probe struct {
	Key    KeyHash
	Source uint64 // see Entry.Source
}

// Skimmer is a View that recognises unchanged rows by what was read, so that they need not be rendered. HashKey and
// SumSource belong to the goroutine that compares.
type Skimmer interface {
	// HashKey returns the hash of the text of a key.
	HashKey(key []byte) KeyHash

	// SumSource returns the keyed sum of the source values that a mapping reads, in a form that tells any two rows
	// apart, with the mapping's own hash mixed in. It is never 0.
	SumSource(values []byte) uint64

	// Skim sets same[i] for each probe whose key is known to stand at the destination, in no doubt of any kind, as
	// it was rendered from these very source values, and was not seen yet; the key is then seen, and was Same.
	// Nothing is noted of the others, whose rows must be rendered and compared, with Entry.Source set. That a
	// probe is not found the same says nothing about its row. Same must be as long as probes.
	Skim(ctx context.Context, probes []Probe, same []bool) error
}
