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
	return &session{client: c, password: p, base: &base, logins: make(semaphore, 1)}
}

// session keeps the token of a login, for all parallel calls.
type session struct {
	client   *Client
	password Password
	base     *url.URL

	logins semaphore // held by whoever logs in
	// refused is IAM's refusal of the password (400 or 401). It is final: repeating
	// a wrong password for every resource could lock the account. Only the holder of
	// logins may use it.
	refused error

	mu      sync.Mutex // of the fields below; never held while waiting
	token   string
	expires time.Time // by the local clock, with a margin
	issued  []string  // all tokens so far, to keep them out of every text
	// failures counts the failed logins, and failure is the last one's error. All
	// who waited during a failed login share its result. If each logged in in turn,
	// the last would wait for hours.
	failures int
	failure  error
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

func (s *session) prepare(ctx context.Context) error {
	_, err := s.currentToken(ctx)
	return err
}

// currentToken is the token of the last login, or of a new one.
func (s *session) currentToken(ctx context.Context) (string, error) {
	before, _ := s.failed()
	if err := s.logins.acquire(ctx); err != nil {
		return "", err
	}
	defer s.logins.release()

	if s.refused != nil {
		return "", s.refused
	}
	if token := s.valid(); token != "" {
		return token, nil
	}
	if failures, err := s.failed(); failures > before {
		return "", err
	}
	token, err := s.login(ctx)
	if err != nil {
		s.fail(ctx, err)
	}
	return token, err
}

func (s *session) failed() (failures int, last error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.failures, s.failure
}

// fail records a failed login, unless its caller was cancelled or had too little
// time for another attempt.
func (s *session) fail(ctx context.Context, err error) {
	if deadline, ok := ctx.Deadline(); ctx.Err() != nil || ok && time.Until(deadline) < maxRetryAfter {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failures, s.failure = s.failures+1, err
}

// valid returns the token, or an empty text if a login is needed.
func (s *session) valid() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.client.clock.Now().Before(s.expires) {
		return ""
	}
	return s.token
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

// login asks IAM for a token. The caller holds logins.
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
			ExpiresAt time.Time `json:"expires_at"`
		} `json:"token"`
	}
	o, err := s.client.doIdempotent(ctx, request{
		method: http.MethodPost, base: s.base, path: "v3/auth/tokens", body: body, anonymous: true,
	}, &got)
	token := o.header.Get("X-Subject-Token")
	switch {
	case err != nil:
	case o.status != http.StatusCreated:
		err = s.client.failure(o)
	case token == "" || got.Token.ExpiresAt.IsZero():
		err = errors.New("the answer has no X-Subject-Token header, or no expires_at")
	}
	if err != nil {
		if o.err == nil && (o.status == http.StatusBadRequest || o.status == http.StatusUnauthorized) {
			s.refused = &LoginError{err}
		}
		return "", &LoginError{err}
	}

	// The lifetime is measured by IAM's clock, since the local one may be off.
	life := got.Token.ExpiresAt.Sub(o.answeredAt())
	s.mu.Lock()
	defer s.mu.Unlock()
	s.token, s.expires = token, o.received.Add(life-min(maxMargin, life/10))
	s.issued = append(s.issued, token)
	return token, nil
}
