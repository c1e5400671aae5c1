package httpapi_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"spillway/destinations"
	"spillway/destinations/destinationtest"
	"spillway/destinations/httpapi"
)

// issuer is a service with a token endpoint. Its refresh tokens can be used once.
type issuer struct {
	mu      sync.Mutex
	lasts   time.Duration // of an access token; the answer does not say so where it is 0
	given   []url.Values  // the forms of the exchanges
	refresh string        // the one refresh token that it takes
	access  string        // the one access token that it takes, until end
	end     time.Time
}

const firstRefresh = destinationtest.Secret("refresh-token-0")

func newIssuer(lasts time.Duration) *issuer {
	return &issuer{lasts: lasts, refresh: string(firstRefresh)}
}

func (i *issuer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if r.URL.Path != "/oauth/token" {
		if r.Header.Get("Authorization") != "Bearer "+i.access || i.lasts > 0 && !time.Now().Before(i.end) {
			w.WriteHeader(401)
		}
		return
	}
	if err := r.ParseForm(); err != nil {
		w.WriteHeader(400)
		return
	}
	i.given = append(i.given, r.PostForm)
	w.Header().Set("Content-Type", "application/json")
	if r.PostForm.Get("grant_type") == "refresh_token" && r.PostForm.Get("refresh_token") != i.refresh {
		w.WriteHeader(400)
		fmt.Fprint(w, `{"error":"invalid_grant","error_description":"unknown token `+r.PostForm.Get("refresh_token")+`"}`)
		return
	}
	n := len(i.given)
	i.access, i.refresh, i.end = fmt.Sprintf("access-token-%d", n), fmt.Sprintf("refresh-token-%d", n), time.Now().Add(i.lasts)
	answer := map[string]any{"access_token": i.access, "token_type": "bearer", "refresh_token": i.refresh}
	if i.lasts > 0 {
		answer["expires_in"] = int(i.lasts.Seconds())
	}
	_ = json.NewEncoder(w).Encode(answer)
}

func (i *issuer) exchanges() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return len(i.given)
}

func refreshing(w http.RoundTripper, file string) httpapi.Grant {
	return httpapi.Grant{
		TokenURL: "https://login.example.com/oauth/token", ClientID: "our-client", ClientSecret: destinationtest.Secret("client-secret-1"),
		RefreshToken: firstRefresh, File: file, Transport: w,
	}
}

func oauth(g httpapi.Grant) func(*httpapi.API) {
	return func(a *httpapi.API) { a.Auth = httpapi.OAuth(g) }
}

// all sends n requests at once and wants them done.
func all(t *testing.T, c *httpapi.Client, n int) {
	t.Helper()
	var group sync.WaitGroup
	for range n {
		group.Go(func() {
			if _, err := c.Do(t.Context(), post(2)); err != nil {
				t.Errorf("do: %v", err)
			}
		})
	}
	group.Wait()
}

func TestAnAccessTokenIsGotOnceForAllRequestsAndReplacedAheadOfItsEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		service := newIssuer(30 * time.Minute)
		w := destinationtest.NewWire(service)
		c := client(t, w, oauth(refreshing(w, filepath.Join(t.TempDir(), "tokens", "crm.json"))))
		all(t, c, 20)
		if n := service.exchanges(); n != 1 {
			t.Errorf("%d exchanges for 20 requests at once, want 1", n)
		}
		<-time.After(26 * time.Minute)
		all(t, c, 20)
		<-time.After(2 * time.Minute)
		all(t, c, 20)
		if n := service.exchanges(); n != 2 {
			t.Errorf("%d exchanges, want a second one ahead of the first token's end", n)
		}
		for _, call := range w.Calls() {
			if call.Host == "api.example.com" && call.Header.Get("Authorization") == "Bearer " {
				t.Error("a request had no token")
			}
		}
		if refused := len(w.Calls()) - 60 - 2; refused != 0 {
			t.Errorf("%d requests more than the records and the exchanges took", refused)
		}
	})
}

func TestATokenThatIsRefusedIsReplacedOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		service := newIssuer(0)
		w := destinationtest.NewWire(service)
		c := client(t, w, oauth(refreshing(w, "")))
		all(t, c, 1)
		service.mu.Lock()
		service.access = "withdrawn"
		service.mu.Unlock()
		all(t, c, 10)
		if n := service.exchanges(); n != 2 {
			t.Errorf("%d exchanges, want 2", n)
		}
	})
}

func TestTheRefreshTokenThatWasGivenLastIsKept(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "tokens", "crm.json")
	service := newIssuer(30 * time.Minute)
	run := func(what string, exchanges int) {
		synctest.Test(t, func(t *testing.T) {
			w := destinationtest.NewWire(service)
			all(t, client(t, w, oauth(refreshing(w, file))), 3)
			if n := service.exchanges(); n != exchanges {
				t.Errorf("%s: %d exchanges, want %d", what, n, exchanges)
			}
			if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("%s: %v, %v", what, info, err)
			}
		})
	}
	run("the first process exchanges the configured token", 1)
	run("the second one uses what the first one kept", 1)
	synctest.Test(t, func(t *testing.T) {
		<-time.After(time.Hour)
		w := destinationtest.NewWire(service)
		all(t, client(t, w, oauth(refreshing(w, file))), 3)
		if diff := cmp.Diff("refresh-token-1", service.given[1].Get("refresh_token")); diff != "" {
			t.Errorf("the third exchanges the token that was given last (-want +got):\n%s", diff)
		}
	})
}

func TestATokenIsKeptBeforeItIsUsed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "crm.json")
		service := newIssuer(30 * time.Minute)
		w := destinationtest.NewWire(service)
		w.Spoil(func(_ int, r *http.Request) destinationtest.Fault {
			if r.URL.Host != "api.example.com" {
				return nil
			}
			text, err := os.ReadFile(file)
			if err != nil || !strings.Contains(string(text), strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")) {
				t.Errorf("a request left with a token that is not kept: %v", err)
			}
			return nil
		})
		all(t, client(t, w, oauth(refreshing(w, file))), 3)
	})
}

func TestATokenOfOtherSettingsIsNotUsed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "crm.json")
		service := newIssuer(30 * time.Minute)
		w := destinationtest.NewWire(service)
		all(t, client(t, w, oauth(refreshing(w, file))), 1)
		service.refresh = "authorized-anew"
		g := refreshing(w, file)
		g.RefreshToken = destinationtest.Secret("authorized-anew")
		all(t, client(t, w, oauth(g)), 1)
		if got := service.given[1].Get("refresh_token"); got != "authorized-anew" {
			t.Errorf("the second exchange was of %s", got)
		}
	})
}

// exchangeRests is longer than the failure of an exchange stands, and shorter than refused credentials do.
const exchangeRests = 15 * time.Second

func TestExchangesThatFail(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name      string
		fault     destinationtest.Fault
		kind      error
		class     httpapi.Class
		exchanges int // at most, by eight requests at once
		words     string
	}{
		{"the grant is refused", destinationtest.Reply(400, `{"error":"invalid_grant","error_description":"refresh-token-0 was withdrawn"}`), destinations.ErrAuth, httpapi.Denied, 2, "invalid_grant"},
		{"the client is refused", destinationtest.Reply(401, `{"error":"invalid_client","error_description":"client-secret-1?"}`), destinations.ErrAuth, httpapi.Denied, 2, "invalid_client"},
		{"the endpoint is out of order", destinationtest.Reply(503, `refresh-token-0`), nil, httpapi.Later, 9, "503"},
		{"the endpoint cannot be reached", destinationtest.Unreachable(), destinations.ErrUnreachable, httpapi.Unsent, 9, "token endpoint"},
		{"the endpoint is elsewhere", destinationtest.Reply(302, "", "Location", "https://other.example.com/?t=refresh-token-0"), destinations.ErrConfig, httpapi.Unfit, 8, "302"},
		{"the answer is no token", destinationtest.Reply(200, `{"ok":true}`, "Content-Type", "application/json"), destinations.ErrConfig, httpapi.Unfit, 8, "access"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := destinationtest.NewWire(newIssuer(time.Hour))
				w.SpoilAll(test.fault)
				c := client(t, w, oauth(refreshing(w, "")))
				var group sync.WaitGroup
				for range 8 {
					group.Go(func() {
						_, err := c.Do(t.Context(), post(1))
						p := problem(t, err)
						if p.Class != test.class || test.kind != nil && !errors.Is(err, test.kind) || !strings.Contains(err.Error(), test.words) {
							t.Errorf("class %d: %v", p.Class, err)
						}
						for _, secret := range []string{string(firstRefresh), "client-secret-1"} {
							if strings.Contains(err.Error()+p.Reason, secret) {
								t.Errorf("the error shows a secret: %v", err)
							}
						}
					})
				}
				group.Wait()
				if n := len(w.Calls()); n > test.exchanges {
					t.Errorf("%d exchanges, want at most %d", n, test.exchanges)
				}
				before := len(w.Calls())
				<-time.After(exchangeRests)
				_, err := c.Do(t.Context(), post(1))
				if more := len(w.Calls()) > before; err == nil || more == errors.Is(err, destinations.ErrAuth) {
					t.Errorf("after %s: %d exchanges more, %v", exchangeRests, len(w.Calls())-before, err)
				}
			})
		})
	}
}

func TestATokenIsUsedUpToItsEndWhileItCannotBeReplaced(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := destinationtest.NewWire(newIssuer(30 * time.Minute))
		c := client(t, w, oauth(refreshing(w, "")))
		all(t, c, 1)
		w.Spoil(func(_ int, r *http.Request) destinationtest.Fault {
			if r.URL.Host == "login.example.com" {
				return destinationtest.Reply(500, "")
			}
			return nil
		})
		<-time.After(28 * time.Minute)
		all(t, c, 5)
		<-time.After(3 * time.Minute)
		if _, err := c.Do(t.Context(), post(1)); err == nil {
			t.Error("a request was sent with a token that had ended")
		}
	})
}

func TestAnExchangeThatBeganIsFinished(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "crm.json")
		w := destinationtest.NewWire(newIssuer(30 * time.Minute))
		w.SpoilFirst(1, destinationtest.Slow(3*time.Second, nil))
		c := client(t, w, oauth(refreshing(w, file)))
		ctx, cancel := contextFor(t, time.Second)
		defer cancel()
		if _, err := c.Do(ctx, post(1)); err == nil {
			t.Error("a request was done though it was cancelled")
		}
		if text, err := os.ReadFile(file); err != nil || !strings.Contains(string(text), "refresh-token-1") {
			t.Errorf("the refresh token that was given is lost: %s, %v", text, err)
		}
	})
}

func TestClientsOwnGrant(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		service := newIssuer(time.Hour)
		w := destinationtest.NewWire(service)
		all(t, client(t, w, oauth(httpapi.Grant{
			TokenURL: "https://login.example.com/oauth/token", ClientID: "our-client", ClientSecret: destinationtest.Secret("client-secret-1"),
			Scopes: []string{"a", "b"}, Params: url.Values{"audience": {"crm"}}, Transport: w,
		})), 2)
		want := []url.Values{{
			"grant_type": {"client_credentials"}, "client_id": {"our-client"}, "client_secret": {"client-secret-1"}, "scope": {"a b"}, "audience": {"crm"},
		}}
		if diff := cmp.Diff(want, service.given); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

func TestSignedAssertion(t *testing.T) {
	t.Parallel()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	block := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
	synctest.Test(t, func(t *testing.T) {
		service := newIssuer(0)
		w := destinationtest.NewWire(service)
		all(t, client(t, w, oauth(httpapi.Grant{
			TokenURL: "https://login.example.com/oauth/token", ClientID: "our-client", Subject: "ada@example.com", Audience: "https://login.example.com",
			Key: destinationtest.Secret(block), Lifetime: time.Hour, Transport: w,
		})), 2)
		form := service.given[0]
		parts := strings.Split(form.Get("assertion"), ".")
		if form.Get("grant_type") != "urn:ietf:params:oauth:grant-type:jwt-bearer" || len(parts) != 3 {
			t.Fatalf("the form is %v", form)
		}
		text, err := base64.RawURLEncoding.DecodeString(parts[1])
		if err != nil {
			t.Fatal(err)
		}
		var claims struct {
			Iss, Sub, Aud string
			Exp, Iat      int64
		}
		if err := json.Unmarshal(text, &claims); err != nil {
			t.Fatal(err)
		}
		if claims.Iss != "our-client" || claims.Sub != "ada@example.com" || claims.Aud != "https://login.example.com" || claims.Exp-time.Now().Unix() > 180 {
			t.Errorf("the claims are %s", text)
		}
		<-time.After(time.Hour)
		all(t, client(t, w, oauth(httpapi.Grant{TokenURL: "https://login.example.com/oauth/token", ClientID: "x", ClientSecret: secret, Transport: w})), 1)
	})
}
