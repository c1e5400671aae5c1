package sqlite

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/jmoiron/sqlx"

	"spillway/diffstore"
)

// seen remembers which keys Compare has seen, with the verdict that each got. It never touches the snapshot.
//
// Keys that the snapshot had when it was opened are marked by their row, in half a byte of memory each. Others are
// marked by their sum in a temporary database that SQLite makes in the directory for temporary files, spills to once
// it is large, and has unlinked from the start, so that nothing is left of it whatever happens (invariant 9).
type seen struct {
	base  int64 // the last row of the snapshot as it was opened
	pages map[int64]*markPage

	mu  sync.Mutex // guards what follows: forgetting goes on beside comparing
	sum *summer
	db  *sqlx.DB // nil until a key needs it
}

// markPage holds the marks of consecutive rows, two in a byte.
type markPage [2048]byte

const marksPerPage = 2 * int64(len(markPage{}))

// sighting is one key that Compare looks at, in the order of the source.
type sighting struct {
	row     int64 // 0 where the snapshot has none
	key     string
	verdict diffstore.Verdict // what it gets if it is seen for the first time
	first   diffstore.Verdict // what it got before, 0 if it was not seen
}

func newSeen(base int64, key []byte) *seen {
	return &seen{base: base, pages: map[int64]*markPage{}, sum: newSummer(key)}
}

// visit marks the keys and fills in what they got before.
func (s *seen) visit(ctx context.Context, sightings []sighting) error {
	var strangers []*sighting
	for i := range sightings {
		g := &sightings[i]
		if !s.has(g.row) {
			strangers = append(strangers, g)
			continue
		}
		if g.first = s.mark(g.row); g.first != 0 {
			s.setMark(g.row, diffstore.Duplicate)
		} else {
			s.setMark(g.row, g.verdict)
		}
	}
	if len(strangers) == 0 {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.visitStrangers(ctx, strangers); err != nil {
		return fmt.Errorf("note which keys were seen, in a temporary file: %w", err)
	}
	return nil
}

func (s *seen) visitStrangers(ctx context.Context, strangers []*sighting) (err error) {
	if err := s.open(ctx); err != nil {
		return err
	}
	tx, err := s.db.BeginTxx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, tx.Rollback())
		}
	}()
	ctx = context.WithoutCancel(ctx) // one statement cannot last; a cancelled context is found by Commit
	insert, err := tx.PreparexContext(ctx, "insert into seen values (?, ?) on conflict do nothing")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, insert.Close()) }()
	for _, g := range strangers {
		sum := s.sum.Sum([]byte(g.key))
		result, err := insert.ExecContext(ctx, sum[:], int64(g.verdict))
		if err != nil {
			return err
		}
		if n, err := result.RowsAffected(); err != nil || n > 0 {
			if err != nil {
				return err
			}
			continue
		}
		if err := tx.GetContext(ctx, &g.first, "select verdict from seen where sum = ?", sum[:]); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "update seen set verdict = ? where sum = ?", int64(diffstore.Duplicate), sum[:]); err != nil {
			return err
		}
	}
	return tx.Commit()
}

// verdict returns what a key got, 0 if it was not seen.
func (s *seen) verdict(ctx context.Context, row int64, key string) (diffstore.Verdict, error) {
	if s.has(row) {
		return s.mark(row), nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.db == nil {
		return 0, nil
	}
	sum := s.sum.Sum([]byte(key))
	var found []diffstore.Verdict
	if err := s.db.SelectContext(ctx, &found, "select verdict from seen where sum = ?", sum[:]); err != nil {
		return 0, fmt.Errorf("look up which keys were seen, in a temporary file: %w", err)
	}
	if len(found) == 0 {
		return 0, nil
	}
	return found[0], nil
}

// forget moves the mark of a row that leaves the snapshot to the strangers.
func (s *seen) forget(ctx context.Context, row int64, key string) error {
	if !s.has(row) || s.mark(row) == 0 {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.visitStrangers(ctx, []*sighting{{key: key, verdict: s.mark(row)}})
}

// open makes the temporary database.
func (s *seen) open(ctx context.Context) error {
	if s.db != nil {
		return nil
	}
	db, err := sqlx.Open("sqlite", "")
	if err != nil {
		return err
	}
	db.SetMaxOpenConns(1)
	_, err = db.ExecContext(ctx, `pragma journal_mode = off; pragma synchronous = off; pragma cache_size = -32000;
		create table seen (sum blob primary key, verdict integer not null) without rowid`)
	if err != nil {
		return errors.Join(err, db.Close())
	}
	s.db = db
	return nil
}

func (s *seen) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.db == nil {
		return nil
	}
	return s.db.Close()
}

// has reports whether the row was in the snapshot as it was opened.
func (s *seen) has(row int64) bool { return row > 0 && row <= s.base }

func (s *seen) mark(row int64) diffstore.Verdict {
	page := s.pages[row/marksPerPage]
	if page == nil {
		return 0
	}
	at := row % marksPerPage
	return diffstore.Verdict(page[at/2] >> (4 * (at % 2)) & 15)
}

func (s *seen) setMark(row int64, v diffstore.Verdict) {
	page := s.pages[row/marksPerPage]
	if page == nil {
		page = new(markPage)
		s.pages[row/marksPerPage] = page
	}
	at := row % marksPerPage
	shift := 4 * (at % 2)
	page[at/2] = page[at/2]&^(15<<shift) | byte(v)<<shift
}
