package access

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"sync"
	"time"

	"github.com/gofrs/flock"
)

// FileName is the name of the tokens' file in the state directory.
const FileName = "api-tokens.json"

// What can be wrong with a token or its name. Errors wrap these.
var (
	ErrUnknown = errors.New("the token is not known, was revoked or has expired")
	ErrExists  = errors.New("a token of this name exists")
	ErrNoToken = errors.New("there is no token of this name")
)

const (
	prefix      = "spw_" // by which a token is found where it should not be
	secretBytes = 32     // of chance in a token
	usedEvery   = time.Hour
)

// Token is what is known of a token: all but itself.
type Token struct {
	Name     string     `json:"name"`
	Scopes   []Scope    `json:"scopes"`
	Created  time.Time  `json:"created"`
	Expires  *time.Time `json:"expires"`   // nil: never
	LastUsed *time.Time `json:"last_used"` // to the hour; nil: not yet
	SHA256   string     `json:"sha256"`
}

// Valid reports whether the token has not expired.
func (t *Token) Valid(now time.Time) bool { return t.Expires == nil || now.Before(*t.Expires) }

// Tokens are those of a project. Other processes may change them at the same time.
type Tokens struct {
	file string

	mu     sync.Mutex
	seen   os.FileInfo // the file that known was read from; nil where there was none
	read   bool
	known  []Token
	secret string // the hash of the one that the command on this machine uses; empty: there is none
}

// Open returns the tokens that are kept in the state directory dir, which must exist when one is made.
func Open(dir string) *Tokens { return &Tokens{file: filepath.Join(dir, FileName)} }

// tokenName is what a token may be called: its name stands in logs and headings.
var tokenName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// Create makes a token and returns it. It is not kept, only its hash, so that it can be shown this once. expires is
// zero for one that never does.
func (t *Tokens) Create(ctx context.Context, name string, scopes []Scope, now, expires time.Time) (string, error) {
	if !tokenName.MatchString(name) || name == Anyone || name == CLI {
		return "", fmt.Errorf("%q cannot be a token's name: it has at most 64 letters, digits, dots, hyphens and underscores, and is not %s or %s", name, Anyone, CLI)
	}
	if len(scopes) == 0 {
		return "", errors.New("a token needs a scope: read, run or approve")
	}
	token, err := newSecret()
	if err != nil {
		return "", err
	}
	entry := Token{Name: name, Scopes: scopes, Created: now.UTC().Truncate(time.Second), SHA256: hash(token)}
	if !expires.IsZero() {
		end := expires.UTC().Truncate(time.Second)
		entry.Expires = &end
	}
	err = t.change(ctx, func(all []Token) ([]Token, error) {
		if slices.ContainsFunc(all, func(other Token) bool { return other.Name == name }) {
			return nil, fmt.Errorf("%w: %s; revoke it first, or take another name", ErrExists, name)
		}
		return append(all, entry), nil
	})
	return token, err
}

// Revoke ends the token called name.
func (t *Tokens) Revoke(ctx context.Context, name string) error {
	return t.change(ctx, func(all []Token) ([]Token, error) {
		at := slices.IndexFunc(all, func(other Token) bool { return other.Name == name })
		if at < 0 {
			return nil, fmt.Errorf("%w: %s; spillway token list shows those there are", ErrNoToken, name)
		}
		return slices.Delete(all, at, at+1), nil
	})
}

// List returns all tokens, the expired ones too, in the order in which they were made.
func (t *Tokens) List() ([]Token, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.load(); err != nil {
		return nil, err
	}
	return slices.Clone(t.known), nil
}

// Find returns who presents a token. Its error wraps ErrUnknown when nobody may.
func (t *Tokens) Find(ctx context.Context, presented string, now time.Time) (Identity, error) {
	sum := hash(presented)
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.secret != "" && same(sum, t.secret) {
		return Everything(CLI), nil
	}
	if err := t.load(); err != nil {
		return Identity{}, err
	}
	found := -1
	for i := range t.known { // all of them, so that the time tells nothing
		if same(sum, t.known[i].SHA256) {
			found = i
		}
	}
	if found < 0 || !t.known[found].Valid(now) {
		return Identity{}, ErrUnknown
	}
	token := t.known[found]
	if token.LastUsed == nil || now.Sub(*token.LastUsed) >= usedEvery {
		t.noteUse(ctx, token.Name, now)
	}
	return Identity{Name: token.Name, Scopes: token.Scopes}, nil
}

// Still returns what a token that was presented before may do now.
func (t *Tokens) Still(name string, now time.Time) (Identity, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.load(); err != nil {
		return Identity{}, err
	}
	for i := range t.known {
		if t.known[i].Name == name && t.known[i].Valid(now) {
			return Identity{Name: name, Scopes: t.known[i].Scopes}, nil
		}
	}
	return Identity{}, ErrUnknown
}

// Usable reports whether there is a token that has not expired.
func (t *Tokens) Usable(now time.Time) (bool, error) {
	all, err := t.List()
	return slices.ContainsFunc(all, func(token Token) bool { return token.Valid(now) }), err
}

// LocalSecret makes the token of the command on this machine, which lives as long as this process does.
func (t *Tokens) LocalSecret() (string, error) {
	secret, err := newSecret()
	if err != nil {
		return "", err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.secret = hash(secret)
	return secret, nil
}

// load reads the file again if another process changed it. The lock is held.
func (t *Tokens) load() error {
	info, err := os.Stat(t.file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		t.known, t.seen, t.read = nil, nil, true
		return nil
	case err != nil:
		return fmt.Errorf("read the tokens: %w", err)
	case info.Mode().Perm()&0o077 != 0:
		return fmt.Errorf("the tokens %s are open to others (mode %#o): chmod 600 %s", t.file, info.Mode().Perm(), t.file)
	case t.read && t.seen != nil && os.SameFile(info, t.seen) && info.ModTime().Equal(t.seen.ModTime()) && info.Size() == t.seen.Size():
		return nil
	}
	text, err := os.ReadFile(t.file)
	var document struct {
		Tokens []Token `json:"tokens"`
	}
	if err == nil {
		err = json.Unmarshal(text, &document)
	}
	if err != nil {
		return fmt.Errorf("read the tokens %s: %w", t.file, err)
	}
	t.known, t.seen, t.read = document.Tokens, info, true
	return nil
}

// change replaces the file as a whole, while no other process does.
func (t *Tokens) change(ctx context.Context, edit func([]Token) ([]Token, error)) (err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.changeLocked(ctx, edit)
}

func (t *Tokens) changeLocked(ctx context.Context, edit func([]Token) ([]Token, error)) (err error) {
	lock := flock.New(t.file+".lock", flock.SetPermissions(0o600))
	if _, err := lock.TryLockContext(ctx, 20*time.Millisecond); err != nil {
		return fmt.Errorf("lock the tokens: %w", err)
	}
	defer func() { err = errors.Join(err, lock.Unlock()) }()
	t.read = false
	if err := t.load(); err != nil {
		return err
	}
	all, err := edit(slices.Clone(t.known))
	if err != nil {
		return err
	}
	if all == nil {
		all = []Token{}
	}
	text, err := json.MarshalIndent(map[string]any{"tokens": all}, "", "  ")
	if err == nil {
		err = replace(t.file, append(text, '\n'))
	}
	if err != nil {
		return fmt.Errorf("write the tokens: %w", err)
	}
	t.read = false
	return t.load()
}

// noteUse keeps when a token was used. That it could not be kept is no reason to refuse the token.
func (t *Tokens) noteUse(ctx context.Context, name string, now time.Time) {
	used := now.UTC().Truncate(time.Second)
	_ = t.changeLocked(ctx, func(all []Token) ([]Token, error) {
		for i := range all {
			if all[i].Name == name {
				all[i].LastUsed = &used
			}
		}
		return all, nil
	})
}

// replace writes a file of which others see the old content or the new, never a part.
func replace(file string, content []byte) error {
	temporary, err := os.CreateTemp(filepath.Dir(file), filepath.Base(file)+"-*") // with mode 0600
	if err != nil {
		return err
	}
	_, err = temporary.Write(content)
	err = errors.Join(err, temporary.Sync(), temporary.Close())
	if err == nil {
		err = os.Rename(temporary.Name(), file)
	}
	if err != nil {
		return errors.Join(err, os.Remove(temporary.Name()))
	}
	return nil
}

func newSecret() (string, error) {
	chance := make([]byte, secretBytes)
	if _, err := rand.Read(chance); err != nil {
		return "", fmt.Errorf("make a token: %w", err)
	}
	return prefix + base64.RawURLEncoding.EncodeToString(chance), nil
}

func hash(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }
