package salesforce

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"spillway/destinations"
	"spillway/destinations/destinationtest"
	"spillway/destinations/httpapi"
	"spillway/destinations/salesforce/salesforcetest"
)

func TestSettingsThatDoNotFitAreRefused(t *testing.T) {
	t.Parallel()
	secret := destinationtest.Secret("00D!token")
	for want, change := range map[string]func(*Config){
		"base_url is missing":      func(c *Config) { c.BaseURL = "" },
		"My Domain":                func(c *Config) { c.BaseURL = "https://login.salesforce.com" },
		"must start with":          func(c *Config) { c.BaseURL = "acme.my.salesforce.com" },
		"is no version":            func(c *Config) { c.APIVersion = "v67" },
		"bulk_above":               func(c *Config) { c.BulkAbove = -1 },
		"token excludes":           func(c *Config) { c.ClientID = "3MVG9" },
		"client_id is missing":     func(c *Config) { c.Token = nil },
		"client_secret is missing": func(c *Config) { c.Token, c.ClientID = nil, "3MVG9" },
		"private_key needs":        func(c *Config) { c.Token, c.ClientID, c.PrivateKey = nil, "3MVG9", secret },
		"excludes refresh_token": func(c *Config) {
			c.Token, c.ClientID, c.PrivateKey, c.Username, c.RefreshToken = nil, "3MVG9", secret, "ada", secret
		},
		"destination crm: base_url": func(c *Config) { c.BaseURL = "ftp://acme" },
	} {
		c := config(secret)
		change(&c)
		if _, err := open(t.Context(), c, destinations.Env{Name: "crm"}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
}

func pemKey(t *testing.T) string {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

func TestAppsGetTheirTokensOnceForAllWriters(t *testing.T) {
	t.Parallel()
	for grant, change := range map[string]func(*Config){
		"client_credentials": func(c *Config) { c.ClientSecret = destinationtest.Secret("consumer-secret") },
		"refresh_token": func(c *Config) {
			c.ClientSecret, c.RefreshToken = destinationtest.Secret("consumer-secret"), destinationtest.Secret("5Aep-refresh")
		},
		"urn:ietf:params:oauth:grant-type:jwt-bearer": func(c *Config) {
			c.PrivateKey, c.Username = destinationtest.Secret(pemKey(t)), "ada@acme.example"
		},
	} {
		t.Run(grant, func(t *testing.T) {
			t.Parallel()
			c := config(nil)
			c.Token, c.ClientID = nil, "3MVG9.consumer"
			change(&c)
			tokens := filepath.Join(t.TempDir(), "tokens", "crm.json")
			synctest.Test(t, func(t *testing.T) {
				f := salesforcetest.New()
				wire := destinationtest.NewWire(f)
				d := connect(t, c, destinations.Env{Name: "crm", Transport: wire, Tokens: tokens})
				var writers sync.WaitGroup
				deliver := func() {
					for n := range 6 {
						writers.Go(func() { write(t, d, contacts(destinations.Upsert, person(n)), "accepted") })
					}
					writers.Wait()
				}
				deliver()
				if diff := cmp.Diff([]string{grant}, f.Grants); diff != "" {
					t.Errorf("grants (-want +got):\n%s", diff)
				}
				asked := wire.Calls()[0]
				if asked.Host != "acme.my.salesforce.com" || asked.Path != "/services/oauth2/token" {
					t.Errorf("the token was asked for at %s%s", asked.Host, asked.Path)
				}
				if form, err := url.ParseQuery(string(asked.Body)); err != nil {
					t.Error(err)
				} else if assertion := form.Get("assertion"); assertion != "" {
					checkClaims(t, assertion)
				}
				wire.SpoilFirst(1, destinationtest.Reply(401, `[{"message":"Session expired or invalid","errorCode":"INVALID_SESSION_ID"}]`))
				deliver()
				if len(f.Grants) != 2 {
					t.Errorf("%d tokens after one has ended, want 2", len(f.Grants))
				}
				if err := d.Close(); err != nil {
					t.Error(err)
				}
				next := connect(t, c, destinations.Env{Name: "crm", Transport: wire, Tokens: tokens})
				write(t, next, contacts(destinations.Upsert, person(1)), "accepted")
				if len(f.Grants) != 2 {
					t.Errorf("%d tokens, and the second is kept", len(f.Grants))
				}
				if err := next.Close(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

func checkClaims(t *testing.T, assertion string) {
	t.Helper()
	text, err := base64.RawURLEncoding.DecodeString(strings.Split(assertion, ".")[1])
	if err != nil {
		t.Fatal(err)
	}
	var claims struct {
		Issuer   string `json:"iss"`
		Subject  string `json:"sub"`
		Audience string `json:"aud"`
		Expires  int64  `json:"exp"`
	}
	if err := json.Unmarshal(text, &claims); err != nil {
		t.Fatal(err)
	}
	if claims.Issuer != "3MVG9.consumer" || claims.Subject != "ada@acme.example" || claims.Audience != org {
		t.Errorf("claims %+v", claims)
	}
	if lasts := time.Until(time.Unix(claims.Expires, 0)); lasts > 5*time.Minute {
		t.Errorf("the assertion lasts %s, and Salesforce takes five minutes", lasts)
	}
}

func TestCheckNamesTheOrg(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		wire := destinationtest.NewWire(salesforcetest.New())
		d := connect(t, config(destinationtest.Secret("00D!token")), destinations.Env{
			Name: "crm", Transport: wire, Log: slog.New(slog.NewTextHandler(&log, nil)),
		})
		if err := d.Check(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"reached Salesforce", "org=00Dxx0000001gPLEAY", "name=Acme", "sandbox=true", "objects=3"} {
			if !strings.Contains(log.String(), want) {
				t.Errorf("the log lacks %s: %s", want, log.String())
			}
		}
		wire.Spoil(func(n int, _ *http.Request) destinationtest.Fault {
			return map[int]destinationtest.Fault{
				2: destinationtest.Reply(200, `{"sobjects":[{"name":"Contact"}]}`),
				3: destinationtest.Reply(200, `{"hello":"world"}`),
				4: destinationtest.Reply(403, `[{"message":"The REST API is not enabled for this Organization","errorCode":"API_DISABLED_FOR_ORG"}]`),
			}[n]
		})
		d.globals = httpapi.Known[[]global]{}
		if err := d.Check(t.Context()); !errors.Is(err, destinations.ErrAuth) || !strings.Contains(err.Error(), "permission set") {
			t.Errorf("a user who may write nothing: %v", err)
		}
		if err := d.Check(t.Context()); !errors.Is(err, destinations.ErrConfig) {
			t.Errorf("another service: %v", err)
		}
		if err := d.Check(t.Context()); !errors.Is(err, destinations.ErrAuth) || !strings.Contains(err.Error(), "API Enabled") {
			t.Errorf("an org without the API: %v", err)
		}
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestTheDaysRequestsAreWatched(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&log, nil))
	var u usage
	for _, text := range []string{
		"", "api-usage=x/y", "api-usage=17", "api-usage=10/5000", "api-usage=4500/5000", "api-usage=4501/5000; per-app-api-usage=17/250(appName=crm)",
		"api-usage=1/5000", "api-usage=4990/5000; per-app-api-usage=17/250(appName=crm)",
	} {
		u.learn(http.Header{"Sforce-Limit-Info": {text}}, logger)
	}
	if n := strings.Count(log.String(), "nine tenths"); n != 2 {
		t.Errorf("%d warnings, want 2:\n%s", n, log.String())
	}
}

func TestObjectsAreThoseThatTheUserMayWrite(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d, _, wire := dial(t, false)
		objects, err := d.Objects(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		names := map[string][]destinations.Op{}
		for _, o := range objects {
			names[o.Name] = o.Operations
			if !slices.Equal(o.Identifiers, []string{"*"}) || o.MaxBatch != maxJob {
				t.Errorf("%+v", o)
			}
			if want := o.Name == "CampaignMember"; want != slices.Contains(o.Irreversible, destinations.Delete) {
				t.Errorf("%s: irreversible are %v", o.Name, o.Irreversible)
			}
		}
		all := []destinations.Op{destinations.Upsert, destinations.Update, destinations.Insert, destinations.Clear, destinations.Delete}
		want := map[string][]destinations.Op{"Account": all, "Contact": all, "CampaignMember": {destinations.Insert, destinations.Delete}}
		if diff := cmp.Diff(want, names); diff != "" {
			t.Errorf("objects (-want +got):\n%s", diff)
		}
		if _, err := d.Fields(t.Context(), "Contact"); err != nil {
			t.Fatal(err)
		}
		before := len(wire.Calls())
		if _, err := d.Fields(t.Context(), "Contact"); err != nil {
			t.Fatal(err)
		}
		objects, err = d.Objects(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if at := slices.IndexFunc(objects, func(o destinations.Object) bool { return o.Name == "Contact" }); !slices.Equal(objects[at].Identifiers, []string{"Code__c", "Email", "Number__c", "Id"}) {
			t.Errorf("identifiers %v", objects[at].Identifiers)
		}
		for _, call := range wire.Calls()[before:] {
			if !strings.Contains(call.Path, "/Group/") { // which is never there
				t.Errorf("the org was asked again: %s", call.Path)
			}
		}
	})
}

func TestFieldsAreThoseOfTheOrg(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d, _, _ := dial(t, false)
		fields, err := d.Fields(context.Background(), "Contact")
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]destinations.Field{}
		for _, f := range fields {
			got[f.Name] = f
		}
		if len(got) != 17+2 {
			t.Errorf("%d fields: %v", len(got), fields)
		}
		want := map[string]destinations.Field{
			"Id":                  {Name: "Id", Label: "Id", Type: destinations.String, ReadOnly: true},
			"LastName":            {Name: "LastName", Label: "LastName", Type: destinations.String, Required: true},
			"Name":                {Name: "Name", Label: "Name", Type: destinations.String, ReadOnly: true},
			"Score__c":            {Name: "Score__c", Label: "Score", Type: destinations.Number},
			"Visits__c":           {Name: "Visits__c", Label: "Visits", Type: destinations.Integer},
			"Active__c":           {Name: "Active__c", Label: "Active", Type: destinations.Boolean},
			"Birthdate":           {Name: "Birthdate", Label: "Birthdate", Type: destinations.DateType},
			"Seen__c":             {Name: "Seen__c", Label: "Seen", Type: destinations.DateTime},
			"Plan__c":             {Name: "Plan__c", Label: "Plan", Type: destinations.String, Enum: []string{"free", "pro"}},
			"Topics__c":           {Name: "Topics__c", Label: "Topics", Type: destinations.List},
			"OwnerId":             {Name: "OwnerId", Label: "OwnerId", Type: destinations.String},
			"Account.Number__c":   {Name: "Account.Number__c", Label: "AccountId by Number", Type: destinations.String},
			"User:Owner.Username": {Name: "User:Owner.Username", Label: "OwnerId by Username", Type: destinations.String},
		}
		for name, w := range want {
			if diff := cmp.Diff(w, got[name]); diff != "" {
				t.Errorf("%s (-want +got):\n%s", name, diff)
			}
		}
		if _, err := d.Fields(context.Background(), "Contcat"); !errors.Is(err, destinations.ErrNoObject) {
			t.Errorf("an object that is not there: %v", err)
		}
	})
}
