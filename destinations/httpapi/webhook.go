package httpapi

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"spillway/destinations"
)

// The headers of Standard Webhooks.
const (
	WebhookID        = "Webhook-Id"
	WebhookTimestamp = "Webhook-Timestamp"
	WebhookSignature = "Webhook-Signature"
)

const webhookPrefix = "whsec_"

// SignWebhook puts the id of a message, the time of this attempt and the signature over both and the body on h, as
// Standard Webhooks says. A message without an id is not signed. The secret is whsec_ and base64; an error wraps
// destinations.ErrConfig where it is not.
func SignWebhook(h http.Header, secret, id string, at time.Time, body []byte) error {
	key, err := webhookKey(secret)
	if err != nil || id == "" {
		return err
	}
	timestamp := strconv.FormatInt(at.Unix(), 10)
	mac := hmac.New(sha256.New, key)
	fmt.Fprintf(mac, "%s.%s.%s", id, timestamp, body)
	h.Set(WebhookID, id)
	h.Set(WebhookTimestamp, timestamp)
	h.Set(WebhookSignature, "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	return nil
}

func webhookKey(secret string) ([]byte, error) {
	encoded, ok := strings.CutPrefix(secret, webhookPrefix)
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
