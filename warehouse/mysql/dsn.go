package mysql

import (
	"errors"
	"net"
	"net/url"
	"strconv"
	"strings"
)

// errDSN says nothing of what the parser saw, for a malformed string may show its password anywhere.
var errDSN = errors.New("the connection string cannot be read: write mysql://user:password@host:3306/database " +
	"with special characters of the password percent-encoded, or user:password@tcp(host:3306)/database")

// parseDSN reads a connection string, as a URL or in the form of Go's driver.
func parseDSN(text string) (target, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return target{}, errors.New("dsn is empty: give a connection string such as mysql://user:password@host:3306/database")
	}
	for _, scheme := range []string{"mysql://", "mariadb://"} {
		if strings.HasPrefix(text, scheme) {
			return parseURL(text)
		}
	}
	return parseAddress(text)
}

func parseURL(text string) (target, error) {
	u, err := url.Parse(text)
	if err != nil || u.Opaque != "" || u.Fragment != "" {
		return target{}, errDSN
	}
	to := target{host: u.Hostname(), user: u.User.Username(), database: strings.TrimPrefix(u.Path, "/")}
	to.password, _ = u.User.Password()
	if port := u.Port(); port != "" {
		if to.port, err = strconv.Atoi(port); err != nil {
			return target{}, errDSN
		}
	}
	if to.host == "" {
		to.host = "localhost"
	}
	return to, to.set(u.Query())
}

// parseAddress reads user:password@tcp(host:port)/database?options. The password ends at the last @ before the last /.
func parseAddress(text string) (target, error) {
	slash := strings.LastIndexByte(text, '/')
	question := strings.LastIndexByte(text, '?')
	if question >= 0 && slash > question {
		slash = strings.LastIndexByte(text[:question], '/')
	}
	if slash < 0 {
		return target{}, errDSN
	}
	database, query, _ := strings.Cut(text[slash+1:], "?")
	account, address := "", text[:slash]
	if at := strings.LastIndexByte(address, '@'); at >= 0 {
		account, address = address[:at], address[at+1:]
	}
	var to target
	var err error
	to.user, to.password, _ = strings.Cut(account, ":")
	if to.database, err = url.PathUnescape(database); err != nil {
		return target{}, errDSN
	}
	network, inner, ok := strings.Cut(address, "(")
	if !ok || !strings.HasSuffix(inner, ")") {
		return target{}, errDSN
	}
	inner = strings.TrimSuffix(inner, ")")
	switch network {
	case "unix":
		to.host = inner
	case "tcp", "":
		to.host = inner
		if host, port, err := net.SplitHostPort(inner); err == nil {
			to.host = host
			if to.port, err = strconv.Atoi(port); err != nil {
				return target{}, errDSN
			}
		}
	default:
		return target{}, errDSN
	}
	options, err := url.ParseQuery(query)
	if err != nil || to.host == "" {
		return target{}, errDSN
	}
	return to, to.set(options)
}
