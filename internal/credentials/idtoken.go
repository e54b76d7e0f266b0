package credentials

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
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

// get returns the token. An error about what is on this machine is an UnusableError.
func (t IDToken) get(ctx context.Context, c *Credentials) (string, error) {
	c.keep(t.Value, t.RequestToken)
	switch {
	case t.Value != "":
		return t.Value, nil
	case t.File != "":
		return c.readSecret("id_token_file", t.File)
	}
	query := url.Values{}
	if t.Audience != "" {
		query.Set("audience", t.Audience)
	}
	var got struct {
		Value string `json:"value"`
	}
	_, err := c.ask(ctx, Request{
		Issuer: IssuerGitHub, Method: http.MethodGet, Base: t.RequestURL, Query: query, Header: http.Header{"Authorization": {"bearer " + t.RequestToken}},
	}, &got)
	if err == nil && got.Value == "" {
		err = c.none(IssuerGitHub, errors.New("GitHub's answer has no ID token"))
	}
	c.keep(got.Value)
	return got.Value, err
}

// readSecret reads the file that a setting names, and that holds one secret. The name may be
// a secret that was set in the wrong place, so no text repeats it.
func (c *Credentials) readSecret(setting, name string) (string, error) {
	text, err := readFile(name, 64<<10)
	secret := strings.TrimSpace(string(text))
	c.keep(secret)
	switch {
	case err != nil:
	case secret == "":
		err = errors.New("is empty")
	case !isSendable(secret):
		err = errors.New("has more than one line, or characters that no header can have")
	}
	if err != nil {
		return "", &UnusableError{fmt.Errorf("the file that %s names %w", setting, err)}
	}
	return secret, nil
}

// readFile reads a file of at most limit bytes. The text of an error continues a sentence
// about the file, and does not name it.
func readFile(name string, limit int64) ([]byte, error) {
	var text []byte
	info, err := os.Stat(name)
	switch {
	case err != nil:
	case !info.Mode().IsRegular(): // opening a pipe would wait for a writer
		return nil, errors.New("is not a regular file")
	case info.Size() > limit:
		return nil, fmt.Errorf("is longer than %d bytes", limit)
	default:
		text, err = os.ReadFile(name) //nolint:gosec // the user names it
	}
	if at := (*fs.PathError)(nil); errors.As(err, &at) {
		err = at.Err
	}
	if err != nil {
		return nil, fmt.Errorf("cannot be read: %w", err)
	}
	return bytes.TrimPrefix(text, []byte("\xEF\xBB\xBF")), nil
}
