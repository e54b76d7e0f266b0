package credentials

import (
	"cmp"
	"context"
	"encoding/json"
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

func (OIDC) mode() Mode { return ModeOIDC }

func (o OIDC) issue(ctx context.Context, c *Credentials) (issued, error) {
	idToken, err := o.IDToken.get(ctx, c)
	if err != nil {
		return issued{}, err
	}
	return c.key(ctx, Request{
		Issuer: IssuerSTS, Method: http.MethodPost, Base: o.STS, Path: "v5/agencies/assume-with-oidc",
		Body: lasting(o.Duration, object{
			"provider_urn": o.ProviderURN, "agency_urn": o.AgencyURN, "agency_session_name": o.SessionName, "id_token": idToken,
		}).json(),
	}, stsKey, Account(o.AgencyURN), nil)
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

func (Agency) mode() Mode { return ModeAgency }

func (a Agency) issue(ctx context.Context, c *Credentials) (issued, error) {
	if a.URN != "" {
		return c.key(ctx, Request{
			Issuer: IssuerSTS, Method: http.MethodPost, Base: a.STS, Path: "v5/agencies/assume", By: c.base,
			Body: lasting(a.Duration, object{"agency_urn": a.URN, "agency_session_name": a.SessionName}).json(),
		}, stsKey, Account(a.URN), nil)
	}
	agency := lasting(a.Duration, object{"agency_name": a.Name})
	if a.Domain.ID != "" {
		agency["domain_id"] = a.Domain.ID
	} else {
		agency["domain_name"] = a.Domain.Name
	}
	return c.key(ctx, Request{
		Issuer: IssuerAgency, Method: http.MethodPost, Base: iam(a.IAM), Path: "v3.0/OS-CREDENTIAL/securitytokens", By: c.base,
		Body: object{"auth": object{"identity": object{"methods": []string{"assume_role"}, "assume_role": agency}}}.json(),
	}, iamKey, a.Domain.ID, a.IAM)
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

func (Pod) mode() Mode { return ModePod }

func (p Pod) issue(ctx context.Context, c *Credentials) (issued, error) {
	token, err := c.readSecret("HC_CONTAINER_AUTHORIZATION_TOKEN_FILE", p.TokenFile)
	if err != nil {
		return issued{}, err
	}
	return c.key(ctx, Request{
		Issuer: IssuerPod, Method: http.MethodPost, Base: p.URL, Body: object{}.json(),
		Header: http.Header{"Authorization": {token}}, Local: true, Timeout: 5 * time.Second,
	}, podKey, p.DomainID, nil)
}

// ECS is the agency of the server on which this runs. Its keys are in the server's metadata.
type ECS struct {
	DomainID string   // the account's ID; empty: IAM is asked
	IAM      *url.URL // IAM's base URL, with or without /v3; nil: no account is sent without DomainID
	Metadata *url.URL // for tests; nil is http://169.254.169.254
}

func (ECS) mode() Mode { return ModeECS }

// metadataTimeout is what a server without metadata costs, at most, for each attempt.
const metadataTimeout = 3 * time.Second

func (e ECS) issue(ctx context.Context, c *Credentials) (issued, error) {
	base := e.Metadata
	if base == nil {
		base = &url.URL{Scheme: "http", Host: "169.254.169.254"}
	}
	keys := Request{Issuer: IssuerMetadata, Method: http.MethodGet, Base: base, Path: "openstack/latest/securitykey", Local: true, Timeout: metadataTimeout}
	a, err := c.ask(ctx, Request{
		Issuer: IssuerMetadata, Method: http.MethodPut, Base: base, Path: "meta-data/latest/api/token", Local: true, Timeout: metadataTimeout,
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
	return c.key(ctx, keys, iamKey, e.DomainID, e.IAM)
}

// keyForm is the names that an issuer gives to what is in its answer.
type keyForm struct {
	agency                         string // whose URN names the account; empty: nothing does
	key                            string
	access, secret, token, expires string // in key
}

var (
	stsKey = keyForm{"", "credentials", "access_key_id", "secret_access_key", "security_token", "expiration"}
	podKey = keyForm{"assumedAgency", "credentials", "accessKeyId", "secretAccessKey", "securityToken", "expiration"}
	iamKey = keyForm{"", "credential", "access", "secret", "securitytoken", "expires_at"} // the metadata's, too
)

// key makes a call whose answer is a temporary key. domainID is its account. If that is
// empty and the answer does not name it, iam is asked, unless it is nil.
func (c *Credentials) key(ctx context.Context, r Request, form keyForm, domainID string, iam *url.URL) (issued, error) {
	var got map[string]json.RawMessage
	a, err := c.ask(ctx, r, &got)
	if err != nil {
		return issued{}, err
	}
	var agency struct{ URN string }
	_ = json.Unmarshal(got[form.agency], &agency) // without one, it names none
	var key map[string]string
	_ = json.Unmarshal(got[form.key], &key) // what is missing is reported below
	k := AccessKey{key[form.access], key[form.secret], key[form.token], cmp.Or(domainID, Account(agency.URN))}
	c.keep(k.SecretKey, k.SecurityToken)
	expires, err := a.expiry(key[form.expires])
	switch {
	case k.AccessKey == "" || k.SecretKey == "" || k.SecurityToken == "":
		err = errors.New("the answer has no temporary key")
	case !isSendable(k.AccessKey + k.SecurityToken):
		err = errNotSendable
	}
	if err != nil {
		return issued{}, c.none(r.Issuer, err)
	}
	if k.DomainID == "" && iam != nil {
		k.DomainID, err = c.domainID(ctx, iam, k)
	}
	return issued{key: k, expires: expires}, err
}

var errNotSendable = errors.New("what was issued has a line break or another character that no header can have")

// isSendable reports whether a header can have a value.
func isSendable(value string) bool {
	return !strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r > '~' })
}

// Account is the account's ID in a URN such as iam::{account}:agency:{name}; empty if there is none.
func Account(urn string) string {
	if parts := strings.Split(urn, ":"); len(parts) == 5 {
		return parts[2]
	}
	return ""
}
