package http

import (
	"strings"
	"testing"
	"time"

	"spillway/destinations"
	"spillway/destinations/destinationtest"
)

func valid() Config {
	return Config{URL: "https://h.example/p", Format: "batch", MaxBatch: 100, Concurrency: 4, Timeout: time.Minute}
}

func TestSettingsThatCannotWorkAreRefused(t *testing.T) {
	t.Parallel()
	literal := destinationtest.Secret("x")
	for _, test := range []struct {
		name string
		set  func(*Config)
		want string
	}{
		{"an unknown format", func(c *Config) { c.Format = "bulk" }, "takes batch or single"},
		{"no batch", func(c *Config) { c.MaxBatch = 0 }, "max_batch is 0"},
		{"no concurrency", func(c *Config) { c.Concurrency = -1 }, "concurrency is -1"},
		{"no time", func(c *Config) { c.Timeout = 0 }, "timeout is 0s"},
		{"a header that is no header", func(c *Config) { c.Headers = headers("X Team", literal) }, `"X Team" is no name`},
		{"a header of the connection", func(c *Config) { c.Headers = headers("content-length", literal) }, "Content-Length is set"},
		{"a header of every request", func(c *Config) { c.Headers = headers("idempotency-key", literal) }, "Idempotency-Key is set"},
		{"a header of the signature", func(c *Config) { c.Headers = headers("webhook-id", literal) }, "Webhook-Id is set"},
		{"two credentials", func(c *Config) { c.Headers, c.Token = headers("authorization", literal), literal }, "exclude each other"},
	} {
		c := valid()
		test.set(&c)
		if err := c.check(); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error %v, want one with %q", test.name, err, test.want)
		}
	}
	if err := valid().check(); err != nil {
		t.Errorf("valid settings: %v", err)
	}
}

func headers(name string, value destinations.Secret) map[string]destinations.Secret {
	return map[string]destinations.Secret{name: value}
}

func TestAddressesAreFilledIn(t *testing.T) {
	t.Parallel()
	b := destinations.Batch{Object: "a/b ?#%é", Op: destinations.Upsert}
	for url, want := range map[string]struct{ base, path, bare, query string }{
		"https://h.example":                         {"https://h.example", "", "", ""},
		"https://h.example/":                        {"https://h.example", "/", "/", ""},
		"http://127.0.0.1:8080/in/x%2Fy":            {"http://127.0.0.1:8080", "/in/x%2Fy", "/in/x%2Fy", ""},
		"https://h.example/{object}/{op}":           {"https://h.example", "/a%2Fb%20%3F%23%25%C3%A9/upsert", "", ""},
		"https://h.example/v1/{op}-{object}/in?t=1": {"https://h.example", "/v1/upsert-a%2Fb%20%3F%23%25%C3%A9/in", "/v1/in", "t=1"},
		"HTTPS://[::1]:9/x?a=1&b=2":                 {"https://[::1]:9", "/x", "/x", "a=1&b=2"},
	} {
		a, err := parseAddress(url)
		if err != nil {
			t.Errorf("%s: %v", url, err)
			continue
		}
		got := struct{ base, path, bare, query string }{a.base, a.pathFor(b), a.bare(), a.query.Encode()}
		if got != want {
			t.Errorf("%s became %+v, want %+v", url, got, want)
		}
	}
}

func TestAddressesThatCannotWorkAreRefused(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]string{
		"":                              "must start with",
		"h.example/people":              "must start with",
		"ftp://h.example":               "must start with",
		"https:///people":               "names no host",
		"https://u:s3cr3t@h.example/":   "holds credentials",
		"https://h.example/#top":        "never sent",
		"https://h.example/{objekt}":    "{objekt} means nothing",
		"https://{object}.example/":     "in its path only",
		"https://h.example/?o={object}": "in its path only",
		"https://h.example?o={op}":      "in its path only",
		"https://h.example/a b?%zz":     "name=value",
		"https://h.example:port/":       "no URL",
	} {
		_, err := parseAddress(url)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "s3cr3t") {
			t.Errorf("%s: error %v, want one with %q", url, err, want)
		}
	}
}
