package provider

import (
	"regexp"
	"testing"
	"time"

	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/simulator"
)

// The credentials that the simulator accepts, besides testToken.
var (
	testUser = simulator.User{Name: "deployer", Password: `p&ss/w"rd+ÄÖ 1`, Domain: "account-1"}
	testPair = simulator.AccessKey{AccessKey: "AKFORTESTS0001", SecretKey: "sk/for+tests==0001"}
	tempPair = simulator.AccessKey{AccessKey: "AKFORTESTS0002", SecretKey: "sk/for+tests==0002", SecurityToken: "sts/for+tests==0002", DomainID: "domain-1"}
)

// newSecuredFixture is a fixture that accepts all these credentials.
func newSecuredFixture(t *testing.T, options simulator.Options) *fixture {
	t.Helper()
	options.AccessKeys = []simulator.AccessKey{testPair, tempPair}
	options.Users = []simulator.User{testUser}
	return newFixture(t, options)
}

// The arguments of each mode.
var pairArguments = object{"token": nil, "access_key": testPair.AccessKey, "secret_key": testPair.SecretKey}

func (f *fixture) loginArguments() object {
	return object{"token": nil, "user_name": testUser.Name, "password": testUser.Password, "domain_name": testUser.Domain, "auth_url": f.URL() + "/v3"}
}

const oneMessage = `
resource "servicerequest_case_message" "test" {
  case_id = "TT201801020526"
  content = "hello"
}
`

func TestEveryModeOfTheBlock(t *testing.T) {
	t.Parallel()
	f := newSecuredFixture(t, simulator.Options{})
	for _, row := range []struct {
		block object
		want  map[string]string // headers
	}{
		{object{"token": testToken}, map[string]string{"X-Auth-Token": `^` + testToken + `$`, "Authorization": `^$`}},
		{pairArguments, map[string]string{"Authorization": `^SDK-HMAC-SHA256 Access=AKFORTESTS0001, `, "X-Sdk-Date": `^\d{8}T\d{6}Z$`, "X-Auth-Token": `^$`, "X-Security-Token": `^$`, "X-Domain-Id": `^$`}},
		{object{"token": nil, "access_key": tempPair.AccessKey, "secret_key": tempPair.SecretKey, "security_token": tempPair.SecurityToken, "domain_id": tempPair.DomainID},
			map[string]string{"Authorization": `^SDK-HMAC-SHA256 Access=AKFORTESTS0002, `, "X-Auth-Token": `^$`, "X-Security-Token": `^sts/for\+tests==0002$`, "X-Domain-Id": `^domain-1$`}},
		{f.loginArguments(), map[string]string{"X-Auth-Token": `^MIIsimulated-`, "Authorization": `^$`}},
	} {
		f.Reset()
		m := newProtocol(t, f, row.block).manage(t, caseMessageType)
		c := m.plan(message())
		if n := len(f.Requests()); n != 0 {
			t.Errorf("the plan makes %d requests", n)
		}
		wantNoDiagnostics(t, m.applyChange(c))
		f.wantSubmits(t, 1)
		for name, pattern := range row.want {
			if got := headerOf(f.posts()[0], name); !regexp.MustCompile(pattern).MatchString(got) {
				t.Errorf("header %s = %q, want %s", name, got, pattern)
			}
		}
	}
}

func TestRefusedCredentials(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name    string
		block   func(*fixture) object
		prepare func(*fixture)
		want    []string // in the error
		logins  int
		posts   int
	}{
		{
			"wrong password", func(f *fixture) object { return merged(f.loginArguments(), object{"password": "not-the-password"}) }, nil,
			[]string{"Nothing was sent: IAM did not issue credentials.", "Check user_name, password, domain_name and auth_url", "HTTP 401 Unauthorized", "The username or password is wrong."}, 1, 0,
		},
		{
			"second 401", (*fixture).loginArguments, func(f *fixture) { f.SetFaults(simulator.Fault{Kind: "401"}) },
			[]string{"Not posted: the service refused the token that IAM issued for user_name, and also a second one.", "HTTP 401 Unauthorized, OSM.0002"}, 2, 2,
		},
		{
			"revoked key", func(*fixture) object { return pairArguments }, func(f *fixture) { f.RevokeAccessKey(testPair.AccessKey) },
			[]string{"Not posted: the service refused the signature.", "Check that the key is active", "HTTP 401 Unauthorized, APIGW.0301"}, 0, 1,
		},
		{
			"clock", func(*fixture) object { return pairArguments }, func(f *fixture) { f.SetFaults(simulator.Fault{Kind: "clock-skew", Skew: 20 * time.Minute}) },
			[]string{"Not posted: the service refused the signature, probably because this machine's clock is wrong.", "This machine's clock shows 20"}, 0, 1,
		},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			f := newSecuredFixture(t, simulator.Options{})
			if row.prepare != nil {
				row.prepare(f)
			}
			wantOne(t, newProtocol(t, f, row.block(f)).manage(t, caseMessageType).apply(message()), "error", row.want...)
			if logins, posts := f.Count(simulator.OpLogin), f.Count(simulator.OpSubmit); logins != row.logins || posts != row.posts {
				t.Errorf("%d logins and %d posts, want %d and %d", logins, posts, row.logins, row.posts)
			}
			f.wantContents(t)
		})
	}
}
