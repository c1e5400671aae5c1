package all_test

import (
	"testing"

	"spillway/destinations/all"
	"spillway/destinations/destinationtest"
)

func TestDefinitionsAreComplete(t *testing.T) {
	t.Parallel()
	destinationtest.CheckDefinitions(t, all.Definitions())
}
