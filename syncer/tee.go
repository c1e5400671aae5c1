package syncer

import (
	"context"
	"errors"
	"log/slog"
	"slices"

	"spillway/syncer/runlog"
)

// tee is a slog.Handler that also writes a run's lines, from level info on, into the run log. A line that the run log
// cannot take is still on stderr.
type tee struct {
	next     slog.Handler
	recorder *runlog.Recorder
	attrs    []slog.Attr
}

func newTee(next slog.Handler, recorder *runlog.Recorder) *tee {
	return &tee{next: next, recorder: recorder}
}

// Enabled reports whether either side wants the line.
func (t *tee) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelInfo || t.next.Enabled(ctx, level)
}

// Handle writes the line to both sides.
func (t *tee) Handle(ctx context.Context, r slog.Record) (err error) {
	if r.Level >= slog.LevelInfo {
		attrs := map[string]any{}
		add := func(a slog.Attr) bool {
			if a.Key != "sync" && a.Key != "run" {
				attrs[a.Key] = a.Value.Resolve().Any()
			}
			return true
		}
		for _, a := range t.attrs {
			add(a)
		}
		r.Attrs(add)
		err = t.recorder.Line(context.WithoutCancel(ctx), r.Time, r.Level, r.Message, attrs)
	}
	if !t.next.Enabled(ctx, r.Level) {
		return err
	}
	return errors.Join(err, t.next.Handle(ctx, r))
}

// WithAttrs returns a tee that adds attrs to each line.
func (t *tee) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &tee{next: t.next.WithAttrs(attrs), recorder: t.recorder, attrs: append(slices.Clone(t.attrs), attrs...)}
}

// WithGroup returns a tee whose stderr side groups what follows.
func (t *tee) WithGroup(name string) slog.Handler {
	return &tee{next: t.next.WithGroup(name), recorder: t.recorder, attrs: t.attrs}
}
