package secrets_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"spillway/syncer/secrets"
)

const canary = "canary-9f2c"

// holder is how secrets lie in settings: directly, behind an interface, in a map, in a list, and unexported.
type holder struct {
	Direct secrets.Secret
	Behind interface {
		Reveal(context.Context) (string, error)
	}
	Pointer *secrets.Secret
	Map     map[string]secrets.Secret
	List    []secrets.Secret
	hidden  secrets.Secret
}

func newHolder(t *testing.T) holder {
	t.Helper()
	s := secrets.Literal(canary)
	if got, err := s.Reveal(t.Context()); err != nil || got != canary { // so that the value is held, not only its place
		t.Fatalf("Reveal() = %q, %v", got, err)
	}
	return holder{s, s, &s, map[string]secrets.Secret{"a": s}, []secrets.Secret{s}, s}
}

func TestNoRenderingShowsASecret(t *testing.T) {
	t.Parallel()
	h := newHolder(t)
	renderings := map[string]func() string{
		"String":        func() string { return h.Direct.String() },
		"GoString":      func() string { return h.Direct.GoString() },
		"an error":      func() string { return fmt.Errorf("with %w and %v", errors.New("x"), h).Error() },
		"a panic":       func() string { return recovered(h) },
		"JSON":          func() string { return jsonOf(t, h) },
		"JSON of a map": func() string { return jsonOf(t, map[string]any{"s": h.Direct}) },
		"text":          func() string { b, err := h.Direct.MarshalText(); return fmt.Sprint(string(b), err) },
		"slog text": func() string {
			return logged(h, func(w *bytes.Buffer) slog.Handler { return slog.NewTextHandler(w, nil) })
		},
		"slog JSON": func() string {
			return logged(h, func(w *bytes.Buffer) slog.Handler { return slog.NewJSONHandler(w, nil) })
		},
		"slog of a field": func() string { return loggedValue(h.Direct) },
	}
	for _, verb := range "vTtbcdoOqxXUeEfFgGsp" {
		for _, flags := range []string{"", "+", "#", "-20", "020", ".2"} {
			format := "%" + flags + string(verb)
			renderings[format] = func() string { return fmt.Sprintf(format+format+format, h, h.Direct, h.Behind) }
		}
	}
	for name, render := range renderings {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text := render()
			for _, form := range []string{canary, hex.EncodeToString([]byte(canary)), fmt.Sprintf("%X", canary), fmt.Sprintf("%d", []byte(canary))} {
				if strings.Contains(text, form) {
					t.Errorf("the secret is shown: %s", text)
				}
			}
		})
	}
}

func recovered(h holder) (text string) {
	defer func() { text = fmt.Sprint(recover()) }()
	panic(h)
}

func jsonOf(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func logged(h holder, handler func(*bytes.Buffer) slog.Handler) string {
	var b bytes.Buffer
	log := slog.New(handler(&b))
	log.Info("opened", "holder", h, "secret", h.Direct, "behind", h.Behind, "map", h.Map, "hidden", h.hidden)
	return b.String()
}

func loggedValue(s secrets.Secret) string { return s.LogValue().String() }

func TestARenderingSaysThatSomethingIsHidden(t *testing.T) {
	t.Parallel()
	s := secrets.Literal(canary)
	want := []string{"•••", "•••", "•••", "•••", `"•••"`}
	got := []string{s.String(), fmt.Sprintf("%#v", s), fmt.Sprintf("%d", s), loggedValue(s), jsonOf(t, s)}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("renderings (-want +got):\n%s", diff)
	}
}

func TestTheZeroSecretIsNotSet(t *testing.T) {
	t.Parallel()
	var s secrets.Secret
	if s.IsSet() || s.Origin() != "nowhere" || s.String() != "•••" {
		t.Errorf("the zero secret is set: %s", s.Origin())
	}
	if value, err := s.Reveal(t.Context()); err == nil || value != "" {
		t.Errorf("Reveal() = %q, %v", value, err)
	}
}

func TestASecretIsLookedUpAgainAfterFiveMinutes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var looks atomic.Int64
		s := secrets.Look("a test", func(context.Context) (string, error) {
			return fmt.Sprint("value ", looks.Add(1)), nil
		})
		reveal := func(want string) {
			t.Helper()
			if got, err := s.Reveal(t.Context()); err != nil || got != want {
				t.Errorf("after %d looks: Reveal() = %q, %v; want %q", looks.Load(), got, err, want)
			}
		}
		reveal("value 1")
		<-time.After(5*time.Minute - time.Nanosecond)
		reveal("value 1")
		<-time.After(time.Nanosecond)
		reveal("value 2")
		copied := s
		if got, err := copied.Reveal(t.Context()); err != nil || got != "value 2" {
			t.Errorf("a copy looked again: %q, %v", got, err)
		}
	})
}

func TestAFailureIsNotKept(t *testing.T) {
	t.Parallel()
	failures := 2
	s := secrets.Look("a test", func(context.Context) (string, error) {
		if failures--; failures >= 0 {
			return "", errors.New("not yet")
		}
		return "value", nil
	})
	for range 2 {
		if _, err := s.Reveal(t.Context()); err == nil || err.Error() != "a test: not yet" {
			t.Errorf("the error is %v", err)
		}
	}
	if got, err := s.Reveal(t.Context()); err != nil || got != "value" {
		t.Errorf("Reveal() = %q, %v", got, err)
	}
}

func TestManyCallersLookOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var looks atomic.Int64
		s := secrets.Look("a test", func(context.Context) (string, error) {
			looks.Add(1)
			<-time.After(time.Second)
			return "value", nil
		})
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() {
				if got, err := s.Reveal(t.Context()); err != nil || got != "value" {
					t.Errorf("Reveal() = %q, %v", got, err)
				}
			})
		}
		wg.Wait()
		if looks.Load() != 1 {
			t.Errorf("it was looked up %d times", looks.Load())
		}
	})
}

func TestACallerThatGivesUpDoesNotWaitForAnother(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := secrets.Look("a test", func(ctx context.Context) (string, error) {
			<-time.After(time.Minute)
			return "value", ctx.Err()
		})
		var wg sync.WaitGroup
		wg.Go(func() {
			if got, err := s.Reveal(t.Context()); err != nil || got != "value" {
				t.Errorf("the first caller: %q, %v", got, err)
			}
		})
		synctest.Wait()
		started := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := s.Reveal(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the error is %v", err)
		}
		if waited := time.Since(started); waited != time.Second {
			t.Errorf("it waited %s", waited)
		}
		wg.Wait()
	})
}
