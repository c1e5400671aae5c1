package runlog

import "fmt"

// Counts say what a run found at the source and what became of it; DESIGN §3 defines each.
type Counts struct {
	Source  int64 `json:"source" db:"source"`
	Same    int64 `json:"same" db:"same"`
	Added   int64 `json:"added" db:"added"`
	Changed int64 `json:"changed" db:"changed"`
	Removed int64 `json:"removed" db:"removed"`
	Carried int64 `json:"carried" db:"carried"`
	Invalid int64 `json:"invalid" db:"invalid"`
	Left    int64 `json:"left" db:"left_behind"`

	Accepted    int64 `json:"accepted" db:"accepted"`
	Rejected    int64 `json:"rejected" db:"rejected"`
	Deferred    int64 `json:"deferred" db:"deferred"`
	Unknown     int64 `json:"unknown" db:"unknown"`
	Held        int64 `json:"held" db:"held"`
	Quarantined int64 `json:"quarantined" db:"quarantined"`
}

// Due is how many operations the plan holds, those in quarantine included.
func (c Counts) Due() int64 { return c.Added + c.Changed + c.Removed + c.Carried }

// Outstanding is how many operations of the plan have no outcome yet.
func (c Counts) Outstanding() int64 {
	return c.Due() - (c.Accepted + c.Rejected + c.Deferred + c.Unknown + c.Held + c.Quarantined)
}

// count is where the outcome is counted; nil for one that is none.
func (c *Counts) count(o Outcome) *int64 {
	switch o {
	case RowAccepted:
		return &c.Accepted
	case RowRejected:
		return &c.Rejected
	case RowDeferred:
		return &c.Deferred
	case RowUnknown:
		return &c.Unknown
	case RowHeld:
		return &c.Held
	case RowQuarantined:
		return &c.Quarantined
	case RowInvalid:
		return &c.Invalid
	}
	return nil
}

// Count adds n to the outcome's count.
func (c *Counts) Count(o Outcome, n int64) {
	if count := c.count(o); count != nil {
		*count += n
	}
}

// Came is how many operations came to the outcome.
func (c Counts) Came(o Outcome) int64 {
	if count := c.count(o); count != nil {
		return *count
	}
	return 0
}

// Planned is how many operations of a kind the plan holds, those in quarantine included.
func (c Counts) Planned(k Kind) int64 {
	switch k {
	case KindAdded:
		return c.Added
	case KindChanged:
		return c.Changed
	case KindRemoved:
		return c.Removed
	case KindCarried:
		return c.Carried
	}
	return 0
}

// Balance checks the two identities that every finished run satisfies: no row is lost from sight.
func (c Counts) Balance() error {
	if sum := c.Same + c.Added + c.Changed + c.Carried + c.Invalid; sum != c.Source {
		return fmt.Errorf("the source gave %d rows, but same %d + added %d + changed %d + carried %d + invalid %d make %d",
			c.Source, c.Same, c.Added, c.Changed, c.Carried, c.Invalid, sum)
	}
	if c.Outstanding() != 0 {
		return fmt.Errorf("the plan held %d operations, but accepted %d + rejected %d + deferred %d + unknown %d + held %d + quarantined %d make %d",
			c.Due(), c.Accepted, c.Rejected, c.Deferred, c.Unknown, c.Held, c.Quarantined, c.Due()-c.Outstanding())
	}
	return nil
}
