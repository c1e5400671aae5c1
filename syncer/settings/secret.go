package settings

import (
	"reflect"

	"spillway/syncer/secrets"
)

// The forms of a reference to a secret.
const (
	secretEnv     = "env"
	secretFile    = "file"
	secretCommand = "command"
)

// secret sets v to the reference that e holds. What stands there is never repeated (invariant 10).
func (d *decoder) secret(f field, e Entry, v reflect.Value) {
	var s secrets.Secret
	switch value := e.Value.(type) {
	case *Table:
		var ok bool
		if s, ok = d.reference(value, e); !ok {
			return
		}
	case string:
		if !f.literal && !d.options.PlaintextSecrets {
			d.refuse(e, `must not stand here itself: write { env = "NAME" }, { file = "PATH" } or { command = ["PROGRAM", "ARGUMENT"] }, `+
				"or set allow_plaintext_secrets = true under [project]")
			return
		}
		if value == "" {
			d.refuse(e, "must not be empty")
			return
		}
		s = secrets.Literal(value)
	default:
		d.refuse(e, `must be a reference to a secret such as { env = "NAME" }, not %s`, nameOf(e.Value))
		return
	}
	v.Set(reflect.ValueOf(s))
}

// reference reads { env = "NAME" }, { file = "PATH" } or { command = ["PROGRAM"] }.
func (d *decoder) reference(t *Table, e Entry) (secrets.Secret, bool) {
	before := len(d.problems)
	d.unknown(t, []string{secretEnv, secretFile, secretCommand})
	if len(d.problems) > before {
		return secrets.Secret{}, false
	}
	if len(t.entries) != 1 {
		d.refuse(e, `must have one of env, file and command, as in { env = "NAME" }`)
		return secrets.Secret{}, false
	}
	source := t.entries[0]
	s, err := d.source(source)
	if err != nil {
		d.refuse(source, "%s", err)
	}
	return s, len(d.problems) == before
}

// source reads the one key of a reference. A problem it reports itself leaves the error nil.
func (d *decoder) source(e Entry) (secrets.Secret, error) {
	if e.Name == secretCommand {
		var argv []string
		before := len(d.problems)
		d.list(field{kind: kindList}, e, reflect.ValueOf(&argv).Elem())
		if len(d.problems) > before {
			return secrets.Secret{}, nil
		}
		return secrets.Command(argv, d.options.Root)
	}
	text, ok := e.Value.(string)
	switch {
	case !ok:
		d.refuse(e, "must be a string, not %s", nameOf(e.Value))
		return secrets.Secret{}, nil
	case e.Name == secretFile:
		return secrets.File(text, d.options.Root)
	}
	return secrets.Env(text)
}
