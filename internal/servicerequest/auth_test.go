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

	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/simulator"
)

var testUser = simulator.User{Name: "alice", Password: `p&ss<w"ö\rd`, Domain: "account"}

// withPassword makes a client log in.
func withPassword(t testing.TB, s *service, password string) *Client {
	t.Helper()
	return s.client(t, func(c *Config) {
		c.Credentials = Password{AuthURL: mustURL(t, s.URL()+"/v3"), UserName: testUser.Name, Password: password, DomainName: testUser.Domain}
	})
}

func submitMany(t *testing.T, c *Client, name string, n int, want result) {
	t.Helper()
	each(n, n, func(i int) {
		r, err := c.Submit(t.Context(), Submission{CaseID: testCase, Content: fmt.Sprint(name, " ", i)})
		wantResult(t, r, err, want)
	})
}

func wantCounts(t *testing.T, s *service, logins, submits, lists int) {
	t.Helper()
	got := [3]int{s.Count(simulator.OpLogin), s.Count(simulator.OpSubmit), s.Count(simulator.OpList)}
	if got != [3]int{logins, submits, lists} {
		t.Errorf("%d logins, %d submits and %d lists, want %d, %d, %d", got[0], got[1], got[2], logins, submits, lists)
	}
}

func TestOneLoginForAll(t *testing.T) {
	t.Parallel()
	s := newService(t, simulator.Options{Users: []simulator.User{testUser}})
	c := withPassword(t, s, testUser.Password)
	wantCounts(t, s, 0, 0, 0)
	submitMany(t, c, "first", 50, gotReceipt)
	wantCounts(t, s, 1, 50, 1)

	// Near the end of its 24 hours the token is renewed, before it is refused.
	_ = s.clock.Sleep(t.Context(), 24*time.Hour-maxMargin+time.Second)
	submitMany(t, c, "later", 50, gotReceipt)
	wantCounts(t, s, 2, 100, 2)
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
		submitMany(t, c, "first", 3, gotReceipt)
		_ = s.clock.Sleep(t.Context(), 23*time.Hour)
		submitMany(t, c, "second", 3, gotReceipt)
		wantCounts(t, s, 1, 6, 2)
	}
}

func TestRevokedTokenIsRenewedOnce(t *testing.T) {
	t.Parallel()
	s := newService(t, simulator.Options{Users: []simulator.User{testUser}})
	c := withPassword(t, s, testUser.Password)
	submitMany(t, c, "first", 1, gotReceipt)
	s.RevokeTokens()
	submitMany(t, c, "second", 20, gotReceipt)
	if n := s.Count(simulator.OpLogin); n != 2 {
		t.Errorf("%d logins, want 2", n)
	}
	if n := len(s.Messages(testCase)); n != 21 {
		t.Errorf("%d messages", n)
	}
	if n := s.Count(simulator.OpList); n != 1 {
		t.Errorf("%d lists, though a 401 is surely not executed", n)
	}
}

// The token is also renewed for a list.
func TestListRenewsTheToken(t *testing.T) {
	t.Parallel()
	s := newService(t, simulator.Options{Users: []simulator.User{testUser}, Faults: []simulator.Fault{
		{Kind: "lost-answer"}, {Kind: "401", Operation: simulator.OpList, Times: 1},
	}})
	submitMany(t, withPassword(t, s, testUser.Password), "first", 1, gotReceipt)
	wantCounts(t, s, 2, 1, 3)
}

func TestSecond401IsReported(t *testing.T) {
	t.Parallel()
	s := newService(t, simulator.Options{Users: []simulator.User{testUser}, Faults: []simulator.Fault{{Kind: "401"}}})
	submitMany(t, withPassword(t, s, testUser.Password), "first", 1, gotRejected)
	wantCounts(t, s, 2, 2, 1)
}

// A fixed token and a key cannot be renewed.
func Test401WithoutRenewalIsReported(t *testing.T) {
	t.Parallel()
	for _, credentials := range []Credentials{Token("expired"), AccessKey{AccessKey: "AK", SecretKey: "wrong"}} {
		s := newService(t, simulator.Options{AccessKeys: []simulator.AccessKey{{AccessKey: "AK", SecretKey: "right"}}})
		r, err := s.client(t, func(c *Config) { c.Credentials = credentials }).Submit(t.Context(), hello())
		wantResult(t, r, err, gotRejected)
		var api *APIError
		if errors.As(err, &api); api.Status != 401 || api.Mode == "" {
			t.Errorf("%+v", api)
		}
		s.want(t, 0, 1, 1)
	}
}

// Repeating a wrong password for every message could lock the account.
func TestWrongPasswordIsAskedOnce(t *testing.T) {
	t.Parallel()
	s := newService(t, simulator.Options{Users: []simulator.User{testUser}})
	c := withPassword(t, s, "wrong password")
	submitMany(t, c, "first", 20, gotNotSent)
	submitMany(t, c, "second", 2, gotNotSent)
	wantCounts(t, s, 1, 0, 0)
	_, err := c.Submit(t.Context(), hello())
	var login *LoginError
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
		c.Credentials = Password{AuthURL: mustURL(t, iam.URL), UserName: "alice", Password: "secret", DomainName: "account"}
	})
	for range callers {
		all.Go(func() {
			req, _ := http.NewRequest(http.MethodGet, "http://127.0.0.1", nil)
			var login *LoginError
			if err := c.auth.authenticate(&arrival{Context: t.Context(), arrived: waiting.Done}, req, nil); !errors.As(err, &login) {
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
	for fault, want := range map[string]result{
		"500?op=login&times=2": gotReceipt, "429?op=login&times=3": gotReceipt, "cut?op=login&times=1": gotReceipt, "html?op=login&times=1": gotReceipt,
		"500?op=login": gotNotSent, "html?op=login": gotNotSent, "redirect?op=login": gotNotSent,
	} {
		f, err := simulator.ParseFault(fault)
		if err != nil {
			t.Fatal(err)
		}
		s := newService(t, simulator.Options{Users: []simulator.User{testUser}, Faults: []simulator.Fault{f}})
		submitMany(t, withPassword(t, s, testUser.Password), "first", 1, want)
		if n := len(s.Messages(testCase)); (n == 1) != (want == gotReceipt) {
			t.Errorf("%s: %d messages", fault, n)
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
		c.Credentials = Password{AuthURL: mustURL(t, iam.URL), UserName: "alice", Password: "secret", DomainName: "account"}
	})
	ctx, cancel := context.WithCancel(t.Context())
	first := make(chan error)
	go func() {
		_, err := c.Submit(ctx, hello())
		first <- err
	}()
	<-arrived
	req, _ := http.NewRequest(http.MethodGet, s.URL(), nil)
	renewed := make(chan bool)
	go func() { renewed <- c.auth.renew(req) }()
	select {
	case <-renewed:
	case <-time.After(5 * time.Second):
		t.Error("a renewal waits for somebody's login")
		cancel()
		<-renewed
	}
	done, stop := context.WithCancel(t.Context())
	stop()
	r, err := c.Submit(done, Submission{CaseID: testCase, Content: "Other"})
	wantResult(t, r, err, gotNotSent)
	cancel()
	wantResult(t, Receipt{}, <-first, gotNotSent)
	if n := len(s.Requests()); n != 0 {
		t.Errorf("%d requests without a token", n)
	}
}

// A signature contains the date, so each attempt has its own.
func TestEveryAttemptIsSignedAnew(t *testing.T) {
	t.Parallel()
	key := simulator.AccessKey{AccessKey: "AK", SecretKey: "SK", SecurityToken: "temporary", DomainID: "domain"}
	s := newService(t, simulator.Options{AccessKeys: []simulator.AccessKey{key}, Faults: []simulator.Fault{
		{Kind: "429", Times: 10, RetryAfter: "120"}, {Kind: "lost-answer", Ordinals: []int{11}},
	}})
	c := s.client(t, func(c *Config) {
		c.Credentials, c.MaxRetries = AccessKey{AccessKey: "AK", SecretKey: "SK", SecurityToken: "temporary", DomainID: "domain"}, 10
	})
	r, err := c.Submit(t.Context(), Submission{CaseID: "TT201801020526", Content: "<Hällo> & so on"})
	wantResult(t, r, err, gotReceipt)
	s.want(t, 1, 11, 2)
	dates := map[string]bool{}
	for _, r := range s.Requests() {
		dates[r.Header.Get("X-Sdk-Date")] = true
	}
	if len(dates) < 11 {
		t.Errorf("%d dates for 13 requests", len(dates))
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
		for _, credentials := range []Credentials{
			Token(secrets[1]),
			AccessKey{AccessKey: "AK", SecretKey: secrets[2], SecurityToken: secrets[3]},
			Password{AuthURL: mustURL(t, server.URL), UserName: "alice", Password: secrets[0], DomainName: "account"},
		} {
			c := newClient(t, server.URL, func(c *Config) { c.Credentials = credentials })
			_, err := c.Submit(t.Context(), hello())
			for _, secret := range c.auth.secrets() {
				for _, form := range echoes {
					if secret != "" && strings.Contains(err.Error(), strings.Trim(form(secret), `"`)) {
						t.Errorf("%s, %T: %v", name, credentials, err)
					}
				}
			}
			if i := strings.Index(err.Error(), "Signature="); i >= 0 && !strings.HasPrefix(err.Error()[i:], "Signature=***") {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}
