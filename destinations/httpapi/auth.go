package httpapi

import (
	"net/http"

	"spillway/destinations"
)

// Auth says how a request shows whose it is. The zero Auth adds nothing.
//
// The client looks the secrets up once, keeps them, and looks them up anew after a 401. They are cut out of
// every error, reason and log line of the client, so that a service that quotes them gives nothing away.
type Auth struct {
	Secrets []destinations.Secret

	// Apply puts the credentials on r, which is one attempt of a request with this body. It is called for every
	// attempt, so that what it signs is fresh. revealed has one text for each of Secrets.
	Apply func(r *http.Request, body []byte, revealed []string) error
}

// None sends no credentials.
func None() Auth { return Auth{} }

// Bearer sends secret as a bearer token. A nil secret sends none.
func Bearer(secret destinations.Secret) Auth { return prefixed("Authorization", "Bearer ", secret) }

// Header sends secret as the value of the header called name. A nil secret sends none.
func Header(name string, secret destinations.Secret) Auth { return prefixed(name, "", secret) }

func prefixed(name, prefix string, secret destinations.Secret) Auth {
	if secret == nil {
		return None()
	}
	return Auth{
		Secrets: []destinations.Secret{secret},
		Apply: func(r *http.Request, _ []byte, revealed []string) error {
			r.Header.Set(name, prefix+revealed[0])
			return nil
		},
	}
}

// Basic sends user, which is not secret, and secret as HTTP basic authentication. A nil secret is an empty password.
func Basic(user string, secret destinations.Secret) Auth {
	a := Auth{Apply: func(r *http.Request, _ []byte, revealed []string) error {
		password := ""
		if len(revealed) > 0 {
			password = revealed[0]
		}
		r.SetBasicAuth(user, password)
		return nil
	}}
	if secret != nil {
		a.Secrets = []destinations.Secret{secret}
	}
	return a
}

// Join applies all of auths, in their order.
func Join(auths ...Auth) Auth {
	var joined Auth
	for _, a := range auths {
		joined.Secrets = append(joined.Secrets, a.Secrets...)
	}
	joined.Apply = func(r *http.Request, body []byte, revealed []string) error {
		for _, a := range auths {
			n := len(a.Secrets)
			if a.Apply != nil {
				if err := a.Apply(r, body, revealed[:n:n]); err != nil {
					return err
				}
			}
			revealed = revealed[n:]
		}
		return nil
	}
	return joined
}
