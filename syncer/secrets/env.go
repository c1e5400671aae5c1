package secrets

import (
	"context"
	"errors"
	"os"
	"regexp"
)

var variable = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

var errNotVariable = errors.New("must be the name of an environment variable: letters, digits and underscores; never the secret itself")

// Env refers to the environment variable called name. A name that no shell would take is refused without being
// repeated: it may be a secret put in the wrong place.
func Env(name string) (Secret, error) {
	if !variable.MatchString(name) {
		return Secret{}, errNotVariable
	}
	return newSecret("environment variable "+name, func(context.Context) (string, error) {
		value, ok := os.LookupEnv(name)
		switch {
		case !ok:
			return "", errors.New("it is not set")
		case value == "":
			return "", errors.New("it is empty")
		}
		return value, nil
	}), nil
}
