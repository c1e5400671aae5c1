package http

import (
	nethttp "net/http"
	"time"

	"spillway/destinations"
	"spillway/destinations/httpapi"
)

// signature signs requests as Standard Webhooks says: the message's id is the Idempotency-Key, so that it is the
// same however often the message is sent, and the time is that of the attempt. Requests without one, which carry
// no records, are not signed.
func signature(secret destinations.Secret) httpapi.Auth {
	if secret == nil {
		return httpapi.None()
	}
	return httpapi.Auth{
		Secrets: []destinations.Secret{secret},
		Apply: func(r *nethttp.Request, body []byte, revealed []string) error {
			return httpapi.SignWebhook(r.Header, revealed[0], r.Header.Get(headerIdempotency), time.Now(), body)
		},
	}
}
