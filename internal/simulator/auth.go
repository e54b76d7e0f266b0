package simulator

import (
	"fmt"
	"time"
	"unicode/utf8"
)

// AccessKey is an AK/SK pair of a user. SecurityToken is set for a temporary pair.
// X-Security-Token must be sent for such a pair, and for no other. If DomainID is
// set, X-Domain-Id must be sent.
type AccessKey struct {
	AccessKey, SecretKey, SecurityToken, DomainID string
}

// User may log in at IAM.
type User struct {
	Name, Password, Domain string
}

// revoked is the expiry of a token that was revoked.
var revoked = time.Unix(0, 0)

// RevokeTokens ends every token that came from a login.
func (s *Simulator) RevokeTokens() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for text, expires := range s.tokens {
		if !expires.IsZero() {
			s.tokens[text] = revoked
		}
	}
}

// RevokeToken ends one token, wherever it came from.
func (s *Simulator) RevokeToken(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.tokens[text]; ok {
		s.tokens[text] = revoked
	}
}

// RevokeAccessKey ends an AK/SK pair.
func (s *Simulator) RevokeAccessKey(accessKey string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.accessKeys, accessKey)
}

// authenticate checks the credentials, as the gateway does first.
func (ex *exchange) authenticate(rt route, tooLarge bool) *answer {
	if rt.public {
		return nil
	}
	tokens := ex.r.Header.Values("X-Auth-Token")
	authorization := ex.r.Header.Values("Authorization")
	switch {
	case len(tokens) > 0 && len(authorization) > 0:
		return unauthorized("Token and signature both sent")
	case len(authorization) > 1:
		return malformed("Repeated header Authorization")
	case len(authorization) == 1 && tooLarge:
		return nil // a body that was not read cannot be verified; its size is refused later
	case len(authorization) == 1:
		return ex.verifySignature(authorization[0])
	case len(tokens) == 0:
		return unauthorized("Neither token nor signature")
	case len(tokens) > 1:
		return malformed("Repeated header X-Auth-Token")
	case utf8.RuneCountInString(tokens[0]) > 5000:
		return malformed("Invalid X-Auth-Token")
	}
	s := ex.s
	s.mu.Lock()
	defer s.mu.Unlock()
	expires, ok := s.tokens[tokens[0]]
	switch {
	case !ok || tokens[0] == "":
		return unauthorized("Incorrect IAM token")
	case !expires.IsZero() && !s.nowLocked().Before(expires):
		return refuse(401, "APIGW.0307", "The token must be updated")
	}
	return nil
}

func unauthorized(msg string) *answer { return refuse(401, "APIGW.0301", msg) }

// iamError is an error of IAM, which has its own format.
func iamError(status int, msg, title string) *answer {
	return &answer{status: status, refused: true, body: map[string]any{
		"error": map[string]any{"code": status, "message": msg, "title": title},
	}}
}

var badLogin = iamError(400, "The request is invalid.", "Bad Request")

// login gives a token for a password.
func (ex *exchange) login(body object) (do func() *answer, refusal *answer) {
	var r reader
	auth := sole[object](&r, body, "auth")
	r.only(auth, "identity", "scope")
	identity := mandatory[object](&r, auth, "identity")
	r.only(identity, "methods", "password")
	methods := mandatory[[]any](&r, identity, "methods")
	user := sole[object](&r, mandatory[object](&r, identity, "password"), "user")
	r.only(user, "name", "password", "domain")
	name := mandatory[string](&r, user, "name")
	secret := mandatory[string](&r, user, "password")
	domain := sole[string](&r, mandatory[object](&r, user, "domain"), "name")
	scoped := sole[string](&r, sole[object](&r, mandatory[object](&r, auth, "scope"), "domain"), "name")
	if r.refusal != nil || len(methods) != 1 || methods[0] != "password" {
		return nil, badLogin
	}
	return func() *answer {
		s := ex.s
		for _, u := range s.opts.Users {
			if u == (User{name, secret, domain}) && scoped == domain {
				return s.issue(u)
			}
		}
		return iamError(401, "The username or password is wrong.", "Unauthorized")
	}, nil
}

// issue makes a new token. It needs s.mu.
func (s *Simulator) issue(u User) *answer {
	const layout = "2006-01-02T15:04:05.000000Z"
	s.tokenSerial++
	text := fmt.Sprintf("MIIsimulated-%08d", s.tokenSerial)
	now := s.nowLocked().UTC()
	expires := now.Add(s.opts.TokenLifetime)
	s.tokens[text] = expires
	domain := map[string]string{"name": u.Domain}
	return &answer{
		status: 201,
		header: map[string]string{"X-Subject-Token": text},
		body: map[string]any{"token": map[string]any{
			"methods":    []string{"password"},
			"issued_at":  now.Format(layout),
			"expires_at": expires.Format(layout),
			"user":       map[string]any{"name": u.Name, "domain": domain},
			"domain":     domain,
		}},
	}
}
