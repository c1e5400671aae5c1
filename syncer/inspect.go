package syncer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"spillway/diffstore"
)

// Snapshots lets people look into the snapshots, beside any run.
func (e *Engine) Snapshots() diffstore.Inspector {
	if i, ok := e.store.(diffstore.Inspector); ok {
		return i
	}
	return unopened{errors.New("these snapshots cannot be looked into")}
}

// Size returns how many keys the snapshot of a sync holds that are delivered or in doubt.
func (e *Engine) Size(ctx context.Context, sync string) (n int64, err error) {
	view, err := e.store.View(ctx, sync)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, view.Close()) }()
	return view.Size(ctx)
}

// KnownRow is what the snapshot of a sync holds of one row, for people.
type KnownRow struct {
	Sync        string         `json:"sync"`
	Key         string         `json:"key"`
	Accepted    bool           `json:"accepted"`    // a record of it was accepted, and not removed since
	Identifiers []string       `json:"identifiers"` // under which it was, or may have been, delivered; the newest last
	Left        bool           `json:"left"`        // gone from the source, and to stay at the destination
	Shadowed    bool           `json:"shadowed"`    // another row may have overwritten its record
	Tried       *KnownAttempt  `json:"tried"`       // the last attempt that was not accepted
	Removals    []KnownAttempt `json:"removals"`    // attempts to remove it that did not succeed
}

// KnownAttempt is an attempt that was not accepted.
type KnownAttempt struct {
	Identifier string     `json:"identifier,omitempty"` // of a removal
	Doubt      bool       `json:"doubt"`                // it was sent, and no verdict came
	Refusals   int        `json:"refusals"`             // in a row
	Code       string     `json:"code"`                 // of the last refusal
	Since      *time.Time `json:"since"`                // when the first of these was refused or put off
}

// Row returns what the snapshot of a sync holds of a key, or nil.
func (e *Engine) Row(ctx context.Context, sync, key string) (*KnownRow, error) {
	k, err := e.Snapshots().Lookup(ctx, sync, key)
	if err != nil {
		return nil, fmt.Errorf("look into the snapshot of %s: %w", sync, err)
	}
	if k == nil {
		return nil, nil
	}
	row := &KnownRow{
		Sync: sync, Key: k.Key, Accepted: k.Accepted, Identifiers: k.IDs, Left: k.Left, Shadowed: k.Shadowed, Removals: []KnownAttempt{},
	}
	if (k.Tried != diffstore.Tried{}) {
		row.Tried = knownAttempt("", k.Tried)
	}
	for id, tried := range k.Removals {
		row.Removals = append(row.Removals, *knownAttempt(id, tried))
	}
	slices.SortFunc(row.Removals, func(a, b KnownAttempt) int {
		return slices.Index(k.IDs, a.Identifier) - slices.Index(k.IDs, b.Identifier)
	})
	return row, nil
}

func knownAttempt(id string, t diffstore.Tried) *KnownAttempt {
	a := &KnownAttempt{Identifier: id, Doubt: t.Doubt, Refusals: t.Refusals, Code: t.Code}
	if !t.Since.IsZero() {
		since := t.Since.UTC()
		a.Since = &since
	}
	return a
}
