package http

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	nethttp "net/http"
	"strconv"
	"strings"
	"time"

	"spillway/destinations"
	"spillway/destinations/httpapi"
)

// The headers of Standard Webhooks.
const (
	headerID        = "Webhook-Id"
	headerTimestamp = "Webhook-Timestamp"
	headerSignature = "Webhook-Signature"
)

const signingPrefix = "whsec_"

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
			key, err := signingKey(revealed[0])
			id := r.Header.Get(headerIdempotency)
			if err != nil || id == "" {
				return err
			}
			timestamp := strconv.FormatInt(time.Now().Unix(), 10)
			r.Header.Set(headerID, id)
			r.Header.Set(headerTimestamp, timestamp)
			r.Header.Set(headerSignature, sign(key, id, timestamp, body))
			return nil
		},
	}
}

func sign(key []byte, id, timestamp string, body []byte) string {
	mac := hmac.New(sha256.New, key)
	fmt.Fprintf(mac, "%s.%s.%s", id, timestamp, body)
	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

func signingKey(secret string) ([]byte, error) {
	encoded, ok := strings.CutPrefix(secret, signingPrefix)
	key, err := base64.StdEncoding.DecodeString(encoded)
	if !ok || err != nil || len(key) == 0 {
		return nil, &destinations.Error{
			Kind:    destinations.ErrConfig,
			Message: "signing_secret is not of the form whsec_ and base64",
			Hint:    "take it from the service that verifies the signatures, as it shows it",
		}
	}
	return key, nil
}
