package access_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"spillway/cmd/spillway/web/access"
)

var day = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

func TestScopes(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"read": "read", "run": "read run", "approve": "read approve", "approve,run": "read run approve", " read , run ": "read run",
	} {
		scopes, err := access.ParseScopes(text)
		if err != nil {
			t.Errorf("%q: %v", text, err)
		}
		var may []string
		for _, scope := range []access.Scope{access.Read, access.Run, access.Approve} {
			if (access.Identity{Scopes: scopes}).May(scope) {
				may = append(may, scope.String())
			}
		}
		if got := strings.Join(may, " "); got != want {
			t.Errorf("%q may %s, want %s", text, got, want)
		}
	}
	for _, text := range []string{"", "public", "admin", "read,", "READ", "raed"} {
		if scopes, err := access.ParseScopes(text); err == nil {
			t.Errorf("%q: %v", text, scopes)
		}
	}
	nobody := access.Identity{}
	if !nobody.May(access.Public) || nobody.May(access.Read) || access.Everything("x").May(0) {
		t.Error("nobody may read, or somebody may what has no scope")
	}
}

func TestTokens(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	tokens := access.Open(dir)
	if some, err := tokens.Usable(day); some || err != nil {
		t.Fatalf("%v, %v", some, err)
	}
	make := func(name string, expires time.Time) string {
		t.Helper()
		token, err := tokens.Create(t.Context(), name, []access.Scope{access.Read}, day, expires)
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	forever, short := make("airflow", time.Time{}), make("short", day.Add(time.Hour))
	if forever == short || len(forever) < 47 || !strings.HasPrefix(forever, "spw_") {
		t.Errorf("%s, %s", forever, short)
	}
	file := filepath.Join(dir, access.FileName)
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), forever) || strings.Contains(string(text), strings.TrimPrefix(short, "spw_")) {
		t.Error("a token stands in its file")
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	other := access.Open(dir) // another process
	if who, err := other.Find(t.Context(), forever, day); err != nil || who.Name != "airflow" || !who.May(access.Read) || who.May(access.Run) {
		t.Errorf("%+v, %v", who, err)
	}
	if list, err := tokens.List(); err != nil || len(list) != 2 || list[0].LastUsed == nil || !list[0].LastUsed.Equal(day) || list[1].LastUsed != nil {
		t.Errorf("%+v, %v", list, err)
	}
	for name, presented := range map[string]string{"none": "", "a hash": string(text), "a part": forever[:20], "another": forever + "x"} {
		if _, err := other.Find(t.Context(), presented, day); !errors.Is(err, access.ErrUnknown) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := other.Find(t.Context(), short, day.Add(time.Hour)); !errors.Is(err, access.ErrUnknown) {
		t.Errorf("an expired one: %v", err)
	}
	if _, err := tokens.Create(t.Context(), "airflow", []access.Scope{access.Run}, day, time.Time{}); !errors.Is(err, access.ErrExists) {
		t.Errorf("a second one of the name: %v", err)
	}
	for _, name := range []string{"", "cli", "local", "a b", "-x", strings.Repeat("x", 65), "a\nb"} {
		if _, err := tokens.Create(t.Context(), name, []access.Scope{access.Read}, day, time.Time{}); err == nil {
			t.Errorf("the name %q was taken", name)
		}
	}
	if err := tokens.Revoke(t.Context(), "airflow"); err != nil {
		t.Fatal(err)
	}
	if _, err := other.Find(t.Context(), forever, day); !errors.Is(err, access.ErrUnknown) {
		t.Errorf("a revoked one: %v", err)
	}
	if err := tokens.Revoke(t.Context(), "airflow"); !errors.Is(err, access.ErrNoToken) {
		t.Errorf("revoked twice: %v", err)
	}
	if some, err := tokens.Usable(day.Add(time.Hour)); some || err != nil {
		t.Errorf("an expired one is usable: %v, %v", some, err)
	}
}

func TestAFileOfTokensThatOthersCanReadIsRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, access.FileName), []byte(`{"tokens":[]}`), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := access.Open(dir).List(); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Error(err)
	}
}

func TestTokensAreMadeAtTheSameTime(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var all sync.WaitGroup
	for name := range strings.SplitSeq("abcdefghij", "") {
		all.Go(func() {
			if _, err := access.Open(dir).Create(t.Context(), name, []access.Scope{access.Read}, day, time.Time{}); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if list, err := access.Open(dir).List(); err != nil || len(list) != 10 {
		t.Errorf("%d tokens, %v", len(list), err)
	}
}

func TestTheLocalSecretMayDoEverythingAndIsNotKept(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	tokens := access.Open(dir)
	secret, err := tokens.LocalSecret()
	if err != nil {
		t.Fatal(err)
	}
	if who, err := tokens.Find(t.Context(), secret, day); err != nil || who.Name != access.CLI || !who.May(access.Approve) {
		t.Errorf("%+v, %v", who, err)
	}
	if _, err := access.Open(dir).Find(t.Context(), secret, day); !errors.Is(err, access.ErrUnknown) {
		t.Errorf("another process: %v", err)
	}
	if _, err := tokens.Find(t.Context(), "", day); !errors.Is(err, access.ErrUnknown) {
		t.Errorf("no token: %v", err)
	}
}

func TestASessionEndsWithItsToken(t *testing.T) {
	t.Parallel()
	tokens := access.Open(t.TempDir())
	begin := func(name string) (*access.Sessions, string) {
		t.Helper()
		token, err := tokens.Create(t.Context(), name, []access.Scope{access.Run}, day, time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		who, err := tokens.Find(t.Context(), token, day)
		if err != nil {
			t.Fatal(err)
		}
		sessions := access.NewSessions(tokens)
		cookie, expires, err := sessions.Begin(who, day)
		if err != nil || !expires.Equal(day.Add(12*time.Hour)) {
			t.Fatalf("%v, %v", expires, err)
		}
		if who, err := sessions.Find(cookie, day.Add(11*time.Hour)); err != nil || who.Name != name || !who.May(access.Run) {
			t.Errorf("%+v, %v", who, err)
		}
		return sessions, cookie
	}
	for name, end := range map[string]func(*access.Sessions, string) error{
		"later":   func(*access.Sessions, string) error { return nil },
		"revoked": func(*access.Sessions, string) error { return tokens.Revoke(t.Context(), "revoked") },
		"logout":  func(s *access.Sessions, cookie string) error { s.End(cookie); return nil },
	} {
		sessions, cookie := begin(name)
		if err := end(sessions, cookie); err != nil {
			t.Fatal(err)
		}
		now := day.Add(time.Minute)
		if name == "later" {
			now = day.Add(12 * time.Hour)
		}
		if _, err := sessions.Find(cookie, now); !errors.Is(err, access.ErrUnknown) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := sessions.Find("spw_guess", day); !errors.Is(err, access.ErrUnknown) {
			t.Errorf("a guess: %v", err)
		}
	}
}

func TestTheThrottleStaysSmall(t *testing.T) {
	t.Parallel()
	throttle := access.NewThrottle()
	now, allowed := day, 0
	for i := range 50_000 {
		now = now.Add(time.Millisecond)
		if _, ok := throttle.Allow(time.Duration(i).String(), now); ok {
			allowed++
		}
	}
	if allowed < 100 || allowed > 190 { // 100 at once, and 100 a minute for 50 s
		t.Errorf("%d tries were allowed", allowed)
	}
	if wait, ok := throttle.Allow("x", now); ok || wait <= 0 || wait > time.Minute {
		t.Errorf("%v, %v", wait, ok)
	}
}
