// Package diffstore remembers, for every key of a sync, the record that the destination last accepted, so that a
// run can send what differs and nothing else.
//
// It is a leaf: it sees keys, identifiers and sums, never rows or requests. Engines live in packages below this
// one, and package diffstoretest is the suite that all of them pass.
package diffstore

import (
	"context"
	"errors"
	"iter"
	"time"
)

// ErrBusy is returned by Begin while another session of the same sync is open.
var ErrBusy = errors.New("another session of this sync is open")

// ErrCorrupt is wrapped by every error about state that is damaged. Damaged state is never taken as empty.
var ErrCorrupt = errors.New("the snapshot is damaged")

// Store holds the snapshots of all syncs of a project.
type Store interface {
	// Begin opens the snapshot of sync for a run that may send, ErrBusy if a session of it is open already.
	// Attempts that an earlier session left without a verdict are in doubt from then on.
	Begin(ctx context.Context, sync string) (Session, error)

	// View opens the snapshot of sync for reading only. It may stand beside a session and sees what stood when it
	// was opened: attempts that were under way then are in doubt. A sync that never ran has an empty snapshot,
	// and none is made by looking.
	View(ctx context.Context, sync string) (View, error)

	// Forget drops everything known of sync, ErrBusy while a session of it is open. It works on damaged state too,
	// which it is the way out of.
	Forget(ctx context.Context, sync string) error

	Close() error
}

// View compares the source with the snapshot. It is used by one goroutine.
type View interface {
	// Sum returns the keyed sum of the canonical form of a record or of a field. Sums of two projects cannot be
	// compared.
	Sum(canonical []byte) Sum

	// Size returns how many keys are known to be delivered or in doubt, without those marked Left.
	Size(ctx context.Context) (int64, error)

	// Version names the state of the snapshot: it changes with every Intend, Settle, Release and Erase that altered
	// something, and differs after Forget. It is empty for a sync that never ran.
	Version(ctx context.Context) (string, error)

	// Compare marks the entries as present at the source and returns one Change an entry, in their order.
	Compare(ctx context.Context, entries []Entry) ([]Change, error)

	// Removed yields what is known of each key that was delivered, or may have been, and that no Compare has
	// seen, without those marked Left. It is called once the whole source was compared (invariant 5).
	Removed(ctx context.Context) iter.Seq2[Known, error]

	// Owners returns, of the given identifiers, those that keys which Compare has seen stand under, each with
	// these keys in order. A key stands under the identifier of the record last accepted and of the one last
	// tried while that is in doubt; an unmapped or duplicate key, whose identifier is not known, under all that
	// it has. Whose record stands under an identifier must not be removed on behalf of another key (invariant 5).
	Owners(ctx context.Context, ids []string) (map[string][]string, error)

	Close() error
}

// Session is a View that may also record what was sent and what became of it. Intend and Settle may be called
// from several goroutines, on different keys.
type Session interface {
	View

	// Intend records that the entries are about to be sent, durably before it returns (invariant 2). It returns
	// the token of each attempt: the same as before when the same entry was attempted, no verdict came, and
	// nothing else was sent to its identifier since; a new one otherwise, so that A, B, A is not swallowed.
	//
	// A key that was delivered under an identifier to which an attempt of another key is sent may have been
	// overwritten from then on: see Change.Contested.
	Intend(ctx context.Context, attempts []Attempt) ([]Token, error)

	// Settle records what became of intended attempts, durably before it returns (invariant 1). An attempt that
	// is never settled stays in doubt. Taken, Refused and Returned for a key that has no attempt under way in
	// this session are an error, and nothing of that call is recorded.
	Settle(ctx context.Context, fates []Fate) error

	// Release puts refused keys for which match holds back in line: the refusals of their records and removals and
	// the age of these attempts are forgotten, everything else holds. It returns how many there were. Match must
	// not use the session.
	Release(ctx context.Context, match func(Known) bool) (int, error)

	// Erase removes every trace of key, from the disk too, and reports whether there was one.
	Erase(ctx context.Context, key string) (bool, error)
}

// Sum is the keyed sum of a canonical form. The zero Sum stands for "none".
type Sum [16]byte

// Token is unique to one attempt on one key, across resets of the snapshot too. The zero Token stands for "none".
type Token [16]byte

// Entry is one row of the source as the snapshot sees it.
type Entry struct {
	Key  string
	Hash KeyHash // of Key, as Skimmer.HashKey gives it, where that was asked for; the zero KeyHash otherwise
	Near uint32  // where the key was found, as Probe.Near has it; 0 where that is not known
	ID   string  // the identifier as it is compared: folded where the object folds; empty where there is none

	// Sum is of the fields that always count, First of all fields, those that are only sent on insert included.
	// First is what counts until the record was accepted once.
	Sum, First Sum

	// Source is the sum of the source values that the mapping read, see Skimmer; 0 where it is not known.
	Source uint64

	Detail   []byte // the sums field by field; kept and returned as it is, and not looked into
	Unmapped bool   // present at the source, but no record could be made of it (invariant 5)
}

// Change is what Compare finds of one entry.
type Change struct {
	Verdict Verdict

	// First is the verdict that the first entry of this key got in this session. It is set with Duplicate alone,
	// and is itself Duplicate from the third entry on.
	First Verdict

	// Contested is set with Same alone, and seldom: an attempt of another key went to this key's identifier after
	// its record was accepted, so that the remote record may be the other's. Where a key that is present and not
	// contested stands under that identifier, or is about to be sent there, the keys share it, the last one to be
	// sent wins, and this one is the Same. Where none does, it must be sent as if it were Changed. That is known
	// once the whole source was compared.
	Contested bool

	// Known is what the snapshot holds of the key. It is nil for a key of which nothing is known, and may be nil
	// for one that is Same, not contested and delivered under a single identifier.
	Known *Known
}

// Verdict is how an entry stands to the snapshot.
type Verdict uint8

// The verdicts.
const (
	Same      Verdict = iota + 1 // equals the record last accepted, and nothing about it is in doubt
	Added                        // no record of this key was ever accepted
	Changed                      // another record was accepted, or the remote one may differ from it
	Carried                      // this very record was tried before, and not accepted
	Kept                         // present, but unmapped
	Duplicate                    // the key was seen before in this session; its first entry is void too
)

// Known is what the snapshot holds of one key.
type Known struct {
	Key      string
	Accepted bool // a record of this key was accepted, and not removed since
	Sum      Sum  // of that record
	Detail   []byte

	// IDs are the identifiers under which the record was, or may have been, delivered and not removed since:
	// the one of the record last accepted stands last.
	IDs []string

	Tried    Tried            // the last attempt at a record that was not accepted; zero when there is none
	Removals map[string]Tried // by identifier, attempts at a removal that did not succeed; nil when there are none
	Left     bool             // gone from the source, and to stay at the destination
	Shadowed bool             // another key may have overwritten the record last accepted
}

// Tried is an attempt that was not accepted.
type Tried struct {
	Sum      Sum // Entry.First where nothing was accepted before, Entry.Sum otherwise; zero for a removal
	Removal  bool
	Doubt    bool      // this attempt or one before it was sent, and no verdict came
	Token    Token     // of the attempt, until a verdict comes
	Batch    Token     // the token of the first attempt of the batch it was intended in, until a verdict comes
	Refusals int       // in a row, of this very record
	Since    time.Time // when the first of these attempts was refused or returned
	Code     string    // of the last refusal
}

// Attempt is one record, or one identifier's removal, that is about to be sent.
type Attempt struct {
	Entry   Entry // with Removal only Key and ID count
	Removal bool  // of one identifier that the key has
	Batch   int   // those of one Intend that are sent in one request follow each other and have the same number
}

// Fate is what became of an attempt.
type Fate struct {
	Key     string
	ID      string // of a removal, and for Gone, the identifier; not looked at otherwise
	Token   Token  // of the attempt, by which it is found sooner; zero where the caller does not have it at hand
	Outcome Outcome
	Code    string    // for Refused
	At      time.Time // for Refused and Returned
}

// Outcome is the kind of a fate.
type Outcome uint8

// The outcomes.
const (
	// Taken: the intended record was accepted. It is the snapshot from now on, and in no doubt.
	Taken Outcome = iota + 1
	// Refused: a definite verdict against the record or its removal, which is counted. What was known before
	// holds, its doubt included; the token is spent.
	Refused
	// Returned: certainly not applied, and no verdict on it. What was known before holds; the token is kept.
	Returned
	// Gone: the record under ID was removed, or is no concern of this sync any more; no attempt need have been
	// intended. A key with no identifier left, or a Gone with an empty ID, is forgotten. Nothing happens where
	// the key does not have that identifier.
	Gone
	// Left: the key has gone from the source and its record stays at the destination. Nothing is intended for
	// it, and it is delivered anew if it returns. Nothing happens where the key is not known.
	Left
)
