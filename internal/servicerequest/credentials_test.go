package servicerequest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/credentials"
	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/simulator"
)

var testUser = simulator.User{Name: "alice", Password: `p&ss<w"ö\rd`, Domain: "account"}

// withPassword makes a client log in.
func withPassword(t testing.TB, s *service, password string) *Client {
	t.Helper()
	return s.client(t, func(c *Config) {
		c.Credentials = credentials.Password{IAM: mustURL(t, s.URL()+"/v3"), UserName: testUser.Name, Password: password, DomainName: testUser.Domain}
	})
}

// postMany posts n messages at the same time, each again after renewed credentials.
func postMany(t *testing.T, c *Client, name string, n int, want Outcome) {
	t.Helper()
	each(n, n, func(i int) {
		p := Post{CaseID: testCase, Content: fmt.Sprint(name, " ", i)}
		got, err := c.Post(t.Context(), p)
		if err == nil && got.Outcome == Unauthenticated {
			got, err = c.Post(t.Context(), p)
		}
		if err != nil || got.Outcome != want {
			t.Errorf("%v, %v, want %v", got.Outcome, err, want)
		}
	})
}

// noTokens fails unless n posts at the same time send nothing, for want of a token.
func noTokens(t *testing.T, c *Client, n int) {
	t.Helper()
	each(n, n, func(int) {
		var login *credentials.Error
		if a, err := c.Post(t.Context(), hello()); !errors.As(err, &login) {
			t.Errorf("%v, %v", a.Outcome, err)
		}
	})
}

func wantCounts(t *testing.T, s *service, logins, posts int) {
	t.Helper()
	if got := [2]int{s.Count(simulator.OpLogin), s.Count(simulator.OpSubmit)}; got != [2]int{logins, posts} {
		t.Errorf("%d logins and %d posts, want %d and %d", got[0], got[1], logins, posts)
	}
}

func TestOneLoginForAll(t *testing.T) {
	t.Parallel()
	s := newService(t, simulator.Options{Users: []simulator.User{testUser}})
	c := withPassword(t, s, testUser.Password)
	wantCounts(t, s, 0, 0)
	postMany(t, c, "first", 50, Submitted)
	wantCounts(t, s, 1, 50)

	// Near the end of its 24 hours the token is renewed, before it is refused.
	_ = s.clock.Sleep(t.Context(), 24*time.Hour-10*time.Minute+time.Second)
	postMany(t, c, "later", 50, Submitted)
	wantCounts(t, s, 2, 100)
	for _, r := range s.Requests() {
		if r.Status == http.StatusUnauthorized {
			t.Error("a token was refused")
		}
	}
}

// The lifetime of a token is measured by IAM's clock.
func TestLoginWithAClockThatIsOff(t *testing.T) {
	t.Parallel()
	for _, skew := range []time.Duration{-30 * time.Hour, 30 * time.Hour} {
		s := newService(t, simulator.Options{Users: []simulator.User{testUser}, Faults: []simulator.Fault{{Kind: "clock-skew", Skew: skew}}})
		c := withPassword(t, s, testUser.Password)
		postMany(t, c, "first", 3, Submitted)
		_ = s.clock.Sleep(t.Context(), 23*time.Hour)
		postMany(t, c, "second", 3, Submitted)
		wantCounts(t, s, 1, 6)
	}
}

func TestRevokedTokenIsRenewedOnce(t *testing.T) {
	t.Parallel()
	s := newService(t, simulator.Options{Users: []simulator.User{testUser}})
	c := withPassword(t, s, testUser.Password)
	postMany(t, c, "first", 1, Submitted)
	s.RevokeIssued()
	postMany(t, c, "second", 20, Submitted)
	if n := s.Count(simulator.OpLogin); n != 2 {
		t.Errorf("%d logins, want 2", n)
	}
	if n := len(s.Messages(testCase)); n != 21 {
		t.Errorf("%d messages", n)
	}
}

// A POST right after a check does not wait for new credentials.
func TestCheckedPost(t *testing.T) {
	t.Parallel()
	s := newService(t, simulator.Options{Users: []simulator.User{testUser}})
	c := withPassword(t, s, testUser.Password)
	p := hello()
	p.Checked = true
	post(t, c, p, Unauthenticated)
	wantCounts(t, s, 0, 0)
	if _, err := c.List(t.Context(), testCase, ""); err != nil {
		t.Fatal(err)
	}
	post(t, c, p, Submitted)
	_ = s.clock.Sleep(t.Context(), 24*time.Hour-5*time.Minute) // to be renewed, but alive
	post(t, c, p, Submitted)
	_ = s.clock.Sleep(t.Context(), 5*time.Minute)
	post(t, c, p, Unauthenticated)
	wantCounts(t, s, 1, 2)
}

// The token is also renewed for a list.
func TestListRenewsTheToken(t *testing.T) {
	t.Parallel()
	s := newService(t, simulator.Options{Users: []simulator.User{testUser}, Faults: faults(t, "401?op=list&times=1")})
	if _, err := withPassword(t, s, testUser.Password).List(t.Context(), testCase, ""); err != nil {
		t.Error(err)
	}
	wantCounts(t, s, 2, 0)
	if n := s.Count(simulator.OpList); n != 2 {
		t.Errorf("%d lists", n)
	}
}

// A long call can meet more than one token that has expired.
func TestListRenewsTheTokenAgain(t *testing.T) {
	t.Parallel()
	s := newService(t, simulator.Options{Users: []simulator.User{testUser}, Faults: faults(t, "401@1,3?op=list", "500@2?op=list")})
	if _, err := withPassword(t, s, testUser.Password).List(t.Context(), testCase, ""); err != nil {
		t.Error(err)
	}
	wantCounts(t, s, 3, 0)
}

// That the second token is refused too is for the caller to see: Post alone would go
// on for ever.
func TestSecond401IsReported(t *testing.T) {
	t.Parallel()
	s := newService(t, simulator.Options{Users: []simulator.User{testUser}, Faults: []simulator.Fault{{Kind: "401"}}})
	postMany(t, withPassword(t, s, testUser.Password), "first", 1, Unauthenticated)
	wantCounts(t, s, 2, 2)
}

// A fixed token and a key cannot be renewed.
func Test401WithoutRenewalIsReported(t *testing.T) {
	t.Parallel()
	for _, source := range []credentials.Source{credentials.Token("expired"), credentials.AccessKey{AccessKey: "AK", SecretKey: "wrong"}} {
		s := newService(t, simulator.Options{AccessKeys: []simulator.AccessKey{{AccessKey: "AK", SecretKey: "right"}}})
		a := post(t, s.client(t, func(c *Config) { c.Credentials = source }), hello(), Rejected)
		var api *APIError
		if errors.As(a.Err, &api); api.Status != 401 || api.Mode == "" || api.Cause() != CauseUnauthenticated {
			t.Errorf("%+v", api)
		}
	}
}

// Repeating a wrong password for every message could lock the account.
func TestWrongPasswordIsAskedOnce(t *testing.T) {
	t.Parallel()
	s := newService(t, simulator.Options{Users: []simulator.User{testUser}})
	c := withPassword(t, s, "wrong password")
	noTokens(t, c, 20)
	noTokens(t, c, 2)
	wantCounts(t, s, 1, 0)
	_, err := c.Post(t.Context(), hello())
	var login *credentials.Error
	if !errors.As(err, &login) || strings.Contains(err.Error(), "wrong password") {
		t.Errorf("%v", err)
	}
}

// arrival is a context that signals when something first waits for it.
type arrival struct {
	context.Context
	once    sync.Once
	arrived func()
}

func (a *arrival) Done() <-chan struct{} {
	a.once.Do(a.arrived)
	return a.Context.Done()
}

// All who need a token at the same time share one login, and its failure. Who comes
// later tries again.
func TestFailedLoginIsEveryonesWhoWaited(t *testing.T) {
	t.Parallel()
	const callers = 20
	var all, waiting sync.WaitGroup
	waiting.Add(callers)
	logins := 0
	iam := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		waiting.Wait() // nobody fails before all wait
		logins++       // one after the other
		w.WriteHeader(http.StatusInternalServerError)
	}))
	defer iam.Close()
	c := newClient(t, "http://127.0.0.1:1", func(c *Config) {
		c.Credentials = credentials.Password{IAM: mustURL(t, iam.URL), UserName: "alice", Password: "secret", DomainName: "account"}
	})
	for range callers {
		all.Go(func() {
			req, _ := http.NewRequest(http.MethodGet, "http://127.0.0.1", nil)
			var login *credentials.Error
			if err := c.auth.Authenticate(&arrival{Context: t.Context(), arrived: waiting.Done}, req, nil); !errors.As(err, &login) {
				t.Errorf("%v", err)
			}
		})
	}
	all.Wait()
	if logins != idempotentAttempts {
		t.Errorf("%d logins, want the %d of one caller", logins, idempotentAttempts)
	}
	_, err := c.List(t.Context(), testCase, "")
	if logins != 2*idempotentAttempts || !PreventsPost(err) {
		t.Errorf("%d logins after a later call, %v", logins, err)
	}
}

func TestLoginIsRetried(t *testing.T) {
	t.Parallel()
	for fault, ok := range map[string]bool{
		"500?op=login&times=2": true, "429?op=login&times=9": true, "cut?op=login&times=1": true, "html?op=login&times=1": true,
		"500?op=login": false, "html?op=login": false, "307?op=login&location=https://elsewhere.example": false, "429?op=login&retry_after=60": false,
	} {
		s := newService(t, simulator.Options{Users: []simulator.User{testUser}, Faults: faults(t, fault)})
		c := withPassword(t, s, testUser.Password)
		if ok {
			postMany(t, c, fault, 1, Submitted)
		} else {
			noTokens(t, c, 1)
		}
	}
}

// A login that hangs delays neither a cancellation nor a renewal.
func TestHangingLogin(t *testing.T) {
	t.Parallel()
	arrived, open := make(chan struct{}), make(chan struct{})
	iam := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		arrived <- struct{}{}
		<-open
	}))
	defer iam.Close()
	defer close(open)
	s := newService(t, simulator.Options{})
	c := s.client(t, func(c *Config) {
		c.Credentials = credentials.Password{IAM: mustURL(t, iam.URL), UserName: "alice", Password: "secret", DomainName: "account"}
	})
	ctx, cancel := context.WithCancel(t.Context())
	first := make(chan error)
	go func() {
		_, err := c.Post(ctx, hello())
		first <- err
	}()
	<-arrived
	req, _ := http.NewRequest(http.MethodGet, s.URL(), nil)
	c.auth.Renew(req) // must not wait for somebody's login
	done, stop := context.WithCancel(t.Context())
	stop()
	if _, err := c.Post(done, hello()); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	cancel()
	if err := <-first; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if n := len(s.Requests()); n != 0 {
		t.Errorf("%d requests without a token", n)
	}
}

// Without an end of its life, a token is not used.
func TestLifeOfAToken(t *testing.T) {
	t.Parallel()
	for expires, ok := range map[string]bool{
		`"2026-03-02T12:00:00.000000Z"`: true, `1772452800`: false, `"0001-01-01T00:00:00Z"`: false, `""`: false, `"tomorrow"`: false, `null`: false,
	} {
		logins := 0
		c, _ := handler(t, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/v3/auth/tokens" {
				logins++
				w.Header().Set("Date", newFakeClock().now.Format(http.TimeFormat))
				w.Header().Set("X-Subject-Token", "token")
				w.WriteHeader(http.StatusCreated)
				_, _ = fmt.Fprintf(w, `{"token":{"expires_at":%s}}`, expires)
			}
		}, func(c *Config) {
			c.Credentials = credentials.Password{IAM: c.Endpoint, UserName: "alice", Password: "secret", DomainName: "account"}
		})
		for range 2 {
			if _, err := c.Post(t.Context(), hello()); (err == nil) != ok {
				t.Errorf("%s: %v", expires, err)
			}
		}
		if ok && logins != 1 {
			t.Errorf("%s: %d logins", expires, logins)
		}
	}
}

// A signature contains the date, so each attempt has its own.
func TestEveryAttemptIsSignedAnew(t *testing.T) {
	t.Parallel()
	key := simulator.AccessKey{AccessKey: "AK", SecretKey: "SK", SecurityToken: "temporary", DomainID: "domain"}
	s := newService(t, simulator.Options{AccessKeys: []simulator.AccessKey{key}, Faults: faults(t, "429?op=list&times=10&retry_after=20")})
	c := s.client(t, func(c *Config) {
		c.Credentials = credentials.AccessKey{AccessKey: "AK", SecretKey: "SK", SecurityToken: "temporary", DomainID: "domain"}
	})
	if _, err := c.List(t.Context(), testCase, ""); err != nil {
		t.Error(err)
	}
	post(t, c, Post{CaseID: "TT201801020526", Content: "<Hällo> & so on"}, Submitted)
	dates := map[string]bool{}
	for _, r := range s.Requests() {
		dates[r.Header.Get("X-Sdk-Date")] = true
	}
	if len(dates) < 11 {
		t.Errorf("%d dates for 12 requests", len(dates))
	}
}

// No error repeats a secret, whatever form the answer has it in.
func TestErrorsKeepSecrets(t *testing.T) {
	t.Parallel()
	secrets := []string{`p&ss<w"ö\rd %+/=`, "to/ken+with=signs", "SK<secret>", `security "token"`}
	echoes := map[string]func(string) string{
		"as it is": func(s string) string { return s },
		"JSON":     func(s string) string { b, _ := json.Marshal(s); return string(b) },
		"a query":  url.QueryEscape,
		"a path":   url.PathEscape,
		"HTML":     html.EscapeString,
	}
	for name, echo := range echoes {
		_, server := handler(t, func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			w.Header().Set("X-Request-Id", r.Header.Get("X-Auth-Token"))
			w.WriteHeader(http.StatusForbidden)
			all := append([]string{string(body), r.Header.Get("Authorization")}, secrets...)
			for i := range all {
				all[i] = echo(all[i])
			}
			_, _ = io.WriteString(w, strings.Join(all, " "))
		})
		for _, source := range []credentials.Source{
			credentials.Token(secrets[1]),
			credentials.AccessKey{AccessKey: "AK", SecretKey: secrets[2], SecurityToken: secrets[3]},
			credentials.Password{IAM: mustURL(t, server.URL), UserName: "alice", Password: secrets[0], DomainName: "account"},
		} {
			c := newClient(t, server.URL, func(c *Config) { c.Credentials = source })
			a, err := c.Post(t.Context(), hello())
			if err == nil {
				err = a.Err
			}
			for _, secret := range c.auth.Secrets() {
				for _, form := range echoes {
					if secret != "" && strings.Contains(err.Error(), strings.Trim(form(secret), `"`)) {
						t.Errorf("%s, %T: %v", name, source, err)
					}
				}
			}
			if i := strings.Index(err.Error(), "Signature="); i >= 0 && !strings.HasPrefix(err.Error()[i:], "Signature=***") {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}
