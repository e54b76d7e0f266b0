package servicerequest

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/flight"
)

// Password logs in to IAM for a token, on the first call that needs one.
type Password struct {
	// AuthURL is IAM's base URL, from [ParseEndpoint], with or without /v3.
	AuthURL *url.URL
	// UserName and Password are the IAM user's; DomainName is the account's.
	UserName, Password, DomainName string
}

func (p Password) authenticator(c *Client) authenticator {
	base := *p.AuthURL
	base.Path = strings.TrimSuffix(base.Path, "/v3")
	base.RawPath = strings.TrimSuffix(base.RawPath, "/v3")
	return &session{client: c, password: p, base: &base}
}

// session keeps the token of a login, for all parallel calls.
type session struct {
	client   *Client
	password Password
	base     *url.URL
	logins   flight.Flight[string]

	mu      sync.Mutex // of the fields below; never held while waiting
	token   string
	expires time.Time // by the local clock, with a margin
	issued  []string  // all tokens so far, to keep them out of every text
	// refused is IAM's refusal of the password (400 or 401). It is final: repeating
	// a wrong password for every resource could lock the account.
	refused error
}

// maxMargin is how long before its expiry a token is no longer used, at most.
const maxMargin = 5 * time.Minute

func (s *session) authenticate(ctx context.Context, req *http.Request, _ []byte) error {
	token, err := s.currentToken(ctx)
	if err != nil {
		return err
	}
	req.Header.Set("X-Auth-Token", token)
	return nil
}

// currentToken is the token of the last login, or of a new one. All who need a token
// at the same time share one login, and its failure.
func (s *session) currentToken(ctx context.Context) (string, error) {
	if token, err := s.valid(); token != "" || err != nil {
		return token, err
	}
	return s.logins.Do(ctx, func(ctx context.Context) (string, error) {
		// Another login may have ended since.
		if token, err := s.valid(); token != "" || err != nil {
			return token, err
		}
		return s.login(ctx)
	})
}

// valid returns the token, or an empty text if a login is needed. The error says that
// no login may be tried.
func (s *session) valid() (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.client.clock.Now().Before(s.expires) {
		return "", s.refused
	}
	return s.token, s.refused
}

// renew drops the token that was refused, unless another call has already
// replaced it.
func (s *session) renew(req *http.Request) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.token == req.Header.Get("X-Auth-Token") {
		s.token = ""
	}
	return true
}

func (s *session) secrets() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string{s.password.Password}, s.issued...)
}

func (*session) mode() Mode { return ModePassword }

// loginBody is IAM's request for a token that is scoped to the account.
type loginBody struct {
	Auth struct {
		Identity struct {
			Methods  []string `json:"methods"`
			Password struct {
				User loginUser `json:"user"`
			} `json:"password"`
		} `json:"identity"`
		Scope struct {
			Domain loginDomain `json:"domain"`
		} `json:"scope"`
	} `json:"auth"`
}

type loginUser struct {
	Name     string      `json:"name"`
	Password string      `json:"password"`
	Domain   loginDomain `json:"domain"`
}

type loginDomain struct {
	Name string `json:"name"`
}

// login asks IAM for a token.
func (s *session) login(ctx context.Context) (string, error) {
	p := s.password
	var b loginBody
	b.Auth.Identity.Methods = []string{"password"}
	b.Auth.Identity.Password.User = loginUser{p.UserName, p.Password, loginDomain{p.DomainName}}
	b.Auth.Scope.Domain.Name = p.DomainName
	body, err := json.Marshal(b)
	if err != nil {
		return "", &LoginError{err}
	}
	var got struct {
		Token struct {
			ExpiresAt text `json:"expires_at"`
		} `json:"token"`
	}
	o, err := s.client.doIdempotent(ctx, request{
		method: http.MethodPost, base: s.base, path: "v3/auth/tokens", body: body, anonymous: true,
	}, &got)
	token := o.header.Get("X-Subject-Token")
	expires, dated := parseTime(string(got.Token.ExpiresAt), time.UTC)
	switch {
	case err != nil:
	case o.status != http.StatusCreated:
		err = s.client.failure(o)
	case token == "" || !dated || !isPlausible(expires):
		err = errors.New("the answer has no X-Subject-Token header, or no expires_at")
	}
	if err != nil {
		if o.err == nil && (o.status == http.StatusBadRequest || o.status == http.StatusUnauthorized) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.refused = &LoginError{err}
		}
		return "", &LoginError{err}
	}

	// The lifetime is measured by IAM's clock, since the local one may be off.
	life := expires.Sub(o.answeredAt())
	s.mu.Lock()
	defer s.mu.Unlock()
	s.token, s.expires = token, o.received.Add(life-min(maxMargin, life/10))
	s.issued = append(s.issued, token)
	return token, nil
}
