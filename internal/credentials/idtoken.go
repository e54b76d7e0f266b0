package credentials

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
)

// IDToken is an OpenID Connect token that says which job or workload this is. The first
// of Value, File and RequestURL that is set is used.
type IDToken struct {
	Value string
	// File has the token. It is read at every renewal, since Kubernetes replaces it.
	File string
	// RequestURL is where GitHub Actions issues a token for Audience, with RequestToken.
	RequestURL             *url.URL
	RequestToken, Audience string
}

func (t IDToken) secrets() []string { return []string{t.Value, t.RequestToken} }

// get returns the token. An error about what is on this machine is an UnusableError.
func (t IDToken) get(ctx context.Context, c *Credentials) (string, error) {
	switch {
	case t.Value != "":
		return t.Value, nil
	case t.File != "":
		return c.readSecret(t.File)
	}
	base := *t.RequestURL
	query := base.Query()
	base.RawQuery = ""
	if t.Audience != "" {
		query.Set("audience", t.Audience)
	}
	var got struct {
		Value string `json:"value"`
	}
	_, err := c.call(ctx, Request{
		Method: http.MethodGet, Base: &base, Query: query, Header: http.Header{"Authorization": {"bearer " + t.RequestToken}},
	}, &got)
	if err == nil && got.Value == "" {
		err = errors.New("GitHub's answer has no ID token")
	}
	c.keep(got.Value)
	return got.Value, err
}

// readSecret reads a file that holds one secret, of at most 64 KiB.
func (c *Credentials) readSecret(name string) (string, error) {
	text, err := readFile(name, 64<<10)
	secret := strings.TrimSpace(string(text))
	if err == nil && secret == "" {
		err = fmt.Errorf("the file %s is empty", name)
	}
	if err != nil {
		return "", &UnusableError{err}
	}
	c.keep(secret)
	return secret, nil
}

func readFile(name string, limit int64) ([]byte, error) {
	file, err := os.Open(name) //nolint:gosec // the user names it
	var text []byte
	if err == nil {
		defer func() { _ = file.Close() }()
		text, err = io.ReadAll(io.LimitReader(file, limit+1))
	}
	switch {
	case err != nil:
		return nil, fmt.Errorf("the file cannot be read: %w", err)
	case int64(len(text)) > limit:
		return nil, fmt.Errorf("the file %s is longer than %d bytes", name, limit)
	}
	return text, nil
}
