package httpapi

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// The message, the secret and the signature are those that the specification of Standard Webhooks gives as example.
func TestSignatureIsThatOfStandardWebhooks(t *testing.T) {
	t.Parallel()
	header := http.Header{}
	err := SignWebhook(header, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", time.Unix(1614265330, 0), []byte(`{"test": 2432232314}`))
	if err != nil {
		t.Fatal(err)
	}
	want := http.Header{
		"Webhook-Id": {"msg_p5jXN8AQM9LWM0D4loKWxJek"}, "Webhook-Timestamp": {"1614265330"},
		"Webhook-Signature": {"v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="},
	}
	if diff := cmp.Diff(want, header); diff != "" {
		t.Errorf("headers (-want +got):\n%s", diff)
	}
}

func TestSigningSecretsOfAnotherFormAreRefused(t *testing.T) {
	t.Parallel()
	for _, secret := range []string{"", "whsec_", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_not base64", "whsec_MfKQ9"} {
		if err := SignWebhook(http.Header{}, secret, "", time.Now(), nil); err == nil || strings.Contains(err.Error(), "MfKQ9") {
			t.Errorf("%q: error %v", secret, err)
		}
	}
}
