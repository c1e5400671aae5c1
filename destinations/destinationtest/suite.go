// Package destinationtest is the suite that every destination passes. It delivers records to a stand-in of the
// service over a Wire inside the process, spoils what is said on it, and checks that the destination keeps the
// contract of destinations.Destination.
package destinationtest

import (
	"context"
	"net/http"
	"testing"
	"testing/synctest"

	"spillway/destinations"
)

// Suite says how to test one destination.
type Suite struct {
	// Open opens the destination over env.Transport, with credential as the secret that it sends.
	Open func(t *testing.T, credential destinations.Secret, env destinations.Env) destinations.Destination

	// Service returns a new stand-in of the service that holds no record.
	Service func(t *testing.T) Service

	Object     string
	Identifier string
	Op         destinations.Op // an operation that may be repeated; Upsert if empty

	Account string // that a check names; empty where it cannot

	// Good returns the n-th record that the service takes, Bad the n-th that it refuses with a reason. Their
	// identifiers all differ. Texts of six bytes and more among their values must appear in no log and no error.
	Good, Bad func(n int) destinations.Record

	// Once is the operation that the service would apply twice if it were sent twice. See Repeatable.
	Once destinations.Op

	// Key names the header that carries the idempotency key. See IdempotencyKeys.
	Key string

	// Results names the members of an answer's JSON that list what became of the records. See Listed.
	Results []string

	// Exact lists values, and what the service holds after they were delivered.
	Exact []Exact

	// What follows is tested where it is given.

	Text     string                                 // a field that takes any text
	Number   string                                 // a field that takes any number
	Requests int                                    // how many requests a full batch of Op takes
	Wide     func(n, bytes int) destinations.Record // the n-th record that the service takes, with about so much JSON
	Dropped  func(n int) destinations.Record        // the n-th record of which the service's answer says nothing

	// Throttles are the service's own forms of asking for quiet, beside a 429 with Retry-After.
	Throttles []Throttle

	// Golden lists batches whose requests are kept in testdata/golden, one file each, named by object and op.
	Golden []destinations.Batch

	// Lacks names each trait that the service does not have, and why. Everything else is tested.
	Lacks map[Trait]string
}

// Service is a stand-in of a service.
type Service interface {
	http.Handler

	// Get returns the record of object that id finds: its fields as JSON, by their names.
	Get(object, id string) (fields map[string]string, ok bool)
}

// Exact is a value that must arrive as it is.
type Exact struct {
	Field  string
	Value  destinations.Value
	Stored string // the JSON that the service then holds
}

// Trait is something that not every service has.
type Trait string

// The traits. A suite that lacks one says so in Lacks.
const (
	Credentials     Trait = "requests carry a credential"             // a service may quote it
	NamedObjects    Trait = "objects have names of their own"         // an unknown one is ErrNoObject
	Verdicts        Trait = "records are refused one by one"          // Bad
	Deletion        Trait = "records can be deleted"                  // destinations.Delete
	Archival        Trait = "records can be archived"                 // destinations.Archive
	NotRepeatable   Trait = "an operation must not be repeated"       // Once
	IdempotencyKeys Trait = "requests carry an idempotency key"       // Key
	Listed          Trait = "answers list the records"                // Results
	Redelivery      Trait = "a record may be delivered several times" // Op
	Direct          Trait = "a delivery begins with what it changes"  // and not with a search
)

// Run runs the suite. Every test has a service, a wire and a destination of its own, and a bubble in which time
// passes at once and goroutines that are left over fail the test.
func Run(t *testing.T, s Suite) {
	t.Helper()
	if s.Op == "" {
		s.Op = destinations.Upsert
	}
	s.check(t)
	for _, c := range cases() {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if c.needs != "" {
				if why, lacks := s.Lacks[c.needs]; lacks {
					t.Logf("left out, as the service lacks that %s: %s", c.needs, why)
					return
				}
			}
			synctest.Test(t, func(t *testing.T) {
				c.test(newBench(t, s))
			})
		})
	}
	for _, b := range s.Golden {
		t.Run("the request of "+b.Object+" "+string(b.Op)+" is as it was", func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { golden(newBench(t, s), b) })
		})
	}
}

// check refuses a suite that leaves something untested without saying so.
func (s Suite) check(t *testing.T) {
	t.Helper()
	for trait, missing := range map[Trait]bool{
		Verdicts: s.Bad == nil, NotRepeatable: s.Once == "", IdempotencyKeys: s.Key == "", Listed: len(s.Results) == 0,
	} {
		if why := s.Lacks[trait]; missing != (why != "") {
			t.Fatalf("either the suite says how to test that %s, or Lacks says why not", trait)
		}
	}
	for trait, why := range s.Lacks {
		if why == "" {
			t.Fatalf("Lacks must say why it is not so that %s", trait)
		}
	}
}

type testCase struct {
	name  string
	needs Trait
	test  func(b *bench)
}

func cases() []testCase {
	var all []testCase
	for _, group := range [][]testCase{
		descriptionCases(), outcomeCases(), throttleCases(), failureCases(), answerCases(), stepCases(), contentCases(),
	} {
		all = append(all, group...)
	}
	return all
}

// Secret is a literal secret for tests.
type Secret string

// Reveal implements destinations.Secret.
func (s Secret) Reveal(context.Context) (string, error) { return string(s), nil }
