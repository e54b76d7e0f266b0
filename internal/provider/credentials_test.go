package provider

import (
	"fmt"
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

// What the files of the guides name.
const (
	guideAccount  = "0123456789abcdef0123456789abcdef"
	guideAgency   = "ticket-messages"
	guideAudience = "huaweicloud"
	providerURN   = "iam::" + guideAccount + ":oidcProvider:github"
	agencyURN     = "iam::" + guideAccount + ":agency:" + guideAgency
)

// What shows a workload to its platform.
const (
	podToken     = "pod/token+for==tests"
	requestToken = "request/token+for==tests"
)

// newSecuredFixture is a fixture that accepts all these credentials, and that issues others.
func newSecuredFixture(t *testing.T, options simulator.Options) *fixture {
	t.Helper()
	options.AccessKeys = []simulator.AccessKey{testPair, tempPair}
	options.Users = []simulator.User{testUser}
	options.Agency = simulator.Agency{Name: guideAgency, DomainID: guideAccount, DomainName: "account"}
	options.Providers = []simulator.OIDCProvider{{Name: "github", Audience: guideAudience}, {Name: "gitlab", Audience: guideAudience}}
	options.PodToken, options.ECSAgency, options.IDTokenRequestToken = podToken, true, requestToken
	return newFixture(t, options)
}

// idTokenURL is where a job on GitHub gets its ID token.
func (f *fixture) idTokenURL() string {
	return f.URL() + simulator.IDTokenRequestPath + "?api-version=2.0"
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

// withOIDCBlock is a block for OIDC with this ID token.
func (f *fixture) withOIDCBlock(idToken string) object {
	return object{"token": nil, "sts_endpoint": f.URL(), withOIDC: object{"provider_urn": providerURN, "agency_urn": agencyURN, "id_token": idToken}}
}

// Keys are renewed in the middle of an apply, before they expire or after they were revoked.
func TestExpiringKeysPostOnce(t *testing.T) {
	t.Parallel()
	f := newSecuredFixture(t, simulator.Options{})
	p := newProtocol(t, f, f.withOIDCBlock(f.IDToken(guideAudience, 1000*time.Hour)))
	for i, happens := range []func(){func() {}, func() { _ = f.clock.Sleep(t.Context(), time.Hour) }, f.RevokeIssued} {
		happens()
		wantNoDiagnostics(t, p.manage(t, caseMessageType).apply(message(object{"content": fmt.Sprint("message ", i)})))
	}
	f.wantContents(t, "message 0", "message 1", "message 2")
}

func TestRefusedCredentials(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name   string
		block  func(*fixture) object
		faults []simulator.Fault
		want   []string // in the error
		logins int
		posts  int
	}{
		{
			"wrong password", func(f *fixture) object { return merged(f.loginArguments(), object{"password": "not-the-password"}) }, nil,
			[]string{"Nothing was sent: IAM refused to issue credentials.", "Check user_name, password, domain_name and auth_url", "HTTP 401 Unauthorized", "The username or password is wrong."}, 1, 0,
		},
		{
			"wrong audience", func(f *fixture) object { return f.withOIDCBlock(f.IDToken("another", time.Hour)) }, nil,
			[]string{"Nothing was sent: STS refused to issue credentials.", "Check the access key or the ID token with its audience, sts_endpoint, the URNs, duration", "No credentials (OIDC): POST /v5/agencies/assume-with-oidc: HTTP 401 Unauthorized"}, 0, 0,
		},
		{
			"second 401", (*fixture).loginArguments, []simulator.Fault{{Kind: "401"}},
			[]string{"Not posted: the service refused the token that IAM issued for user_name, and also a second one.", "HTTP 401 Unauthorized, OSM.0002"}, 2, 2,
		},
		{
			"clock", func(*fixture) object { return pairArguments }, []simulator.Fault{{Kind: "clock-skew", Skew: 20 * time.Minute}},
			[]string{"Not posted: the service refused the signature, probably because this machine's clock is wrong.", "This machine's clock shows 20"}, 0, 1,
		},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			f := newSecuredFixture(t, simulator.Options{Faults: row.faults})
			wantOne(t, newProtocol(t, f, row.block(f)).manage(t, caseMessageType).apply(message()), "error", row.want...)
			wantValue(t, "the number of logins", f.Count(simulator.OpLogin), row.logins)
			f.wantSubmits(t, row.posts)
			f.wantContents(t)
		})
	}
}
