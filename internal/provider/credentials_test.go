package provider

import (
	"fmt"
	"os"
	"path/filepath"
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

// newSecuredFixture is a fixture that accepts all these credentials, and that issues others.
func newSecuredFixture(t *testing.T, options simulator.Options) *fixture {
	t.Helper()
	options.AccessKeys = []simulator.AccessKey{testPair, tempPair}
	options.Users = []simulator.User{testUser}
	options.Agency = simulator.Agency{Name: "deploy", DomainID: "domain-1", DomainName: "account-1"}
	options.Providers = []simulator.OIDCProvider{{Name: "github", Audience: "aud"}}
	options.PodToken, options.ECSAgency, options.IDTokenRequestToken = "pod/token+for==tests", true, "request/token+for==tests"
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

// The URNs of what the simulator has.
const (
	providerURN = "iam::domain-1:oidcProvider:github"
	agencyURN   = "iam::domain-1:agency:deploy"
)

// withOIDCBlock is a block for OIDC with this ID token.
func (f *fixture) withOIDCBlock(idToken string) object {
	return object{"token": nil, "sts_endpoint": f.URL(), withOIDC: object{"provider_urn": providerURN, "agency_urn": agencyURN, "id_token": idToken}}
}

// file is a file with this text.
func file(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestEveryMode(t *testing.T) {
	f := newSecuredFixture(t, simulator.Options{})
	idToken := f.IDToken("aud", time.Hour)
	issued := map[string]string{"Authorization": `^SDK-HMAC-SHA256 Access=HSTSIMULATED`, "X-Security-Token": "^simulated/security", "X-Domain-Id": "^domain-1$", "X-Auth-Token": "^$"}
	issuedToken := map[string]string{"X-Auth-Token": `^MIIsimulated-`, "Authorization": `^$`}
	for _, row := range []struct {
		block object
		want  map[string]string // headers
		env   map[string]string
	}{
		{block: object{"token": testToken}, want: map[string]string{"X-Auth-Token": `^` + testToken + `$`, "Authorization": `^$`}},
		{block: pairArguments, want: map[string]string{"Authorization": `^SDK-HMAC-SHA256 Access=AKFORTESTS0001, `, "X-Sdk-Date": `^\d{8}T\d{6}Z$`, "X-Auth-Token": `^$`, "X-Security-Token": `^$`, "X-Domain-Id": `^$`}},
		{block: object{"token": nil, "access_key": tempPair.AccessKey, "secret_key": tempPair.SecretKey, "security_token": tempPair.SecurityToken, "domain_id": tempPair.DomainID},
			want: map[string]string{"Authorization": `^SDK-HMAC-SHA256 Access=AKFORTESTS0002, `, "X-Auth-Token": `^$`, "X-Security-Token": `^sts/for\+tests==0002$`, "X-Domain-Id": `^domain-1$`}},
		{block: f.loginArguments(), want: issuedToken},
		{block: f.withOIDCBlock(idToken), want: issued},
		{block: object{"token": nil, "sts_endpoint": f.URL(), withOIDC: object{"provider_urn": providerURN, "agency_urn": agencyURN, "audience": "aud", "duration": 900, "session_name": "run-4711"}}, want: issued,
			env: map[string]string{"ACTIONS_ID_TOKEN_REQUEST_URL": f.URL() + simulator.IDTokenRequestPath + "?api-version=2.0", "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "request/token+for==tests"}},
		{block: object{"token": nil, "auth_url": f.URL(), "domain_name": "account-1", withOIDC: object{"idp_id": "github", "id_token_file": file(t, idToken)}}, want: issuedToken},
		{block: object{"token": nil}, want: issued, env: map[string]string{
			"HUAWEICLOUD_OIDC_PROVIDER_URN": providerURN, "HUAWEICLOUD_OIDC_AGENCY_URN": agencyURN, "HUAWEICLOUD_OIDC_ID_TOKEN": idToken, "HUAWEICLOUD_SDK_STS_ENDPOINT": f.URL()}},
		{block: merged(pairArguments, object{"auth_url": f.URL(), assumeAgency: object{"agency_name": "deploy", "domain_name": "account-1"}}), want: issued},
		{block: merged(pairArguments, object{"sts_endpoint": f.URL(), assumeAgency: object{"agency_urn": agencyURN, "duration": 3600}}), want: issued},
		{block: merged(f.withOIDCBlock(idToken), object{assumeAgency: object{"agency_urn": agencyURN}}), want: issued},
		{block: object{"token": nil, "profile": "ops", "shared_config_file": file(t, `{"authEncrypt":"false","profiles":[{"name":"ops","mode":"AKSK","accessKeyId":"`+testPair.AccessKey+`","secretAccessKey":"`+testPair.SecretKey+`"}]}`)},
			want: map[string]string{"Authorization": "Access=" + testPair.AccessKey}},
		{block: object{"token": nil, "ecs_agency": true, "domain_id": "domain-1"}, want: issued, env: map[string]string{"SERVICEREQUEST_METADATA_ENDPOINT": f.URL()}},
		{block: object{"token": nil, "ecs_agency": true, "auth_url": f.URL()}, want: issued, env: map[string]string{"SERVICEREQUEST_METADATA_ENDPOINT": f.URL()}},
		{block: object{"token": nil}, want: issued, env: map[string]string{
			"HC_CONTAINER_CREDENTIALS_FULL_URI": f.URL() + simulator.PodCredentialsPath, "HC_CONTAINER_AUTHORIZATION_TOKEN_FILE": file(t, "pod/token+for==tests\n")}},
	} {
		f.Reset()
		for name, value := range row.env {
			t.Setenv(name, value)
		}
		m := newProtocol(t, f, row.block).manage(t, caseMessageType)
		c := m.plan(message())
		if n := len(f.Requests()); n != 0 {
			t.Errorf("the plan makes %d requests", n)
		}
		wantNoDiagnostics(t, m.applyChange(c))
		f.wantSubmits(t, 1)
		for name, pattern := range row.want {
			if got := headerOf(f.posts()[0], name); !regexp.MustCompile(pattern).MatchString(got) {
				t.Errorf("%v: header %s = %q, want %s", row.block, name, got, pattern)
			}
		}
		for name := range row.env {
			t.Setenv(name, "")
		}
	}
}

// Keys are renewed in the middle of an apply, before they expire or after they were revoked.
func TestExpiringKeysPostOnce(t *testing.T) {
	t.Parallel()
	f := newSecuredFixture(t, simulator.Options{})
	p := newProtocol(t, f, f.withOIDCBlock(f.IDToken("aud", 1000*time.Hour)))
	for i, happens := range []func(){func() {}, func() { _ = f.clock.Sleep(t.Context(), time.Hour) }, f.RevokeIssued} {
		happens()
		wantNoDiagnostics(t, p.manage(t, caseMessageType).apply(message(object{"content": fmt.Sprint("message ", i)})))
	}
	f.wantContents(t, "message 0", "message 1", "message 2")
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
			[]string{"Nothing was sent: IAM refused to issue credentials.", "Check user_name, password, domain_name and auth_url", "HTTP 401 Unauthorized", "The username or password is wrong."}, 1, 0,
		},
		{
			"wrong audience", func(f *fixture) object { return f.withOIDCBlock(f.IDToken("another", time.Hour)) }, nil,
			[]string{"Nothing was sent: STS refused to issue credentials.", "Check sts_endpoint, the URNs, duration, the audience of the ID token", "No credentials (OIDC): POST /v5/agencies/assume-with-oidc: HTTP 401 Unauthorized"}, 0, 0,
		},
		{
			"second 401", (*fixture).loginArguments, func(f *fixture) { f.SetFaults(simulator.Fault{Kind: "401"}) },
			[]string{"Not posted: the service refused the token that IAM issued for user_name, and also a second one.", "HTTP 401 Unauthorized, OSM.0002"}, 2, 2,
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
