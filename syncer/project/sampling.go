package project

import (
	"errors"

	"spillway/syncer/settings"
)

// Sampling says of which batches requests and answers are kept.
type Sampling string

// The values of [runlog] samples. The zero Sampling is NoSamples.
const (
	NoSamples      Sampling = ""
	ProblemSamples Sampling = "problems" // of batches with a record that was not accepted
	AllSamples     Sampling = "all"
)

var errSampling = errors.New(`must be true, false or "all"`)

// UnmarshalText reads true, false and "all".
func (s *Sampling) UnmarshalText(text []byte) error {
	switch string(text) {
	case "false":
		*s = NoSamples
	case "true":
		*s = ProblemSamples
	case "all":
		*s = AllSamples
	default:
		return errSampling
	}
	return nil
}

// Shape declares the setting to the schema and the documentation.
func (*Sampling) Shape() settings.Shape {
	return settings.Shape{Type: `boolean or "all"`, Schema: map[string]any{"enum": []any{true, false, "all"}}}
}
