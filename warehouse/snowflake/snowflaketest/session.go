//go:build !noduckdb

package snowflaketest

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"strings"

	duck "github.com/duckdb/duckdb-go-bindings"
	"github.com/golang-jwt/jwt/v5"
)

// Login is a request to log in, whether it was granted or not.
type Login struct {
	Account       string
	User          string
	Authenticator string
	Role          string
	Warehouse     string
	Database      string
	Schema        string
	Application   string
	Parameters    map[string]string // of the session, by their names in upper case
	Environment   map[string]any    // what the driver tells of its machine
}

// Logins returns the requests to log in, in their order.
func (s *Server) Logins() []Login {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Login(nil), s.logins...)
}

// session is what a user who has logged in has.
type session struct {
	id         int
	token      string
	master     string
	parameters map[string]string // guarded by the server's mutex, as the transaction is

	transaction *duck.Connection // nil where none is open
}

type credentials struct {
	Account       string         `json:"ACCOUNT_NAME"`
	User          string         `json:"LOGIN_NAME"`
	Password      string         `json:"PASSWORD"`
	Authenticator string         `json:"AUTHENTICATOR"`
	Token         string         `json:"TOKEN"`
	Parameters    map[string]any `json:"SESSION_PARAMETERS"`
	Environment   map[string]any `json:"CLIENT_ENVIRONMENT"`
}

func (s *Server) login(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Data credentials `json:"data"`
	}
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	c, query := body.Data, r.URL.Query()
	parameters := map[string]string{}
	for name, value := range c.Parameters {
		parameters[strings.ToUpper(name)] = fmt.Sprint(value)
	}
	application, _ := c.Environment["APPLICATION"].(string)
	s.mu.Lock()
	s.logins = append(s.logins, Login{
		Account: c.Account, User: c.User, Authenticator: c.Authenticator, Role: query.Get("roleName"), Warehouse: query.Get("warehouse"),
		Database: query.Get("databaseName"), Schema: query.Get("schemaName"), Application: application,
		Parameters: parameters, Environment: c.Environment,
	})
	s.mu.Unlock()
	if err := s.admit(c); err != nil {
		refuse(w, err)
		return
	}
	granted := s.grant(parameters)
	answer := map[string]any{
		"token": granted.token, "masterToken": granted.master, "validityInSeconds": 3600, "masterValidityInSeconds": 14400,
		"sessionId": granted.id, "displayUserName": c.User, "parameters": listed(parameters),
		"sessionInfo": map[string]any{
			"databaseName": query.Get("databaseName"), "schemaName": query.Get("schemaName"),
			"warehouseName": query.Get("warehouse"), "roleName": query.Get("roleName"),
		},
	}
	reply(w, answer)
}

// listed are the parameters of a session as Snowflake tells them. Telemetry is on unless it was turned off.
func listed(parameters map[string]string) []map[string]any {
	told := maps.Clone(parameters)
	if told["CLIENT_TELEMETRY_ENABLED"] == "" {
		told["CLIENT_TELEMETRY_ENABLED"] = "true"
	}
	var list []map[string]any
	for name, value := range told {
		list = append(list, map[string]any{"name": name, "value": value})
	}
	return list
}

// admit checks who wants to log in.
func (s *Server) admit(c credentials) *failure {
	switch c.Authenticator {
	case "SNOWFLAKE_JWT":
		if err := s.verify(c.Token); err != nil {
			return &failure{code: 390144, state: "08004", message: "JWT token is invalid."}
		}
		return nil
	case "OAUTH":
		if c.Token != Token {
			return &failure{code: 390303, state: "08004", message: "Invalid OAuth access token."}
		}
		return nil
	case "PROGRAMMATIC_ACCESS_TOKEN":
		if c.Token != Token {
			return &failure{code: 394400, state: "08004", message: "Programmatic access token is invalid."}
		}
		return nil
	}
	if !strings.EqualFold(c.User, User) || c.Password != Password {
		return &failure{code: 390100, state: "08004", message: "Incorrect username or password was specified."}
	}
	return nil
}

// verify checks the signature and the claims of a token that a key pair has signed.
func (s *Server) verify(token string) error {
	if s.options.PublicKey == nil {
		return errors.New("the user has no public key")
	}
	der, err := x509.MarshalPKIXPublicKey(s.options.PublicKey)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(der)
	user := strings.ToUpper(Account) + "." + User
	issuer := user + ".SHA256:" + base64.StdEncoding.EncodeToString(sum[:])
	_, err = jwt.Parse(token, func(*jwt.Token) (any, error) { return s.options.PublicKey, nil },
		jwt.WithValidMethods([]string{"RS256"}), jwt.WithIssuer(issuer), jwt.WithSubject(user), jwt.WithExpirationRequired())
	return err
}

func (s *Server) grant(parameters map[string]string) *session {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.serial++
	n := &session{id: s.serial, parameters: parameters}
	s.issue(n)
	return n
}

// issue gives a session new tokens.
func (s *Server) issue(n *session) {
	s.serial++
	n.token, n.master = fmt.Sprintf("token-%d", s.serial), fmt.Sprintf("master-%d", s.serial)
	s.sessions[n.token], s.masters[n.master] = n, n
}

// bearer returns the token that a request shows.
func bearer(r *http.Request) string {
	token, _ := strings.CutPrefix(r.Header.Get("Authorization"), `Snowflake Token="`)
	return strings.TrimSuffix(token, `"`)
}

// authorized returns the session of a request.
func (s *Server) authorized(r *http.Request) (*session, *failure) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n, known := s.sessions[bearer(r)]
	switch {
	case n != nil:
		return n, nil
	case known:
		return nil, &failure{code: 390112, message: "Your session has expired. Please login again."}
	}
	return nil, &failure{code: 390111, message: "Session no longer exists. New login required to access the service."}
}

// ExpireSessions lets the tokens of all sessions expire, so that they must be renewed.
func (s *Server) ExpireSessions() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for token := range s.sessions {
		s.sessions[token] = nil
	}
}

// EndSessions ends all sessions, so that users must log in again.
func (s *Server) EndSessions() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.sessions)
	clear(s.masters)
}

// ExpireMasters lets the tokens expire with which sessions are renewed.
func (s *Server) ExpireMasters() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.masters)
}

func (s *Server) renew(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.masters[bearer(r)]
	if n == nil {
		refuse(w, &failure{code: 390114, message: "Authentication token has expired. The user must authenticate again."})
		return
	}
	delete(s.masters, n.master)
	s.issue(n)
	reply(w, map[string]any{
		"sessionToken": n.token, "masterToken": n.master, "validityInSecondsST": 3600, "validityInSecondsMT": 14400, "sessionId": n.id,
	})
}

func (s *Server) logout(w http.ResponseWriter, r *http.Request) {
	n, err := s.authorized(r)
	if err != nil {
		refuse(w, err)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.sessions, n.token)
	delete(s.masters, n.master)
	_ = n.end("rollback")
	reply(w, nil)
}
