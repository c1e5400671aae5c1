package warehouse

import "context"

// Inspector is what a Warehouse may implement beside reading, so that a person can see what its credentials may do.
type Inspector interface {
	// Privileges asks what the credentials may do beyond reading. Where the system has transactions it tries a write
	// that changes nothing and rolls it back, for what is granted and what is refused may differ.
	Privileges(ctx context.Context) (Privileges, error)
}

// Privileges are what credentials may do that reading models does not take.
type Privileges struct {
	Role   string   // as the system names who is logged in; empty where it has no such thing
	Excess []string // each a predicate of the role: "is a superuser", "may create tables in public"
	Script string   // statements that make a role with no more than it takes; empty where there is nothing to grant
}
