package sqlite

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"spillway/diffstore"
)

// stored is a key with its state as the database holds it.
type stored struct {
	row   int64
	key   string
	state diffstore.State
}

// keyRow is a row of the table keys.
type keyRow struct {
	Row         int64
	Key         []byte
	Flags       flags
	Sum         []byte
	Detail      []byte
	ID          []byte
	TriedSum    []byte `db:"tried_sum"`
	TriedID     []byte `db:"tried_id"`
	Token       []byte
	Batch       []byte
	Refusals    int
	Since       *int64
	Code        *string
	NextSum     []byte `db:"next_sum"`
	NextDetail  []byte `db:"next_detail"`
	PriorShadow []byte `db:"prior_shadow"`
}

// idRow is a row of the table ids.
type idRow struct {
	Row      int64
	Place    int
	ID       []byte
	Flags    flags
	Shadow   []byte
	Token    []byte
	Batch    []byte
	Refusals int
	Since    *int64
	Code     *string
}

// flags are the yes-or-no parts of a state. The schema's indexes know the value of open.
type flags int64

const (
	accepted flags = 1 << iota
	left
	doubt
	open // an attempt is under way; the flags of priority below belong to it
	priorDoubt
	priorLeft
	claimed
	shared
	plain     // diffstore.State.Plain
	delivered // diffstore.State.Delivered
	removal   // of an identifier: its removal was attempted

	underWay = open | priorDoubt | priorLeft | claimed | shared
)

func (f flags) has(bit flags) bool { return f&bit != 0 }

func (f *flags) set(bit flags, on bool) {
	if on {
		*f |= bit
	}
}

func (r *keyRow) state() diffstore.State {
	return diffstore.State{
		Accepted: r.Flags.has(accepted), Sum: sum16(r.Sum), Detail: r.Detail, ID: string(r.ID), Left: r.Flags.has(left),
		Tried: diffstore.Tried{
			Sum: sum16(r.TriedSum), Doubt: r.Flags.has(doubt), Token: diffstore.Token(sum16(r.Token)),
			Batch: diffstore.Token(sum16(r.Batch)), Refusals: r.Refusals, Since: instant(r.Since), Code: text(r.Code),
		},
		TriedID: string(r.TriedID),
		Pending: diffstore.Pending{
			Open: r.Flags.has(open), Sum: sum16(r.NextSum), Detail: r.NextDetail, Doubt: r.Flags.has(priorDoubt),
			Left: r.Flags.has(priorLeft), Claimed: r.Flags.has(claimed), Shadow: diffstore.Token(sum16(r.PriorShadow)),
			Shared: r.Flags.has(shared),
		},
	}
}

func (r *idRow) claim() diffstore.Claim {
	return diffstore.Claim{
		ID: string(r.ID), Shadow: diffstore.Token(sum16(r.Shadow)),
		Removal: diffstore.Tried{
			Removal: r.Flags.has(removal), Doubt: r.Flags.has(doubt), Token: diffstore.Token(sum16(r.Token)),
			Batch: diffstore.Token(sum16(r.Batch)), Refusals: r.Refusals, Since: instant(r.Since), Code: text(r.Code),
		},
		Removing: diffstore.Removing{Open: r.Flags.has(open), Doubt: r.Flags.has(priorDoubt), Shared: r.Flags.has(shared)},
	}
}

// values returns the columns of the table keys after row and key, in their order.
func values(s *diffstore.State) []any {
	var f flags
	f.set(accepted, s.Accepted)
	f.set(left, s.Left)
	f.set(doubt, s.Tried.Doubt)
	f.set(open, s.Pending.Open)
	f.set(priorDoubt, s.Pending.Doubt)
	f.set(priorLeft, s.Pending.Left)
	f.set(claimed, s.Pending.Claimed)
	f.set(shared, s.Pending.Shared)
	f.set(plain, s.Plain())
	f.set(delivered, s.Delivered())
	return []any{
		int64(f), blob16(s.Sum), blob(s.Detail), blob([]byte(s.ID)), blob16(s.Tried.Sum), blob([]byte(s.TriedID)),
		blob16(s.Tried.Token), blob16(s.Tried.Batch), s.Tried.Refusals, nanos(s.Tried.Since), nullable(s.Tried.Code),
		blob16(s.Pending.Sum), blob(s.Pending.Detail), blob16(s.Pending.Shadow),
	}
}

// claimValues returns the columns of the table ids after row and place, in their order.
func claimValues(c *diffstore.Claim) []any {
	var f flags
	f.set(removal, c.Removal.Removal)
	f.set(doubt, c.Removal.Doubt)
	f.set(open, c.Removing.Open)
	f.set(priorDoubt, c.Removing.Doubt)
	f.set(shared, c.Removing.Shared)
	return []any{
		[]byte(c.ID), int64(f), blob16(c.Shadow), blob16(c.Removal.Token), blob16(c.Removal.Batch), c.Removal.Refusals,
		nanos(c.Removal.Since), nullable(c.Removal.Code),
	}
}

// loadRows returns the keys of the given rows with their states.
func loadRows(ctx context.Context, q sqlx.QueryerContext, rows []int64) ([]*stored, error) {
	found := make([]*stored, 0, len(rows))
	for chunk := range chunks(rows) {
		var keys []keyRow
		if err := sqlx.SelectContext(ctx, q, &keys, "select * from keys where row in ("+numbers(chunk)+") order by row"); err != nil {
			return nil, err
		}
		byRow := make(map[int64]*stored, len(keys))
		for i := range keys {
			s := &stored{row: keys[i].Row, key: string(keys[i].Key), state: keys[i].state()}
			byRow[s.row] = s
			found = append(found, s)
		}
		var ids []idRow
		if err := sqlx.SelectContext(ctx, q, &ids, "select * from ids where row in ("+numbers(chunk)+") order by row, place"); err != nil {
			return nil, err
		}
		for i := range ids {
			if s := byRow[ids[i].Row]; s != nil {
				s.state.Claims = append(s.state.Claims, ids[i].claim())
			}
		}
	}
	return found, nil
}

// rowsOfKeys returns the rows of those of the keys that the snapshot has.
func rowsOfKeys(ctx context.Context, q sqlx.QueryerContext, keys []string) ([]int64, error) {
	return lookUp(ctx, q, "select row from keys where key in ", keys)
}

// rowsOfIDs returns the rows of the keys that have one of the identifiers.
func rowsOfIDs(ctx context.Context, q sqlx.QueryerContext, ids []string) ([]int64, error) {
	return lookUp(ctx, q, "select distinct row from ids where id in ", ids)
}

func lookUp(ctx context.Context, q sqlx.QueryerContext, query string, texts []string) ([]int64, error) {
	var rows []int64
	for chunk := range chunks(texts) {
		args := make([]any, len(chunk))
		for i, t := range chunk {
			args[i] = []byte(t)
		}
		var found []int64
		if err := sqlx.SelectContext(ctx, q, &found, query+"(?"+strings.Repeat(", ?", len(args)-1)+")", args...); err != nil {
			return nil, err
		}
		rows = append(rows, found...)
	}
	return rows, nil
}

func numbers(rows []int64) string {
	b := make([]byte, 0, 8*len(rows))
	for i, row := range rows {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(b, row, 10)
	}
	return string(b)
}

func sum16(b []byte) (s diffstore.Sum) {
	copy(s[:], b)
	return s
}

// blob16 returns nil, which is stored as null, for one that is zero.
func blob16[T diffstore.Sum | diffstore.Token](v T) any {
	if v == (T{}) {
		return nil
	}
	return v[:]
}

func blob(b []byte) any {
	if len(b) == 0 {
		return nil
	}
	return b
}

func instant(nanos *int64) time.Time {
	if nanos == nil {
		return time.Time{}
	}
	return time.Unix(0, *nanos).UTC()
}

func nanos(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UnixNano()
}

func nullable(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
