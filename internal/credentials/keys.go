package credentials

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// OIDC exchanges an ID token at STS for a temporary key.
type OIDC struct {
	STS         *url.URL // STS's base URL
	ProviderURN string   // iam::{account}:oidcProvider:{name}
	AgencyURN   string   // iam::{account}:agency:{name}
	SessionName string   // 2 to 128 characters
	Duration    time.Duration
	IDToken     IDToken
}

func (o OIDC) secrets() []string { return o.IDToken.secrets() }
func (OIDC) mode() Mode          { return ModeOIDC }

func (o OIDC) issue(ctx context.Context, c *Credentials) (issued, error) {
	idToken, err := o.IDToken.get(ctx, c)
	if err != nil {
		return issued{}, err
	}
	return c.assume(ctx, Request{
		Method: http.MethodPost, Base: o.STS, Path: "v5/agencies/assume-with-oidc",
		Body: lasting(o.Duration, object{
			"provider_urn": o.ProviderURN, "agency_urn": o.AgencyURN, "agency_session_name": o.SessionName, "id_token": idToken,
		}),
	}, o.AgencyURN)
}

// Agency assumes an agency with the key of another source.
type Agency struct {
	Base     Source // issues a key, not a token
	Duration time.Duration

	// With a URN, STS is asked.
	URN         string   // iam::{account}:agency:{name}
	STS         *url.URL // STS's base URL
	SessionName string   // 2 to 128 characters

	// Without one, IAM is asked.
	IAM    *url.URL // IAM's base URL, with or without /v3
	Name   string   // of the agency
	Domain Domain   // the account that has the agency
}

func (a Agency) secrets() []string { return a.Base.secrets() }
func (Agency) mode() Mode          { return ModeAgency }

func (a Agency) issue(ctx context.Context, c *Credentials) (issued, error) {
	if a.URN != "" {
		return c.assume(ctx, Request{
			Method: http.MethodPost, Base: a.STS, Path: "v5/agencies/assume", By: c.base,
			Body: lasting(a.Duration, object{"agency_urn": a.URN, "agency_session_name": a.SessionName}),
		}, a.URN)
	}
	agency := lasting(a.Duration, object{"agency_name": a.Name})
	if a.Domain.ID != "" {
		agency["domain_id"] = a.Domain.ID
	} else {
		agency["domain_name"] = a.Domain.Name
	}
	return c.credential(ctx, IssuerAgency, Request{
		Method: http.MethodPost, Base: iam(a.IAM), Path: "v3.0/OS-CREDENTIAL/securitytokens", By: c.base,
		Body: object{"auth": object{"identity": object{"methods": []string{"assume_role"}, "assume_role": agency}}},
	}, a.Domain.ID, a.IAM)
}

// lasting adds a duration to a body. Without one the issuer decides.
func lasting(d time.Duration, body object) object {
	if d > 0 {
		body["duration_seconds"] = int(d.Seconds())
	}
	return body
}

// Pod is the identity that CCE gives to a pod.
type Pod struct {
	URL       *url.URL // HC_CONTAINER_CREDENTIALS_FULL_URI
	TokenFile string   // HC_CONTAINER_AUTHORIZATION_TOKEN_FILE, which is read at every renewal
	DomainID  string   // the account's ID; empty: that of the agency in the answer
}

func (Pod) secrets() []string { return nil }
func (Pod) mode() Mode        { return ModePod }

func (p Pod) issue(ctx context.Context, c *Credentials) (issued, error) {
	token, err := c.readSecret("HC_CONTAINER_AUTHORIZATION_TOKEN_FILE", p.TokenFile)
	if err != nil {
		return issued{}, err
	}
	var got struct {
		Agency struct {
			URN string `json:"urn"`
		} `json:"assumedAgency"`
		Credentials struct {
			Access  string  `json:"accessKeyId"`
			Secret  string  `json:"secretAccessKey"`
			Token   string  `json:"securityToken"`
			Expires instant `json:"expiration"`
		} `json:"credentials"`
	}
	base, query := split(p.URL)
	a, err := c.ask(ctx, IssuerPod, Request{
		Method: http.MethodPost, Base: base, Query: query, Header: http.Header{"Authorization": {token}}, Body: object{}, Local: true, Timeout: 5 * time.Second,
	}, &got)
	if err != nil {
		return issued{}, err
	}
	domain := p.DomainID
	if domain == "" {
		domain = account(got.Agency.URN)
	}
	k := got.Credentials
	return c.key(IssuerPod, a, AccessKey{k.Access, k.Secret, k.Token, domain}, k.Expires)
}

// ECS is the agency of the server on which this runs. Its keys are in the server's metadata.
type ECS struct {
	DomainID string   // the account's ID; empty: IAM is asked
	IAM      *url.URL // IAM's base URL, with or without /v3; nil: no account is sent without DomainID
	Metadata *url.URL // for tests; nil is http://169.254.169.254
}

func (ECS) secrets() []string { return nil }
func (ECS) mode() Mode        { return ModeECS }

// metadataTimeout is what a server without metadata costs, at most, for each attempt.
const metadataTimeout = 3 * time.Second

func (e ECS) issue(ctx context.Context, c *Credentials) (issued, error) {
	base := e.Metadata
	if base == nil {
		base = &url.URL{Scheme: "http", Host: "169.254.169.254"}
	}
	keys := Request{Method: http.MethodGet, Base: base, Path: "openstack/latest/securitykey", Local: true, Timeout: metadataTimeout}
	a, err := c.ask(ctx, IssuerMetadata, Request{
		Method: http.MethodPut, Base: base, Path: "meta-data/latest/api/token", Local: true, Timeout: metadataTimeout,
		Header: http.Header{"X-Metadata-Token-Ttl-Seconds": {"21600"}},
		// With one of these, the metadata is of version 1 and needs no token.
		Statuses: []int{http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusServiceUnavailable},
	}, nil)
	if err != nil {
		return issued{}, err
	}
	if a.Status == http.StatusOK { // a new token for each renewal, so none can be too old
		token := strings.TrimSpace(string(a.Body))
		c.keep(token)
		keys.Header = http.Header{"X-Metadata-Token": {token}}
	}
	return c.credential(ctx, IssuerMetadata, keys, e.DomainID, e.IAM)
}

// assume makes a call whose answer is a key of STS for an agency.
func (c *Credentials) assume(ctx context.Context, r Request, agency string) (issued, error) {
	var got struct {
		Credentials struct {
			Access  string  `json:"access_key_id"`
			Secret  string  `json:"secret_access_key"`
			Token   string  `json:"security_token"`
			Expires instant `json:"expiration"`
		} `json:"credentials"`
	}
	a, err := c.ask(ctx, IssuerSTS, r, &got)
	if err != nil {
		return issued{}, err
	}
	k := got.Credentials
	return c.key(IssuerSTS, a, AccessKey{k.Access, k.Secret, k.Token, account(agency)}, k.Expires)
}

// credential makes a call whose answer is a key in the form of IAM and of the metadata. If
// domainID is empty, iam is asked for the account, unless it is nil.
func (c *Credentials) credential(ctx context.Context, issuer Issuer, r Request, domainID string, iam *url.URL) (issued, error) {
	var got struct {
		Credential struct {
			Access  string  `json:"access"`
			Secret  string  `json:"secret"`
			Token   string  `json:"securitytoken"`
			Expires instant `json:"expires_at"`
		} `json:"credential"`
	}
	a, err := c.ask(ctx, issuer, r, &got)
	if err != nil {
		return issued{}, err
	}
	k := got.Credential
	i, err := c.key(issuer, a, AccessKey{k.Access, k.Secret, k.Token, domainID}, k.Expires)
	if err == nil && domainID == "" && iam != nil {
		i.key.DomainID, err = c.domainID(ctx, iam, i.key)
	}
	return i, err
}

// key is what was issued, unless something is missing in it, or cannot be sent.
func (c *Credentials) key(issuer Issuer, a Answer, k AccessKey, expires instant) (issued, error) {
	c.keep(k.SecretKey, k.SecurityToken)
	at, err := a.expiry(expires)
	switch {
	case k.AccessKey == "" || k.SecretKey == "" || k.SecurityToken == "":
		err = errors.New("the answer has no temporary key")
	case !isSendable(k.AccessKey + k.SecurityToken):
		err = errNotSendable
	}
	if err != nil {
		return issued{}, &askedError{issuer, err}
	}
	return issued{key: k, expires: at}, nil
}

var errNotSendable = errors.New("what was issued has a line break or another character that no header can have")

// isSendable reports whether a header can have a value.
func isSendable(value string) bool {
	return !strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r > '~' })
}

// account is the account's ID in iam::{account}:agency:{name}; empty if there is none.
func account(urn string) string {
	if parts := strings.Split(urn, ":"); len(parts) == 5 {
		return parts[2]
	}
	return ""
}
