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

// token is what the service knows of an X-Auth-Token.
type token struct {
	expires time.Time // zero is never
	dead    bool      // revoked
}

// RevokeTokens ends every token that came from a login.
func (s *Simulator) RevokeTokens() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for text, t := range s.tokens {
		if !t.expires.IsZero() {
			t.dead = true
			s.tokens[text] = t
		}
	}
}

// RevokeToken ends one token, wherever it came from.
func (s *Simulator) RevokeToken(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t, ok := s.tokens[text]; ok {
		t.dead = true
		s.tokens[text] = t
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
	t, ok := s.tokens[tokens[0]]
	switch {
	case !ok || tokens[0] == "":
		return unauthorized("Incorrect IAM token")
	case t.dead, !t.expires.IsZero() && !s.nowLocked().Before(t.expires):
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
	auth, ok1 := sole[object](body, "auth")
	identity, ok2 := member[object](auth, "identity", true)
	scope, ok3 := member[object](auth, "scope", true)
	methods, ok4 := member[[]any](identity, "methods", true)
	password, ok5 := member[object](identity, "password", true)
	user, ok6 := sole[object](password, "user")
	name, ok7 := member[string](user, "name", true)
	secret, ok8 := member[string](user, "password", true)
	userDomain, ok9 := member[object](user, "domain", true)
	scopeDomain, ok10 := sole[object](scope, "domain")
	domain, ok11 := sole[string](userDomain, "name")
	scoped, ok12 := sole[string](scopeDomain, "name")
	for _, ok := range []bool{ok1, ok2, ok3, ok4, ok5, ok6, ok7, ok8, ok9, ok10, ok11, ok12,
		auth.only("identity", "scope"), identity.only("methods", "password"), user.only("name", "password", "domain")} {
		if !ok {
			return nil, badLogin
		}
	}
	if len(methods) != 1 || methods[0] != "password" {
		return nil, badLogin
	}
	return func() *answer {
		s := ex.s
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, u := range s.opts.Users {
			if u == (User{name, secret, domain}) && scoped == domain {
				return s.issue(u)
			}
		}
		return iamError(401, "The username or password is wrong.", "Unauthorized")
	}, nil
}

// sole returns the only member of an object.
func sole[T any](o object, name string) (T, bool) {
	v, ok := member[T](o, name, true)
	return v, ok && o.only(name)
}

// issue makes a new token. It needs s.mu.
func (s *Simulator) issue(u User) *answer {
	const layout = "2006-01-02T15:04:05.000000Z"
	s.tokenSerial++
	text := fmt.Sprintf("MIIsimulated-%08d", s.tokenSerial)
	now := s.nowLocked().UTC()
	expires := now.Add(s.opts.TokenLifetime)
	s.tokens[text] = token{expires: expires}
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
