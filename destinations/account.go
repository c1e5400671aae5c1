package destinations

import "sync/atomic"

// Named is a Destination that can say which account it reached.
type Named interface {
	// Account returns what a check reached last, in the service's own terms. It is empty before one did, and where the
	// service does not tell.
	Account() string
}

// AccountOf returns the account that a check of d reached last; it is empty where d cannot say.
func AccountOf(d Destination) string {
	if n, ok := d.(Named); ok {
		return n.Account()
	}
	return ""
}

// Reached remembers the account that a check reached. A destination that embeds it is Named. The zero Reached has reached
// none.
type Reached struct{ account atomic.Pointer[string] }

// Reach sets the account.
func (r *Reached) Reach(account string) { r.account.Store(&account) }

// Account implements Named.
func (r *Reached) Account() string {
	if account := r.account.Load(); account != nil {
		return *account
	}
	return ""
}
