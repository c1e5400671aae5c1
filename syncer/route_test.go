package syncer

import (
	"context"
	"errors"
	"strings"
	"testing"

	"spillway/destinations"
)

// learner knows which fields find a record once it has listed them.
type learner struct{ *remote }

func (l learner) Fields(context.Context, string) ([]destinations.Field, error) {
	l.object.Identifiers = []string{"number"}
	return nil, nil
}

func TestIdentifiersThatAreKnownWithTheFieldsAreHeldTo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var wrong *ConfigError
	if _, err := newRoute(t.Context(), w.sync, "", learner{w.remote}); !errors.As(err, &wrong) || !strings.Contains(err.Error(), "cannot find a record") {
		t.Errorf("error %v, want one about the identifier %s", err, w.sync.Identifier)
	}
	w.sync.Mapping.Identifier = "number"
	if _, err := newRoute(t.Context(), w.sync, "", learner{w.remote}); err != nil && strings.Contains(err.Error(), "cannot find a record") {
		t.Errorf("error %v", err)
	}
}
