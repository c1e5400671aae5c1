package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"spillway/syncer/secrets"
	"spillway/syncer/settings"
)

// configs returns empty settings of every kind of warehouse and destination, by the kind's name.
func configs() map[string]any {
	all := map[string]any{}
	for _, d := range kinds().Warehouses {
		all["warehouse "+d.Name] = d.Config()
	}
	for _, d := range kinds().Destinations {
		all["destination "+d.Name] = d.Config()
	}
	return all
}

// plant puts secret in every place of v that takes one, and returns how many there are.
func plant(v reflect.Value, secret secrets.Secret) int {
	planted := 0
	switch v.Kind() {
	case reflect.Struct:
		for _, field := range v.Fields() {
			if field.CanSet() {
				planted += plant(field, secret)
			}
		}
	case reflect.Interface:
		if v.NumMethod() > 0 && reflect.TypeOf(secret).Implements(v.Type()) {
			v.Set(reflect.ValueOf(secret))
			planted++
		}
	case reflect.Map:
		element := reflect.New(v.Type().Elem()).Elem()
		if planted += plant(element, secret); planted > 0 {
			v.Set(reflect.MakeMap(v.Type()))
			v.SetMapIndex(reflect.ValueOf("x").Convert(v.Type().Key()), element)
		}
	default:
	}
	return planted
}

func TestNoKindsSettingsShowTheirSecrets(t *testing.T) {
	t.Parallel()
	const canary = "canary-77aa"
	secret := secrets.Literal(canary)
	if _, err := secret.Reveal(t.Context()); err != nil { // so that the value is held, not only its place
		t.Fatal(err)
	}
	planted := 0
	for name, config := range configs() {
		planted += plant(reflect.ValueOf(config).Elem(), secret)
		var text bytes.Buffer
		for _, verb := range "vsqxXdT" {
			for _, flag := range []string{"", "+", "#"} {
				fmt.Fprintf(&text, "%"+flag+string(verb), config)
			}
		}
		slog.New(slog.NewTextHandler(&text, nil)).Info("opened", "config", config)
		slog.New(slog.NewJSONHandler(&text, nil)).Info("opened", "config", config)
		asJSON, err := json.Marshal(config)
		if err != nil {
			t.Errorf("%s: %s", name, err)
		}
		text.Write(asJSON)
		public, err := json.Marshal(settings.Public(config))
		if err != nil {
			t.Errorf("%s: %s", name, err)
		}
		text.Write(public)
		for _, form := range []string{canary, fmt.Sprintf("%x", canary), fmt.Sprintf("%X", canary)} {
			if strings.Contains(text.String(), form) {
				t.Errorf("%s shows its secret", name)
			}
		}
	}
	if planted == 0 {
		t.Error("no kind has a place for a secret")
	}
}

func TestWhatIsNamedLikeASecretIsOne(t *testing.T) {
	t.Parallel()
	secretive := regexp.MustCompile(`(^|_)(token|secret|password|passphrase|private_key|credentials|dsn)($|_)`)
	for name, config := range configs() {
		for _, s := range settings.Describe(config) {
			if secretive.MatchString(s.Name) && !strings.HasSuffix(s.Name, "_type") && !s.Secret {
				t.Errorf("%s: %s is a %s", name, s.Name, s.Type)
			}
		}
	}
}
