package runlog

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"
)

// Exchange is a sample: an attempt at a request, and its answer. It may hold values of rows, as far as the project allows
// them to be kept.
type Exchange struct {
	Run      string    `json:"-"`
	At       time.Time `json:"at"`
	TookMS   int64     `json:"took_ms"`
	WaitedMS int64     `json:"waited_ms"` // before, for its turn under the account's limit
	Server   string    `json:"server"`
	Method   string    `json:"method"`
	Path     string    `json:"path"`    // without values of rows
	Attempt  int       `json:"attempt"` // of this request, from 1
	Status   int       `json:"status"`  // of HTTP; 0 without an answer
	Code     string    `json:"code"`    // of the problem; empty for a success
	Request  Message   `json:"request"`
	Answer   Message   `json:"answer"`
}

// Message is what one side said.
type Message struct {
	Type    string            `json:"type"`
	Headers map[string]string `json:"headers,omitempty"`
	Body    string            `json:"body"`
	Bytes   int64             `json:"bytes"`              // of the body as it was
	Cut     bool              `json:"cut,omitempty"`      // Body is not all of it
	Left    string            `json:"left_out,omitempty"` // why there is none of it
}

// Sample is an exchange with the keys of the rows that it was about.
type Sample struct {
	Exchange
	Keys []string
}

// crowd is about how many rows an exchange may be for these to be kept with it. Beyond it counts as one about every row
// of its run. It stands in the place of a key, which is never empty.
const (
	crowd    = 1000
	everyKey = ""
)

// Samples keeps samples of the run.
func (r *Recorder) Samples(ctx context.Context, samples ...Sample) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	err := r.log.transact(ctx, func(tx *sqlx.Tx) error {
		for _, s := range samples {
			if err := r.sample(ctx, tx, s); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("keep samples of run %s: %w", r.run, err)
	}
	return nil
}

func (r *Recorder) sample(ctx context.Context, tx *sqlx.Tx, s Sample) error {
	text, err := json.Marshal(s.Exchange)
	if err != nil {
		return err
	}
	r.sampleSeq++
	if _, err := tx.ExecContext(ctx, "insert into samples (run_id, seq, at, exchange) values (?, ?, ?, ?)",
		r.run, r.sampleSeq, millis(s.At), string(text)); err != nil {
		return err
	}
	keys := []string{everyKey}
	if len(s.Keys) <= crowd {
		keys = s.Keys
	}
	for _, key := range keys {
		if _, err := tx.ExecContext(ctx, "insert or ignore into sample_keys (key, run_id, seq) values (?, ?, ?)",
			r.log.Shown(key), r.run, r.sampleSeq); err != nil {
			return err
		}
	}
	return nil
}

// Sampling says whether samples are kept.
func (l *Log) Sampling() bool { return l.options().Samples }

// Exchanges returns what was said about one key of a sync, given in plain: newest first, and at most so many.
func (l *Log) Exchanges(ctx context.Context, sync, key string, most int) ([]Exchange, error) {
	return l.exchanges(ctx, "r.sync = ?", sync, l.Shown(key), most)
}

// exchanges returns those of a key as the log keeps it, in the runs of a condition.
func (l *Log) exchanges(ctx context.Context, where, of, shown string, most int) ([]Exchange, error) {
	if !l.options().Samples || l.version < withOutcomes {
		return nil, nil
	}
	var found []struct {
		Run      string `db:"run_id"`
		Exchange string `db:"exchange"`
	}
	err := l.db.SelectContext(ctx, &found, `select s.run_id, s.exchange from sample_keys k
		join samples s on s.run_id = k.run_id and s.seq = k.seq
		join runs r on r.id = k.run_id
		where k.key in (?, ?) and `+where+` order by s.run_id desc, s.seq desc limit ?`, shown, everyKey, of, most)
	if err != nil {
		return nil, fmt.Errorf("read samples: %w", err)
	}
	list := make([]Exchange, len(found))
	for n, f := range found {
		if err := json.Unmarshal([]byte(f.Exchange), &list[n]); err != nil {
			return nil, fmt.Errorf("read a sample of run %s: %w", f.Run, err)
		}
		list[n].Run = f.Run
	}
	return list, nil
}

// rowExchanges is how many exchanges a row of a list shows.
const rowExchanges = 10

// AddExchanges gives rows of a run what was said about them.
func (l *Log) AddExchanges(ctx context.Context, run string, rows []Row) error {
	for n := range rows {
		if rows[n].Key == "" {
			continue
		}
		var err error
		if rows[n].Exchanges, err = l.exchanges(ctx, "r.id = ?", run, rows[n].Key, rowExchanges); err != nil {
			return err
		}
	}
	return nil
}

// pruneSamples drops the samples that are too old, or all where none are kept any more.
func (l *Log) pruneSamples(ctx context.Context, now time.Time) error {
	before := now.Add(-l.options().SamplesTTL)
	if !l.options().Samples {
		before = now.AddDate(1000, 0, 0)
	}
	if _, err := l.db.ExecContext(ctx, "delete from samples where at < ?", millis(before)); err != nil {
		return fmt.Errorf("drop old samples: %w", err)
	}
	return nil
}

// forgetSamples erases the samples of a sync that may be about a key.
func (l *Log) forgetSamples(ctx context.Context, sync string, keys ...any) (int64, error) {
	result, err := l.db.ExecContext(ctx, `delete from samples where (run_id, seq) in (select k.run_id, k.seq from sample_keys k
		join runs r on r.id = k.run_id where r.sync = ? and k.key in (?, ?, ?))`, append([]any{sync, everyKey}, keys...)...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}
