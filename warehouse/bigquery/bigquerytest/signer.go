//go:build !noduckdb

package bigquerytest

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// signer is the one service account, and what knows its signature.
type signer struct {
	key *rsa.PrivateKey

	mu     sync.Mutex
	issued map[string]bool
	given  int
}

// account is the service account's name.
const account = "reader@stand-in.iam.gserviceaccount.com"

func newSigner(t testing.TB) *signer {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return &signer{key: key, issued: map[string]bool{}}
}

// Credentials returns the JSON text of the service account's key. Its tokens come from this server.
func (s *Server) Credentials(t testing.TB) string {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(s.signer.key)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(map[string]string{
		"type": "service_account", "project_id": Project, "private_key_id": "1", "client_email": account, "client_id": "1",
		"private_key": string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})), "token_uri": s.URL + "/token",
	})
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// Tokens is how many tokens were given out.
func (s *Server) Tokens() int {
	s.signer.mu.Lock()
	defer s.signer.mu.Unlock()
	return s.signer.given
}

// Revoke makes all tokens void that were given out.
func (s *Server) Revoke() {
	s.signer.mu.Lock()
	defer s.signer.mu.Unlock()
	clear(s.signer.issued)
}

// token gives out a token for a claim that the service account signed.
func (s *Server) token(w http.ResponseWriter, r *http.Request) {
	if e := s.refuse(Token); e != nil {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(e.Status)
		_ = json.NewEncoder(w).Encode(map[string]string{"error": e.Reason, "error_description": e.Message})
		return
	}
	if r.FormValue("grant_type") != "urn:ietf:params:oauth:grant-type:jwt-bearer" || !s.signer.signed(r.FormValue("assertion")) {
		w.WriteHeader(http.StatusBadRequest)
		reply(w, map[string]string{"error": "invalid_grant", "error_description": "Invalid JWT Signature."})
		return
	}
	token := rand.Text()
	s.signer.mu.Lock()
	s.signer.issued[token] = true
	s.signer.given++
	s.signer.mu.Unlock()
	reply(w, map[string]any{"access_token": token, "expires_in": 3600, "token_type": "Bearer"})
}

// authorized reports whether a request shows a token that was given out, or one that the account signed itself.
func (s *signer) authorized(r *http.Request) bool {
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	s.mu.Lock()
	known := s.issued[token]
	s.mu.Unlock()
	return ok && (known || s.signed(token))
}

// signed reports whether text is a JSON web token of the account that still holds.
func (s *signer) signed(text string) bool {
	parts := strings.Split(text, ".")
	if len(parts) != 3 {
		return false
	}
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil {
		return false
	}
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	if rsa.VerifyPKCS1v15(&s.key.PublicKey, crypto.SHA256, sum[:], signature) != nil {
		return false
	}
	body, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return false
	}
	var claims struct {
		Issuer  string `json:"iss"`
		Expires int64  `json:"exp"`
	}
	return json.Unmarshal(body, &claims) == nil && claims.Issuer == account && time.Unix(claims.Expires, 0).After(time.Now())
}
