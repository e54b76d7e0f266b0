package credentials

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Domain is an account, by its ID or its name.
type Domain struct {
	ID   string `json:"id,omitempty"`
	Name string `json:"name,omitempty"`
}

// Password logs in to IAM for a token.
type Password struct {
	// IAM is IAM's base URL, with or without /v3.
	IAM *url.URL
	// UserName and Password are the IAM user's; DomainName is the account's.
	UserName, Password, DomainName string
}

func (Password) mode() Mode { return ModePassword }

func (p Password) issue(ctx context.Context, c *Credentials) (issued, error) {
	c.keep(p.Password)
	domain := Domain{Name: p.DomainName}
	user := object{"name": p.UserName, "password": p.Password, "domain": domain}
	return c.token(ctx, Request{
		Issuer: IssuerLogin, Method: http.MethodPost, Base: iam(p.IAM), Path: "v3/auth/tokens",
		Body: object{"auth": object{
			"identity": object{"methods": []string{"password"}, "password": object{"user": user}},
			"scope":    object{"domain": domain},
		}}.json(),
	})
}

// IAMOIDC exchanges an ID token for a token of IAM: for sites without STS.
type IAMOIDC struct {
	IAM        *url.URL // IAM's base URL, with or without /v3
	ProviderID string   // the name of the identity provider in IAM
	Domain     Domain   // the account that the token is for
	IDToken    IDToken
}

func (IAMOIDC) mode() Mode { return ModeIAMOIDC }

func (o IAMOIDC) issue(ctx context.Context, c *Credentials) (issued, error) {
	idToken, err := o.IDToken.get(ctx, c)
	if err != nil {
		return issued{}, err
	}
	return c.token(ctx, Request{
		Issuer: IssuerExchange, Method: http.MethodPost, Base: iam(o.IAM), Path: "v3.0/OS-AUTH/id-token/tokens",
		Header: http.Header{"X-Idp-Id": {o.ProviderID}},
		// Without the scope, no service takes the token.
		Body: object{"auth": object{"id_token": object{"id": idToken}, "scope": object{"domain": o.Domain}}}.json(),
	})
}

// object is a JSON object.
type object map[string]any

func (o object) json() []byte {
	body, _ := json.Marshal(o) // texts, numbers and objects can always be encoded
	return body
}

// token makes a call whose answer is a token of IAM.
func (c *Credentials) token(ctx context.Context, r Request) (issued, error) {
	var got struct {
		Token struct {
			Expires string `json:"expires_at"`
		} `json:"token"`
	}
	a, err := c.ask(ctx, r, &got)
	if err != nil {
		return issued{}, err
	}
	token := a.Header.Get("X-Subject-Token")
	c.keep(token)
	expires, err := a.expiry(got.Token.Expires)
	switch {
	case token == "":
		err = errors.New("the answer has no X-Subject-Token header")
	case !isSendable(token):
		err = errNotSendable
	}
	if err != nil {
		return issued{}, c.none(r.Issuer, err)
	}
	return issued{token: token, expires: expires}, nil
}

// domainID asks IAM for the account of a key.
func (c *Credentials) domainID(ctx context.Context, base *url.URL, key AccessKey) (string, error) {
	var got struct {
		Domains []Domain `json:"domains"`
	}
	_, err := c.ask(ctx, Request{
		Issuer: IssuerAccount, Method: http.MethodGet, Base: iam(base), Path: "v3/auth/domains", By: New(key, c.call, c.now),
	}, &got)
	if err != nil {
		return "", err
	}
	if len(got.Domains) != 1 || got.Domains[0].ID == "" {
		return "", c.none(IssuerAccount, errors.New("IAM does not name the one account of the keys: set domain_id"))
	}
	return got.Domains[0].ID, nil
}

// iam is IAM's base URL without the version.
func iam(u *url.URL) *url.URL {
	base := *u
	base.Path = strings.TrimSuffix(base.Path, "/v3")
	base.RawPath = strings.TrimSuffix(base.RawPath, "/v3")
	return &base
}

// expiry reads an issuer's time, RFC 3339 with or without a fraction. It returns the time
// by the local clock, which may be off. A Date has whole seconds, so up to one of them is
// already over.
func (a Answer) expiry(text string) (time.Time, error) {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}, errors.New("the answer does not say until when it can be used")
	}
	date, err := http.ParseTime(a.Header.Get("Date"))
	if err != nil {
		return t, nil //nolint:nilerr // the local clock is all there is
	}
	return a.Received.Add(t.Sub(date.Add(time.Second))), nil
}
