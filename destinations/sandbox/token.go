package sandbox

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
)

// replay answers a record that was made before under the same token, as if it were made now.
func (b *batch) replay(ctx context.Context, r batchRecord) (batchResult, bool, error) {
	var made struct {
		Record int64  `db:"record"`
		Sum    []byte `db:"sum"`
	}
	err := b.tx.GetContext(ctx, &made, "select record, sum from inserted where token = ?", b.token(r))
	if errors.Is(err, sql.ErrNoRows) {
		return batchResult{}, false, nil
	}
	if err != nil {
		return batchResult{}, false, err
	}
	if string(made.Sum) != string(sum(r)) {
		return r.refused(refuse("token_reused", "this token was used for another record")), true, nil
	}
	return r.done(made.Record, outcomeCreated), true, nil
}

func (b *batch) remember(ctx context.Context, r batchRecord, id int64) error {
	_, err := b.tx.ExecContext(ctx, "insert into inserted (token, record, sum, at) values (?, ?, ?, ?)", b.token(r), id, sum(r), b.now)
	return err
}

func (b *batch) token(r batchRecord) string { return b.object.name + "/" + r.Token }

func sum(r batchRecord) []byte {
	s := sha256.Sum256(append([]byte(r.ID+"\x00"), r.Fields...))
	return s[:]
}
