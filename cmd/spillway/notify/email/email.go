// Package email sends notices by SMTP.
package email

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"net/textproto"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/wneessen/go-mail"

	"spillway/syncer/alert"
	"spillway/syncer/secrets"
)

// Config holds the settings of an alert of type "email".
type Config struct {
	Host     string         `toml:"host" required:"true" help:"The mail server."`
	Port     int            `toml:"port" min:"1" max:"65535" help:"Its port. By default 587, or 465 with tls = \"implicit\", or 25 with tls = \"none\"."`
	TLS      string         `toml:"tls" default:"starttls" enum:"starttls,implicit,none" help:"starttls and implicit send nothing unless the connection is encrypted and the certificate valid."`
	CA       string         `toml:"ca" help:"A file with the certificates, in PEM, that the server's is held to; relative to the project. By default the system's."`
	User     string         `toml:"user" help:"Whom to log in as. By default there is no login."`
	Password secrets.Secret `toml:"password" help:"The user's password."`
	From     string         `toml:"from" required:"true" help:"Who writes: an address, or \"Name <address>\"."`
	To       []string       `toml:"to" required:"true" help:"Who is written to: addresses."`
}

// Definition describes this kind of service.
func Definition() alert.Definition {
	return alert.Define(alert.Definition{Name: "email", Title: "E-mail"}, newNotifier)
}

// The ways in which a connection is encrypted.
const (
	implicitTLS = "implicit"
	noTLS       = "none"
)

var ports = map[string]int{implicitTLS: 465, noTLS: 25, "starttls": 587}

type notifier struct {
	Config
	root string
}

func newNotifier(c Config, env alert.Env) (alert.Notifier, error) {
	if c.Port == 0 {
		c.Port = ports[c.TLS]
	}
	switch {
	case strings.ContainsAny(c.Host, ":/ "):
		return nil, errors.New("host: it is a name alone, and the port stands in port")
	case (c.User != "") != c.Password.IsSet():
		return nil, errors.New("user and password belong together")
	case c.TLS == noTLS && c.User != "":
		return nil, errors.New("tls: a password is not sent unencrypted")
	}
	message := mail.NewMsg()
	if err := message.From(c.From); err != nil {
		return nil, fmt.Errorf("from: %q is no address", c.From)
	}
	for _, to := range c.To {
		if err := message.AddTo(to); err != nil {
			return nil, fmt.Errorf("to: %q is no address", to)
		}
	}
	return notifier{Config: c, root: env.Root}, nil
}

const sessionTime = 25 * time.Second

// Notify sends a notice. The server has taken it when it acknowledged the message's end.
func (m notifier) Notify(ctx context.Context, n alert.Notice) (string, error) {
	message, err := m.message(n)
	if err != nil {
		return "", err
	}
	client, err := m.client(ctx)
	if err != nil {
		return "", err
	}
	err = client.DialAndSendWithContext(ctx, message)
	if err == nil || message.IsDelivered() { // how the connection ended does not matter then
		return strings.TrimSpace(message.ServerResponse()), nil
	}
	refusal := &alert.Error{Kind: alert.ErrUnreachable, Message: fmt.Sprintf("%s:%d: %s", m.Host, m.Port, err)}
	if lasting(err) {
		refusal.Kind = alert.ErrRefused
	}
	return "", refusal
}

// lasting reports whether the same is to be expected of another try: credentials, a certificate or a message that was
// refused.
func lasting(err error) bool {
	if failed, ok := errors.AsType[*mail.SendError](err); ok {
		return !failed.IsTemp() && failed.ErrorCode() >= 500
	}
	if reply, ok := errors.AsType[*textproto.Error](err); ok {
		return reply.Code >= 500
	}
	_, ok := errors.AsType[*tls.CertificateVerificationError](err)
	return ok
}

func (m notifier) message(n alert.Notice) (*mail.Msg, error) {
	message := mail.NewMsg(mail.WithNoDefaultUserAgent())
	if err := message.From(m.From); err != nil {
		return nil, fmt.Errorf("from: %w", err)
	}
	if err := message.To(m.To...); err != nil {
		return nil, fmt.Errorf("to: %w", err)
	}
	message.Subject(n.Subject())
	message.SetDateWithValue(n.At)
	message.SetBulk()
	_, domain, _ := strings.Cut(strings.Trim(m.From[strings.LastIndex(m.From, "<")+1:], "<> "), "@")
	sum := sha256.Sum256([]byte(n.About()))
	message.SetMessageIDWithValue(n.ID + "@" + domain)
	message.SetGenHeader(mail.HeaderReferences, "<"+hex.EncodeToString(sum[:16])+"@"+domain+">") // one thread for all changes of one thing
	message.SetGenHeader("Auto-Submitted", "auto-generated")
	message.SetBodyString(mail.TypeTextPlain, n.Text())
	return message, nil
}

func (m notifier) client(ctx context.Context) (*mail.Client, error) {
	config := &tls.Config{ServerName: m.Host, MinVersion: tls.VersionTLS12}
	if m.CA != "" {
		roots, err := m.roots()
		if err != nil {
			return nil, err
		}
		config.RootCAs = roots
	}
	options := []mail.Option{mail.WithPort(m.Port), mail.WithTimeout(sessionTime), mail.WithTLSConfig(config)}
	switch m.TLS {
	case implicitTLS:
		options = append(options, mail.WithSSL())
	case noTLS:
		options = append(options, mail.WithTLSPolicy(mail.NoTLS))
	default:
		options = append(options, mail.WithTLSPolicy(mail.TLSMandatory))
	}
	if m.User != "" {
		password, err := m.Password.Reveal(ctx)
		if err != nil {
			return nil, err
		}
		options = append(options, mail.WithSMTPAuth(mail.SMTPAuthAutoDiscover), mail.WithUsername(m.User), mail.WithPassword(password))
	}
	client, err := mail.NewClient(m.Host, options...)
	if err != nil {
		return nil, fmt.Errorf("mail server %s: %w", m.Host, err)
	}
	return client, nil
}

func (m notifier) roots() (*x509.CertPool, error) {
	file := m.CA
	if !filepath.IsAbs(file) {
		file = filepath.Join(m.root, file)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("ca: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("ca: %s holds no certificate in PEM", m.CA)
	}
	return roots, nil
}
