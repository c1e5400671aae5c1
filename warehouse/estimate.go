package warehouse

import "context"

// Estimator is what a Warehouse may implement beside its own methods where a query is billed by what it reads.
type Estimator interface {
	// Estimate says what q would cost. It runs nothing, and costs nothing itself.
	Estimate(ctx context.Context, q Query) (Estimate, error)
}

// Estimate is what one run of a query would bill.
type Estimate struct {
	Bytes int64 // that would be billed; 0 where the system would answer from its cache
	Bound Bound // how Bytes is meant
	Limit int64 // the bytes beyond which the settings let the system refuse the query; 0 is unlimited
}

// Bound says how an estimate stands to what is billed in the end.
type Bound uint8

// The kinds of bounds.
const (
	Exactly Bound = iota
	AtLeast
	AtMost
)

func (b Bound) String() string { return [...]string{"", "at least", "at most"}[b] }
