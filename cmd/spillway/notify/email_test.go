package notify_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"mime"
	"net"
	"net/mail"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"spillway/syncer/alert"
)

// postOffice is an SMTP server that takes mail of one user, over encrypted connections alone.
type postOffice struct {
	port int
	ca   string // file of its certificate

	mu     sync.Mutex
	mails  []letter
	refuse error // what it answers to the message
}

type letter struct {
	user, from string
	to         []string
	text       string
}

func newPostOffice(t *testing.T, encrypted bool) *postOffice {
	t.Helper()
	o := &postOffice{}
	server := smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) { return &session{office: o, conn: c}, nil }))
	server.Domain, server.ReadTimeout, server.WriteTimeout = "localhost", time.Minute, time.Minute
	if encrypted {
		server.TLSConfig = o.certify(t)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address, ok := listener.Addr().(*net.TCPAddr)
	if !ok {
		t.Fatal("it listens to no port")
	}
	o.port = address.Port
	over := make(chan error, 1)
	go func() { over <- server.Serve(listener) }()
	t.Cleanup(func() {
		if err := errors.Join(server.Close(), <-over); err != nil && !errors.Is(err, smtp.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
	})
	return o
}

// certify makes the certificate of 127.0.0.1.
func (o *postOffice) certify(t *testing.T) *tls.Config {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	o.ca = filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(o.ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
}

type session struct {
	office *postOffice
	conn   *smtp.Conn
	letter letter
}

func (s *session) AuthMechanisms() []string { return []string{sasl.Plain} }

func (s *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if user != "spillway" || password != "s3cr3t" {
			return smtp.ErrAuthFailed
		}
		s.letter.user = user
		return nil
	}), nil
}

func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	if _, encrypted := s.conn.TLSConnectionState(); !encrypted && s.office.ca != "" {
		return errors.New("this connection is not encrypted")
	}
	s.letter.from = from
	return nil
}

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.letter.to = append(s.letter.to, to)
	return nil
}

func (s *session) Data(r io.Reader) error {
	text, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	s.office.mu.Lock()
	defer s.office.mu.Unlock()
	if s.office.refuse != nil {
		return s.office.refuse
	}
	s.letter.text = string(text)
	s.office.mails = append(s.office.mails, s.letter)
	return nil
}

func (s *session) Reset()        {}
func (s *session) Logout() error { return nil }

const addresses = "host = \"127.0.0.1\"\nfrom = \"Spillway <spillway@example.com>\"\nto = [\"ada@example.com\", \"bob@example.com\"]\n"

func TestMailsArriveOverAnEncryptedConnection(t *testing.T) {
	t.Parallel()
	o := newPostOffice(t, true)
	with := func(password string) alert.Notifier {
		return must(t, "email", fmt.Sprintf("%sport = %d\nca = %q\nuser = \"spillway\"\npassword = %q\n", addresses, o.port, o.ca, password))
	}
	mailer := with("s3cr3t")
	if got := gives(t, mailer, failure); !strings.Contains(got, "OK") {
		t.Errorf("answered %s", got)
	}
	gives(t, mailer, recovery())
	if len(o.mails) != 2 {
		t.Fatalf("%d mails", len(o.mails))
	}
	first, second := opened(t, o.mails[0]), opened(t, o.mails[1])
	if l := o.mails[0]; l.user != "spillway" || l.from != "spillway@example.com" || strings.Join(l.to, " ") != "ada@example.com bob@example.com" {
		t.Errorf("%+v", l)
	}
	subject, err := new(mime.WordDecoder).DecodeHeader(first.Header.Get("Subject"))
	if err != nil || subject != "[crm] people failed with <model> & more" {
		t.Errorf("subject %q %v", subject, err)
	}
	if id := first.Header.Get("Message-Id"); id != "<"+failure.ID+"@example.com>" || first.Header.Get("References") == "" ||
		first.Header.Get("References") != second.Header.Get("References") || second.Header.Get("Message-Id") == id {
		t.Errorf("%v\n%v", first.Header, second.Header)
	}
	body, err := io.ReadAll(first.Body)
	if err != nil || !strings.Contains(string(body), "\r\nRun: 01JD\r\n") || !strings.Contains(string(body), failure.Link) {
		t.Errorf("%s %v", body, err)
	}

	refused(t, with("wrong"), alert.ErrRefused, "535")
	o.refuse = &smtp.SMTPError{Code: 554, EnhancedCode: smtp.EnhancedCode{5, 7, 1}, Message: "we do not want this"}
	refused(t, mailer, alert.ErrRefused, "554")
	o.refuse = &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 3, 0}, Message: "come again"}
	refused(t, mailer, alert.ErrUnreachable, "451")
}

func opened(t *testing.T, l letter) *mail.Message {
	t.Helper()
	m, err := mail.ReadMessage(strings.NewReader(l.text))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestNothingIsSentOverAConnectionThatIsNotSafe(t *testing.T) {
	t.Parallel()
	plain, strange := newPostOffice(t, false), newPostOffice(t, true)
	refused(t, must(t, "email", fmt.Sprintf("%sport = %d\n", addresses, plain.port)), alert.ErrUnreachable, "STARTTLS")
	refused(t, must(t, "email", fmt.Sprintf("%sport = %d\n", addresses, strange.port)), alert.ErrRefused, "certificate")
	if len(plain.mails)+len(strange.mails) > 0 {
		t.Error("a mail was sent")
	}
	gives(t, must(t, "email", fmt.Sprintf("%sport = %d\ntls = \"none\"\n", addresses, plain.port)), failure)
	if len(plain.mails) != 1 {
		t.Errorf("%d mails without encryption, where that was asked for", len(plain.mails))
	}
}
