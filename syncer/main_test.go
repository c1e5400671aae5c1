package syncer

import (
	"testing"

	"go.uber.org/goleak"
)

// TestMain fails where a run has left a goroutine behind.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
