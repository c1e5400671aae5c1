package snowflake

import (
	"context"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"

	"github.com/youmark/pkcs8"
)

// privateKey reads the key of a key pair. What it says of a key that cannot be read holds nothing of the key.
func (c Config) privateKey(ctx context.Context) (*rsa.PrivateKey, error) {
	text, err := reveal(ctx, "private_key", c.PrivateKey)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return nil, errors.New(`private_key is no PEM text: give what begins with "-----BEGIN PRIVATE KEY-----", such as { file = "key.p8" }`)
	}
	switch block.Type {
	case "ENCRYPTED PRIVATE KEY":
		return c.decryptKey(ctx, block.Bytes)
	case "RSA PRIVATE KEY":
		key, err := x509.ParsePKCS1PrivateKey(block.Bytes)
		if err != nil {
			return nil, errKey
		}
		return key, nil
	case "PRIVATE KEY":
		key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
		if err != nil {
			return nil, errKey
		}
		pair, ok := key.(*rsa.PrivateKey)
		if !ok {
			return nil, errors.New("private_key is no RSA key: Snowflake takes no other")
		}
		return pair, nil
	}
	return nil, fmt.Errorf("private_key holds PEM text of a %s: give the private key", block.Type)
}

var errKey = errors.New("private_key cannot be read: make one with openssl genrsa 2048 | openssl pkcs8 -topk8")

func (c Config) decryptKey(ctx context.Context, der []byte) (*rsa.PrivateKey, error) {
	if c.PrivateKeyPassphrase == nil {
		return nil, errors.New("private_key is encrypted: set private_key_passphrase")
	}
	passphrase, err := reveal(ctx, "private_key_passphrase", c.PrivateKeyPassphrase)
	if err != nil {
		return nil, err
	}
	key, err := pkcs8.ParsePKCS8PrivateKeyRSA(der, []byte(passphrase))
	if err != nil {
		return nil, errors.New("private_key cannot be decrypted: check private_key_passphrase")
	}
	return key, nil
}
