package daemon

import (
	"context"

	"spillway/syncer"
)

// Known returns what the snapshot of a sync holds of one row, or nil where it knows nothing of it.
func (d *Daemon) Known(ctx context.Context, sync, key string) (*syncer.KnownRow, error) {
	return d.engine.Row(ctx, sync, key)
}
