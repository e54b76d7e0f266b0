package simulator

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// AccessKey is an AK/SK pair of a user. SecurityToken is set for a temporary pair.
// X-Security-Token must be sent for such a pair, and for no other. If DomainID is
// set, X-Domain-Id must be sent to the ticket service, and must be right wherever it
// is sent.
type AccessKey struct {
	AccessKey, SecretKey, SecurityToken, DomainID string
}

// User may log in at IAM.
type User struct {
	Name, Password, Domain string
}

// account is a Huawei Cloud account, which IAM calls a domain.
type account struct {
	ID   string `json:"id,omitempty"`
	Name string `json:"name"`
}

// credential is a token or an access key that was given out. s.mu guards what changes.
type credential struct {
	key      AccessKey // zero for a token
	account  account
	unscoped bool      // a token that the ticket service does not take
	expires  time.Time // zero is never, as for those of Options
}

// RevokeIssued ends every token and access key that was issued: by a login, by an
// exchange, for an agency.
func (s *Simulator) RevokeIssued() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, all := range []map[string]*credential{s.tokens, s.accessKeys, s.metadataTokens} {
		for _, c := range all {
			if !c.expires.IsZero() {
				c.expires = time.Unix(0, 0) // long ago
			}
		}
	}
}

// access says which credentials a route takes.
type access int

const (
	tokenOrSignature access = iota
	signatureOnly
	noCredentials
	ownCredentials // the route's handle checks them
)

// authenticate checks the credentials, as the gateway does first.
func (ex *exchange) authenticate(tooLarge bool) *answer {
	tokens := ex.r.Header.Values("X-Auth-Token")
	authorization := ex.r.Header.Values("Authorization")
	switch {
	case ex.route.access == noCredentials && len(tokens)+len(authorization) > 0:
		return malformed("Unexpected credentials")
	case ex.route.access == noCredentials || ex.route.access == ownCredentials:
		return nil
	case len(tokens) > 0 && len(authorization) > 0:
		return unauthorized("Token and signature both sent")
	case len(authorization) > 1:
		return malformed("Repeated header Authorization")
	case len(authorization) == 1 && tooLarge:
		return nil // a body that was not read cannot be verified; its size is refused later
	case len(authorization) == 1:
		return ex.verifySignature(authorization[0])
	case ex.route.access == signatureOnly:
		return unauthorized("The request is not signed")
	case len(tokens) == 0:
		return unauthorized("Neither token nor signature")
	case len(tokens) > 1:
		return malformed("Repeated header X-Auth-Token")
	case utf8.RuneCountInString(tokens[0]) > 5000:
		return malformed("Invalid X-Auth-Token")
	}
	c, ok := ex.tokens[tokens[0]]
	switch {
	case !ok || tokens[0] == "" || c.unscoped && ex.toTicketService():
		return unauthorized("Incorrect IAM token")
	case c.expired(ex.now()):
		return refuse(401, "APIGW.0307", "The token must be updated")
	}
	ex.caller = c
	return nil
}

// toTicketService reports whether the request is to the ticket service, and not to an
// issuer of credentials.
func (ex *exchange) toTicketService() bool { return ex.route.form == nil }

func (c *credential) expired(now time.Time) bool {
	return !c.expires.IsZero() && !now.Before(c.expires)
}

func unauthorized(msg string) *answer { return refuse(401, "APIGW.0301", msg) }

// login gives a token for a password.
func (ex *exchange) login(body object) func() *answer {
	auth := mandatory[object](ex, body, "auth")
	identity := ex.method(auth, "password")
	user := mandatory[object](ex, mandatory[object](ex, identity, "password"), "user")
	name := mandatory[string](ex, user, "name")
	secret := mandatory[string](ex, user, "password")
	domain := mandatory[string](ex, mandatory[object](ex, user, "domain"), "name")
	scoped := mandatory[string](ex, mandatory[object](ex, mandatory[object](ex, auth, "scope"), "domain"), "name")
	return func() *answer {
		if scoped != domain || !slices.Contains(ex.opts.Users, User{name, secret, domain}) {
			return refuse(401, "", "The username or password is wrong.")
		}
		return ex.issueToken("password", name, credential{account: account{Name: domain}}, tokenLife)
	}
}

// method reads the identity in an IAM body, which must name this one method and have a
// member for it.
func (ex *exchange) method(auth object, name string) object {
	identity := mandatory[object](ex, auth, "identity")
	methods := mandatory[[]any](ex, identity, "methods")
	ex.require(len(methods) == 1 && methods[0] == name, malformed("Invalid methods"))
	return identity
}

// iamTime is how IAM and the metadata service write a time. STS and pod identity do not
// document theirs: the vendor's SDK reads the same form from all four.
const iamTime = "2006-01-02T15:04:05.000000Z"

// tokenLife is how long a token of IAM can be used.
const tokenLife = 24 * time.Hour

// issueToken makes a new token. It needs s.mu.
func (s *Simulator) issueToken(method, user string, c credential, life time.Duration) *answer {
	s.issued++
	text := fmt.Sprintf("MIIsimulated-%08d", s.issued)
	now := s.now().UTC()
	c.expires = now.Add(life)
	s.tokens[text] = &c
	token := map[string]any{
		"methods":    []string{method},
		"issued_at":  now.Format(iamTime),
		"expires_at": c.expires.Format(iamTime),
		"user":       map[string]any{"name": user, "domain": c.account},
	}
	if !c.unscoped {
		token["domain"] = c.account
	}
	return &answer{status: 201, header: map[string]string{"X-Subject-Token": text}, body: map[string]any{"token": token}}
}

// The forms in which issuers refuse. Each takes the place of wireError, the form of the
// ticket service. A code of the ticket service, or none, becomes the endpoint's own.

// iamError is for the endpoints whose errors no page documents, too.
func iamError(_ *exchange, status int, e wireError) any {
	return map[string]any{"error": map[string]any{"code": status, "message": e.Msg, "title": http.StatusText(status)}}
}

var exchangeCodes = map[int]string{400: "IAM.0011", 401: "IAM.0007", 403: "IAM.0003", 404: "IAM.0004", 500: "IAM.0006"}

func exchangeError(_ *exchange, status int, e wireError) any {
	return wireError{ownCode(e, exchangeCodes[status]), e.Msg}
}

// stsError has documented members. No page documents the codes: these are made up.
func stsError(ex *exchange, status int, e wireError) any {
	body := map[string]string{"error_code": ownCode(e, fmt.Sprintf("STS5.%04d", status)), "error_msg": e.Msg, "request_id": ex.record.RequestID}
	if status == 403 {
		body["encoded_authorization_message"] = "simulated"
	}
	return body
}

func ownCode(e wireError, own string) string {
	if e.Code == "" || strings.HasPrefix(e.Code, "OSM.") {
		return cmp.Or(own, e.Code)
	}
	return e.Code
}
