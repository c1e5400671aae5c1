package syncer

import (
	"context"
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	"spillway/destinations"
	"spillway/diffstore"
)

// write sends a batch when its turn has come, unless the run was stopped by then.
func (s *sender) write(ctx context.Context, b *batch) {
	s.pace()
	if reason := s.halted(); reason != nil {
		b.results = notSent(len(b.items), reason)
		return
	}
	request, err := s.request(b)
	if err != nil {
		s.halt(err)
		b.results = notSent(len(b.items), err)
		return
	}
	b.sent = true
	heard := s.sampler.listen(&request)
	results, err := s.route.destination.Write(ctx, request)
	b.results = s.interpret(len(b.items), results, err)
	if err := heard.keep(ctx, b.results); err != nil {
		s.halt(err)
	}
}

// pace waits for the next batch's turn at the sync's own rate, or until nothing more is sent.
func (s *sender) pace() {
	if s.limiter == nil {
		return
	}
	turn := time.NewTimer(s.limiter.Reserve().Delay())
	defer turn.Stop()
	select {
	case <-turn.C:
	case <-s.stopped:
	}
}

// request makes what is written of a batch.
func (s *sender) request(b *batch) (destinations.Batch, error) {
	r := destinations.Batch{
		Sync: s.sync.Name, Object: s.sync.Object, Op: b.items[0].Op, Identifier: s.sync.Identifier,
		Records: make([]destinations.Record, len(b.items)), Attempts: s.sync.Retry.Attempts, Meter: s.meter,
	}
	tokens := tokenTexts(b.tokens)
	for n := range b.items {
		i := &b.items[n]
		token := tokens[:tokenLength]
		tokens = tokens[tokenLength:]
		if i.Partial {
			token = partialToken(i, b.tokens[n])
		}
		r.Records[n] = destinations.Record{Key: i.Key, ID: i.ID, Fields: i.Fields, Token: token}
	}
	if !s.sheet.whole {
		return r, nil
	}
	return r, s.addJSON(b, r.Records)
}

const tokenLength = 2 * len(diffstore.Token{})

// tokenTexts returns the texts of tokens, one behind the other.
func tokenTexts(tokens []diffstore.Token) string {
	texts := make([]byte, 0, tokenLength*len(tokens))
	for i := range tokens {
		texts = hex.AppendEncode(texts, tokens[i][:])
	}
	return string(texts)
}

// addJSON gives records the fields that were left as they are stored, all of them in the memory of the batch.
func (s *sender) addJSON(b *batch, records []destinations.Record) error {
	size := 0
	for n := range b.items {
		size += 2 * len(b.items[n].Stored)
	}
	text := slices.Grow(b.text[:0], size)
	ends := make([]int, len(records))
	for n := range b.items {
		i := &b.items[n]
		if i.Stored != "" {
			var err error
			if text, err = i.appendJSON(text, s.members); err != nil {
				return fmt.Errorf("read the staged plan: %w", err)
			}
		}
		ends[n] = len(text)
	}
	from := 0
	for n, end := range ends {
		if end > from {
			records[n].JSON = text[from:end:end]
		}
		from = end
	}
	b.text = text
	return nil
}

func (s *sender) halt(reason error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stop == nil {
		s.stop = reason
		close(s.stopped)
	}
}

// stopReason says why nothing more is sent, if so.
func (s *sender) stopReason() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stop
}

// halted says why the next batch of this step is not sent, if it is not.
func (s *sender) halted() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stop == nil && s.stuck >= patience {
		return errStuck
	}
	return s.stop
}
