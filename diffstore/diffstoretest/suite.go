// Package diffstoretest is the conformance suite of snapshot engines.
package diffstoretest

import (
	"os"
	"strconv"
	"testing"

	"spillway/diffstore"
)

// Opener opens a store in a directory that may not exist yet, or may hold what an earlier store has left.
type Opener = func(t *testing.T, dir string) diffstore.Store

// defaultSeeds is how many random histories Run plays unless SPILLWAY_SEEDS says otherwise.
const defaultSeeds = 200

// Run tests that the stores of open keep the contract of package diffstore.
func Run(t *testing.T, open Opener) {
	t.Helper()
	for name, test := range map[string]func(*testing.T, Opener){
		"outcomes":           testOutcomes,
		"removals":           testRemovals,
		"shared identifiers": testShared,
		"tokens":             testTokens,
		"verdicts":           testVerdicts,
		"duplicates":         testDuplicates,
		"presence":           testPresence,
		"misuse":             testMisuse,
		"life":               testLife,
		"erasure":            testErasure,
		"oddities":           testOddities,
		"concurrency":        testConcurrency,
		"size":               testSize,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open)
		})
	}
	t.Run("random histories converge", func(t *testing.T) {
		Converge(t, open, number(t, "SPILLWAY_SEEDS", defaultSeeds))
	})
}

// number reads a number from the environment.
func number(t *testing.T, name string, otherwise int) int {
	t.Helper()
	text, ok := os.LookupEnv(name)
	if !ok {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("%s is %q, not a number", name, text)
	}
	return n
}
