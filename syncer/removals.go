package syncer

import (
	"context"
	"fmt"
	"slices"

	"spillway/destinations"
	"spillway/diffstore"
)

// conclude works out removals once the whole source was read and compared (invariant 5), and takes back what was
// staged of keys that turned out to be duplicates.
func (st *stager) conclude(ctx context.Context) error {
	if err := st.voidDuplicates(); err != nil {
		return err
	}
	for known, err := range st.view.Removed(ctx) {
		if err != nil {
			return fmt.Errorf("find the keys that are gone from the source: %w", err)
		}
		if err := st.gone(&known); err != nil {
			return err
		}
	}
	if err := st.resolveContested(ctx); err != nil {
		return err
	}
	return st.decideRemovals(ctx)
}

// resolveContested stages, for each identifier that only contested rows stand under, one of them to be sent again:
// the key that wrote last has gone or moved away, and its record may be the remote one. Where another row stands under
// the identifier, the two share it for good, and sending each because of the other would never end (invariant 6).
func (st *stager) resolveContested(ctx context.Context) error {
	spare := map[string]bool{}
	var ids []string
	for i, err := range st.sheet.items(contested) {
		if err != nil {
			return err
		}
		if !st.void[i.Key] {
			spare[i.Key] = true
			ids = append(ids, i.Folded)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	owners, err := st.view.Owners(ctx, ids)
	if err != nil {
		return fmt.Errorf("find whose records are contested: %w", err)
	}
	resolved := map[string]bool{}
	for i, err := range st.sheet.items(contested) {
		if err != nil {
			return err
		}
		shared := slices.ContainsFunc(owners[i.Folded], func(key string) bool {
			return !spare[key] && (st.void[key] || !st.claims.moves(key, i.Folded))
		})
		if !spare[i.Key] || shared || resolved[i.Folded] {
			continue
		}
		resolved[i.Folded] = true
		i.Step = write
		if err := st.sheet.add(&i); err != nil {
			return err
		}
		st.tally.counts.Same--
		if err := st.tally.add(&i); err != nil {
			return err
		}
	}
	return nil
}

// doubted reports whether rows came without a key: each may be the row of a key that seems to be gone, about which
// nothing is then decided (invariant 5).
func (st *stager) doubted() bool { return st.tally.keyless > 0 && !st.sync.Guard.AllowKeyless }

// gone stages what is due for a key that is gone from the source.
func (st *stager) gone(k *diffstore.Known) error {
	if st.sync.OnRemoved == onRemovedIgnore || len(k.IDs) == 0 {
		return st.leave(k.Key)
	}
	for _, id := range k.IDs {
		i := st.candidate(k, id)
		if err := st.sheet.add(&i); err != nil {
			return err
		}
	}
	return nil
}

func (st *stager) leave(key string) error {
	st.tally.counts.Left++
	if st.doubted() {
		return nil
	}
	return st.sheet.add(&item{Step: leave, Key: key})
}

// decideRemovals turns candidates into removals, except those of an identifier that a present row stands under: its
// record is that row's now, whichever key delivered it first.
func (st *stager) decideRemovals(ctx context.Context) error {
	suitors, err := st.suitorsOfCandidates()
	if err != nil {
		return err
	}
	chunk := make([]item, 0, chunkRows)
	decide := func() error {
		defer func() { chunk = chunk[:0] }()
		return st.decide(ctx, chunk, suitors)
	}
	for i, err := range st.sheet.items(candidate) {
		if err != nil {
			return err
		}
		if i.Moved && st.void[i.Key] {
			continue
		}
		if chunk = append(chunk, i); len(chunk) == chunkRows {
			if err := decide(); err != nil {
				return err
			}
		}
	}
	return decide()
}

// suitor says how far the rows that are present want an identifier that is to be removed.
type suitor uint8

const (
	waiting suitor = iota + 1 // a row that is not sent now, being in quarantine or a duplicate, would stand under it
	writing                   // a row is about to be written to it
)

// suitorsOfCandidates returns who wants the identifiers that are to be removed, by their hashes.
func (st *stager) suitorsOfCandidates() (map[uint64]suitor, error) {
	suitors := map[uint64]suitor{}
	for i, err := range st.sheet.items(candidate) {
		if err != nil {
			return nil, err
		}
		suitors[st.claims.id(i.Folded)] = 0
	}
	if len(suitors) == 0 {
		return suitors, nil
	}
	for i, err := range st.sheet.items(write) {
		if err != nil {
			return nil, err
		}
		is := writing
		if i.Quarantined || st.void[i.Key] {
			is = waiting
		}
		h := st.claims.id(i.Folded)
		if was, ok := suitors[h]; ok {
			suitors[h] = max(was, is)
		}
	}
	return suitors, nil
}

func (st *stager) decide(ctx context.Context, chunk []item, suitors map[uint64]suitor) error {
	if len(chunk) == 0 {
		return nil
	}
	ids := make([]string, len(chunk))
	for n := range chunk {
		ids[n] = chunk[n].Folded
	}
	owners, err := st.view.Owners(ctx, ids)
	if err != nil {
		return fmt.Errorf("find whose records are to be removed: %w", err)
	}
	for n := range chunk {
		i := &chunk[n]
		switch wanted := suitors[st.claims.id(i.Folded)]; {
		case wanted == writing || st.owned(i, owners[i.Folded]):
			if err := st.handOver(i); err != nil {
				return err
			}
			continue
		case wanted == waiting:
			st.spare(i)
			continue
		}
		i.Step, i.Op = remove, removalOp(st.sync.OnRemoved)
		if i.Op == destinations.Clear {
			i.Fields = st.route.cleared()
		}
		if err := st.sheet.add(i); err != nil {
			return err
		}
		if err := st.tally.add(i); err != nil {
			return err
		}
	}
	return nil
}

// owned reports whether a key other than the item's own, which is present and stays, stands under the identifier.
func (st *stager) owned(i *item, owners []string) bool {
	for _, key := range owners {
		if key != i.Key && (st.void[key] || !st.claims.moves(key, i.Folded)) {
			return true
		}
	}
	return false
}

// spare leaves a record alone for now. To remove it would take from a row that is present what the service keeps under
// its identifier; to hand it over would leave nobody to answer for it. A later run decides.
func (st *stager) spare(i *item) {
	if !i.Moved {
		st.tally.counts.Left++
	}
}

// handOver leaves a record to the key that stands under its identifier now: nothing is sent, and the identifier is
// no concern of this key any more.
func (st *stager) handOver(i *item) error {
	st.spare(i)
	if !i.Moved && st.doubted() {
		return nil
	}
	return st.sheet.add(&item{Step: leave, Key: i.Key, ID: i.Folded, Folded: i.Folded, Moved: i.Moved})
}

// voidDuplicates takes the staged items of duplicated keys out of the counts, and marks them in the file as void.
func (st *stager) voidDuplicates() error {
	if len(st.void) == 0 {
		return nil
	}
	for key := range st.void {
		if err := st.sheet.add(&item{Step: void, Key: key}); err != nil {
			return err
		}
	}
	for i, err := range st.sheet.items(write) {
		if err != nil {
			return err
		}
		if st.void[i.Key] {
			st.tally.void(&i)
			st.tally.counts.Invalid++
		}
	}
	return nil
}

// onRemovedIgnore is the rule by which nothing is sent for a row that is gone.
const onRemovedIgnore = "ignore"

// removalOp returns the operation of a rule other than ignore.
func removalOp(onRemoved string) destinations.Op { return destinations.Op(onRemoved) }
