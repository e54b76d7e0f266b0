package servicerequest

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/credentials"
	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/simulator"
)

var (
	testPair = simulator.AccessKey{AccessKey: "AK", SecretKey: "SK", DomainID: "1"}
	// issuing is a service with everything that issues credentials.
	issuing = simulator.Options{
		Users: []simulator.User{testUser}, AccessKeys: []simulator.AccessKey{testPair},
		Agency:    simulator.Agency{Name: "deploy", DomainID: "1", DomainName: "one"},
		Providers: []simulator.OIDCProvider{{Name: "github", Audience: "aud"}},
		PodToken:  "pod's", ECSAgency: true, IDTokenRequestToken: "request's",
	}
)

// issuers are the sources that expire, each with the operation that it is refused by.
func issuers(t *testing.T, s *service) map[string]credentials.Source {
	t.Helper()
	base := must(ParseEndpoint(s.URL()))
	dir := t.TempDir()
	write := func(name, text string) string {
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	pod := must(url.Parse(s.URL() + simulator.PodCredentialsPath))
	request := must(url.Parse(s.URL() + simulator.IDTokenRequestPath + "?api-version=2.0"))
	urn := issuing.Agency.URN()
	pair := credentials.AccessKey{AccessKey: "AK", SecretKey: "SK", DomainID: "1"}
	oidc := credentials.OIDC{
		STS: base, ProviderURN: issuing.Agency.ProviderURN("github"), AgencyURN: urn, SessionName: "run",
		IDToken: credentials.IDToken{RequestURL: request, RequestToken: "request's", Audience: "aud"},
	}
	return map[string]credentials.Source{
		simulator.OpLogin:           credentials.Password{IAM: base, UserName: testUser.Name, Password: testUser.Password, DomainName: testUser.Domain},
		simulator.OpIDTokenRequest:  oidc,
		simulator.OpAssumeWithOIDC:  oidc,
		simulator.OpIDTokenExchange: credentials.IAMOIDC{IAM: base, ProviderID: "github", Domain: credentials.Domain{Name: "one"}, IDToken: credentials.IDToken{File: write("id", s.IDToken("aud", 100*time.Hour))}},
		simulator.OpSecurityTokens:  credentials.Agency{Base: pair, IAM: base, Name: "deploy", Domain: credentials.Domain{ID: "1"}},
		simulator.OpDomains:         credentials.Agency{Base: pair, IAM: base, Name: "deploy", Domain: credentials.Domain{Name: "one"}},
		simulator.OpAssume:          credentials.Agency{Base: oidc, STS: base, URN: urn, SessionName: "run", Duration: time.Hour},
		simulator.OpPodCredentials:  credentials.Pod{URL: pod, TokenFile: write("pod", "pod's\n")},
		simulator.OpMetadataToken:   credentials.ECS{IAM: base, Metadata: base},
		simulator.OpMetadataKeys:    credentials.ECS{DomainID: "1", Metadata: base},
	}
}

// forEachIssuer runs a test with a service of its own for every source that expires.
func forEachIssuer(t *testing.T, test func(t *testing.T, op string, s *service, c *Client)) {
	t.Helper()
	for op := range issuers(t, newService(t, issuing)) {
		t.Run(op, func(t *testing.T) {
			t.Parallel()
			s := newService(t, issuing)
			test(t, op, s, s.client(t, func(c *Config) { c.Credentials, c.Language = issuers(t, s)[op], "en-us" }))
		})
	}
}

// The service accepts what every source issues. A hundred parallel calls need one, it is
// renewed when its life is over, before the service refuses it, and once more when it was
// revoked.
func TestIssuedCredentials(t *testing.T) {
	t.Parallel()
	forEachIssuer(t, func(t *testing.T, op string, s *service, c *Client) {
		want := func(name string, posts, issues, refused int) {
			t.Helper()
			postMany(t, c, name, posts, Submitted)
			n := 0
			for _, r := range s.Requests() {
				if r.Status == http.StatusUnauthorized {
					n++
				}
				if (r.Header.Get("X-Language") != "") != (r.Operation == simulator.OpSubmit) {
					t.Errorf("%s: X-Language %q", r.Operation, r.Header.Get("X-Language"))
				}
			}
			if s.Count(op) != issues || n != refused {
				t.Errorf("%s: asked %d times, and %d requests were refused; want %d and %d", name, s.Count(op), n, issues, refused)
			}
		}
		want("first", 100, 1, 0)
		_ = s.clock.Sleep(t.Context(), 24*time.Hour)
		before := s.Count(op)
		want("next day", 100, before+1, 0)
		s.RevokeIssued()
		if op == simulator.OpAssume { // the keys that assume the agency were revoked, too
			want("revoked", 1, before+3, 2)
		} else {
			want("revoked", 1, before+2, 1)
		}
		if n := len(s.Messages(testCase)); n != 201 {
			t.Errorf("%d messages", n)
		}
	})
}

// What fails on the way is repeated. What lasts prevents every post.
func TestIssuersThatFail(t *testing.T) {
	t.Parallel()
	for fault, ok := range map[string]bool{
		"500?times=2": true, "429?times=9": true, "cut?times=1": true, "truncated?times=1": true,
		"500": false, "html": false, "huge": false, "307?location=https://elsewhere.example": false, "429?retry_after=60": false, "408": false,
	} {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			forEachIssuer(t, func(t *testing.T, op string, s *service, c *Client) {
				kind, parameters, _ := strings.Cut(fault, "?")
				s.SetFaults(faults(t, kind+"?op="+op+"&"+parameters)...)
				if op == simulator.OpMetadataToken && kind == "html" {
					return // a metadata token is a text, whatever it says
				}
				if ok {
					postMany(t, c, "text", 1, Submitted)
					return
				}
				noTokens(t, c, 3)
				if s.Count(simulator.OpSubmit) > 0 {
					t.Error("posted")
				}
				if kind != "307" { // it may be over when another resource asks
					s.SetFaults()
					postMany(t, c, "later", 1, Submitted)
				}
			})
		})
	}
}

// An issuer that refuses is asked once: by the first of all calls.
func TestIssuersThatRefuse(t *testing.T) {
	t.Parallel()
	for _, fault := range []string{"400", "401", "403", "404"} {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			forEachIssuer(t, func(t *testing.T, op string, s *service, c *Client) {
				if op == simulator.OpMetadataToken && fault == "404" {
					return // version 1
				}
				s.SetFaults(faults(t, fault+"?op="+op)...)
				noTokens(t, c, 20)
				noTokens(t, c, 2)
				_, err := c.Post(t.Context(), hello())
				var refused *credentials.RefusedError
				if !errors.As(err, &refused) || IsRefusal(err) || IsPermissionDenied(err) || !PreventsPost(err) {
					t.Error(err)
				}
				if n := s.Count(op); n != 1 && (n != 2 || fault != "401" || op != simulator.OpAssume) { // there with renewed keys
					t.Errorf("asked %d times", n)
				}
			})
		})
	}
}

// IAM has a form of its own for an error.
func TestIAMErrorsAreRead(t *testing.T) {
	t.Parallel()
	s := newService(t, issuing)
	_, err := withPassword(t, s, "not alice's").Post(t.Context(), hello())
	if want := "HTTP 401 Unauthorized, The username or password is wrong."; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%v, want %s", err, want)
	}
}

// A server without metadata, or a silent one, costs seconds and no more.
func TestSilentMetadata(t *testing.T) {
	t.Parallel()
	clock := newFakeClock()
	silent := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		clock.advance(3 * time.Second)
		<-r.Context().Done()
	}))
	defer silent.Close()
	c := newClient(t, "http://127.0.0.1:1", func(c *Config) {
		c.Clock, c.Credentials = clock, credentials.ECS{Metadata: must(ParseEndpoint(silent.URL))}
	})
	began := clock.Now()
	noTokens(t, c, 1)
	if took := clock.Now().Sub(began); took < 12*time.Second || took > 20*time.Second {
		t.Errorf("took %s", took)
	}
}

// The metadata and a pod's identity are this machine's: a proxy must not see their keys.
func TestLocalCallsUseNoProxy(t *testing.T) {
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
	t.Setenv("http_proxy", "http://127.0.0.1:1")
	var asked []*http.Request
	c := newClient(t, "http://127.0.0.1:1", func(c *Config) { c.Credentials = credentials.ECS{} })
	c.transport = roundTripper(func(r *http.Request) (*http.Response, error) {
		asked = append(asked, r)
		return nil, errors.New("no such machine")
	})
	noTokens(t, c, 1)
	for _, r := range asked {
		if u, err := proxy(r); u != nil || err != nil {
			t.Errorf("%s goes through %v, %v", r.URL, u, err)
		}
	}
	if len(asked) != idempotentAttempts {
		t.Errorf("%d requests", len(asked))
	}
}

// What an issuer has issued is in no error, whatever is wrong with its answer.
func TestErrorsKeepWhatWasIssued(t *testing.T) {
	t.Parallel()
	const secret = "SUPERSECRET"
	for name, answer := range map[string]http.HandlerFunc{
		"a text":    write(http.StatusOK, secret),
		"an error":  write(http.StatusOK, `{"error_code":"STS5.1","error_msg":"`+secret+`"}`),
		"a failure": write(http.StatusInternalServerError, `{"credentials":"`+secret+`"}`),
	} {
		_, server := handler(t, answer)
		base := must(ParseEndpoint(server.URL))
		for _, source := range []credentials.Source{
			credentials.Password{IAM: base, UserName: "u", Password: "password", DomainName: "d"},
			credentials.OIDC{STS: base, IDToken: credentials.IDToken{Value: "e.y.J"}},
			credentials.OIDC{STS: base, IDToken: credentials.IDToken{RequestURL: base, RequestToken: "token"}},
			credentials.Agency{Base: credentials.AccessKey{AccessKey: "AK", SecretKey: "secret"}, IAM: base, Name: "a"},
			credentials.ECS{Metadata: base},
		} {
			c := newClient(t, "http://127.0.0.1:1", func(c *Config) { c.Credentials = source })
			_, err := c.Post(t.Context(), hello())
			if err == nil {
				t.Errorf("%s, %T: posted", name, source)
			} else if strings.Contains(err.Error(), secret) {
				t.Errorf("%s, %T: %v", name, source, err)
			}
		}
	}
}
