package runlog

import (
	"encoding/json"
	"fmt"
	"slices"
)

// Kind is why an operation of a plan is due. The set is closed.
type Kind string

// The kinds of operations; DESIGN §3 defines each with its count.
const (
	KindAdded   Kind = "added"
	KindChanged Kind = "changed"
	KindRemoved Kind = "removed"
	KindCarried Kind = "carried"
)

// Kinds are the kinds of operations in the order in which they are shown, and Fates what may become of them.
var (
	Kinds = [...]Kind{KindAdded, KindChanged, KindRemoved, KindCarried}
	Fates = [...]Outcome{RowAccepted, RowRejected, RowDeferred, RowUnknown, RowHeld, RowQuarantined}
)

// Matrix says of each kind of operations how many came to which outcome. Its rows sum up to the kinds' counts and its
// columns to the outcomes'. In JSON, what is 0 is left out.
type Matrix [len(Kinds)][len(Fates)]int64

// Add counts n operations of a kind that came to an outcome.
func (m *Matrix) Add(k Kind, o Outcome, n int64) {
	if row, column := slices.Index(Kinds[:], k), slices.Index(Fates[:], o); row >= 0 && column >= 0 {
		m[row][column] += n
	}
}

// Of returns how many operations of a kind came to an outcome.
func (m *Matrix) Of(k Kind, o Outcome) int64 {
	if row, column := slices.Index(Kinds[:], k), slices.Index(Fates[:], o); row >= 0 && column >= 0 {
		return m[row][column]
	}
	return 0
}

// Sum returns how many operations of a kind have an outcome.
func (m *Matrix) Sum(k Kind) (sum int64) {
	for _, o := range Fates {
		sum += m.Of(k, o)
	}
	return sum
}

// balance checks that the matrix adds up to c.
func (m *Matrix) balance(c Counts) error {
	for _, k := range Kinds {
		if sum := m.Sum(k); sum != c.Planned(k) {
			return fmt.Errorf("the plan held %d operations that were %s, and %d of them have an outcome", c.Planned(k), k, sum)
		}
	}
	for _, o := range Fates {
		var sum int64
		for _, k := range Kinds {
			sum += m.Of(k, o)
		}
		if n := c.Came(o); sum != n {
			return fmt.Errorf("%d operations were %s, but %d by their kinds", n, o, sum)
		}
	}
	return nil
}

// MarshalJSON writes {"added":{"accepted":2}}.
func (m Matrix) MarshalJSON() ([]byte, error) {
	rows := map[Kind]map[Outcome]int64{}
	for _, k := range Kinds {
		for _, o := range Fates {
			if n := m.Of(k, o); n != 0 {
				if rows[k] == nil {
					rows[k] = map[Outcome]int64{}
				}
				rows[k][o] = n
			}
		}
	}
	return json.Marshal(rows)
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (m *Matrix) UnmarshalJSON(text []byte) error {
	var rows map[Kind]map[Outcome]int64
	if err := json.Unmarshal(text, &rows); err != nil {
		return err
	}
	*m = Matrix{}
	for k, row := range rows {
		for o, n := range row {
			m.Add(k, o, n)
		}
	}
	return nil
}
