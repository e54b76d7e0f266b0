package servicerequest

import (
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/url"
	"strings"
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
		c.Credentials = credentials.Password{IAM: must(ParseEndpoint(s.URL() + "/v3")), UserName: testUser.Name, Password: password, DomainName: testUser.Domain}
	})
}

// postMany posts n messages at the same time, each again after renewed credentials.
func postMany(t *testing.T, c *Client, name string, n int, want Outcome) {
	t.Helper()
	each(n, func(i int) {
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
	each(n, func(int) {
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

// The token is also renewed for a list, which can meet more than one that has expired.
func TestListRenewsTheToken(t *testing.T) {
	t.Parallel()
	s := newService(t, simulator.Options{Users: []simulator.User{testUser}, Faults: faults(t, "401@1,3?op=list", "500@2?op=list")})
	if _, err := withPassword(t, s, testUser.Password).List(t.Context(), testCase, ""); err != nil {
		t.Error(err)
	}
	wantCounts(t, s, 3, 0)
	if n := s.Count(simulator.OpList); n != 4 {
		t.Errorf("%d lists", n)
	}
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

// A signature contains the date, so each attempt has its own.
func TestEveryAttemptIsSignedAnew(t *testing.T) {
	t.Parallel()
	key := simulator.AccessKey{AccessKey: "AK", SecretKey: "SK", SecurityToken: "temporary", DomainID: "domain"}
	s := newService(t, simulator.Options{AccessKeys: []simulator.AccessKey{key}, Faults: faults(t, "429?op=list&times=10&retry_after=20")})
	c := s.client(t, func(c *Config) { c.Credentials = credentials.AccessKey(key) })
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

// A secret may be the beginning of another one.
func TestLongestSecretFirst(t *testing.T) {
	t.Parallel()
	c := newClient(t, "http://127.0.0.1:1", func(c *Config) {
		c.Credentials = credentials.AccessKey{AccessKey: "AK", SecretKey: "secret", SecurityToken: "secret-and-more"}
	})
	if err := c.Login(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := c.redact("it is secret-and-more, or secret"); got != "it is ***, or ***" {
		t.Error(got)
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
		for source, own := range map[credentials.Source][]string{
			credentials.Password{IAM: must(ParseEndpoint(server.URL)), UserName: "alice", Password: secrets[0], DomainName: "account"}: secrets[:1],
			credentials.Token(secrets[1]): secrets[1:2],
			credentials.AccessKey{AccessKey: "AK", SecretKey: secrets[2], SecurityToken: secrets[3]}: secrets[2:],
		} {
			c := newClient(t, server.URL, func(c *Config) { c.Credentials = source })
			a, err := c.Post(t.Context(), hello())
			if err == nil {
				err = a.Err
			}
			for _, secret := range own {
				for _, form := range echoes {
					if strings.Contains(err.Error(), strings.Trim(form(secret), `"`)) {
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
