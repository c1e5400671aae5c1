// Package post gives notices to services over HTTP: with one POST, which follows no redirect and is not repeated here.
package post

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"spillway/destinations/httpapi"
	"spillway/syncer/alert"
)

const (
	connectTime = 10 * time.Second
	mostAnswer  = 64 << 10
	leastHidden = 6 // bytes of a secret from which on it is cut out of texts
)

// Request is a notice as a service takes it.
type Request struct {
	URL    string
	Header http.Header
	Body   []byte // JSON

	// Secrets are cut out of what the service answers, together with the URL's path and query.
	Secrets []string
}

// Send posts a request and returns the answer, if it is a success. Otherwise, the error is an *alert.Error.
func Send(ctx context.Context, r Request) (httpapi.Answer, error) {
	address, err := Address(r.URL)
	if err != nil {
		return httpapi.Answer{}, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, r.URL, bytes.NewReader(r.Body))
	if err != nil {
		return httpapi.Answer{}, errors.New("the request cannot be made: its address or a header is malformed")
	}
	request.Header = r.Header.Clone()
	if request.Header == nil {
		request.Header = http.Header{}
	}
	request.Header.Set("Content-Type", "application/json; charset=utf-8")
	request.Header.Set("User-Agent", "spillway")
	hide := hiding(address, r.Secrets)
	answer, err := do(request)
	if err != nil {
		return httpapi.Answer{}, unreachable("%s: %s", address.Host, hide.Replace(withoutAddress(err).Error()))
	}
	answer.Body = []byte(hide.Replace(string(answer.Body)))
	return answer, Refusal(address.Host, answer)
}

func do(request *http.Request) (a httpapi.Answer, err error) {
	client := &http.Client{
		Transport: &http.Transport{
			Proxy: http.ProxyFromEnvironment, DialContext: (&net.Dialer{Timeout: connectTime}).DialContext, TLSHandshakeTimeout: connectTime,
			TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12}, DisableKeepAlives: true, // notices are rare
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	response, err := client.Do(request)
	if err != nil {
		return a, err
	}
	a.Status, a.Header = response.StatusCode, response.Header
	a.Body, err = io.ReadAll(io.LimitReader(response.Body, mostAnswer))
	return a, errors.Join(err, response.Body.Close())
}

// Refusal is what an answer says against a notice, nil where it was taken.
func Refusal(host string, a httpapi.Answer) error {
	if a.Status >= 200 && a.Status < 300 {
		return nil
	}
	refusal := &alert.Error{Kind: alert.ErrRefused, Message: fmt.Sprintf("%s answered %d %s", host, a.Status, http.StatusText(a.Status)), Wait: retryAfter(a.Header)}
	if len(bytes.TrimSpace(a.Body)) > 0 {
		refusal.Message += ": " + a.Text()
	}
	switch {
	case a.Status >= 300 && a.Status < 400:
		refusal.Message += " (redirects are not followed: set the address that it leads to)"
	case a.Status == http.StatusRequestTimeout, a.Status == http.StatusTooEarly, a.Status == http.StatusTooManyRequests, a.Status >= 500:
		refusal.Kind = alert.ErrUnreachable
	}
	return refusal
}

func unreachable(format string, args ...any) error {
	return &alert.Error{Kind: alert.ErrUnreachable, Message: fmt.Sprintf(format, args...)}
}

// retryAfter is for how long the service wants to be left alone.
func retryAfter(h http.Header) time.Duration {
	text := h.Get("Retry-After")
	if seconds, err := strconv.ParseUint(text, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(0, time.Until(at))
	}
	return 0
}

// Address reads the URL of a service. Its error does not repeat it, as it may be a secret.
func Address(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return nil, errors.New("url: this is no URL; write it as https://host/path")
	case u.Scheme != "https" && u.Scheme != "http":
		return nil, errors.New("url: it must start with https:// or http://")
	case u.Hostname() == "":
		return nil, errors.New("url: it names no host")
	case u.User != nil:
		return nil, errors.New("url: it holds credentials; give them as token or in headers")
	}
	return u, nil
}

// hiding replaces what must not be shown.
func hiding(address *url.URL, secrets []string) *strings.Replacer {
	var pairs []string
	for _, s := range append(secrets, address.String(), address.Path, address.RawQuery) {
		if len(s) >= leastHidden {
			pairs = append(pairs, s, "•••")
		}
	}
	return strings.NewReplacer(pairs...)
}

// withoutAddress takes the URL off an error.
func withoutAddress(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		return e.Err
	}
	return err
}
