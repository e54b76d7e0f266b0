package provider

import (
	"fmt"
	"regexp"
	"slices"
	"sort"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"

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
const pairArguments = `
  access_key = "AKFORTESTS0001"
  secret_key = "sk/for+tests==0001"
`

func (f *fixture) loginArguments() string {
	return fmt.Sprintf(`
  user_name   = "deployer"
  password    = "p&ss/w\"rd+ÄÖ 1"
  domain_name = "account-1"
  auth_url    = "%s/v3"
`, f.URL())
}

// block is a provider block with these credentials, and what follows it.
func (f *fixture) block(credentials, body string) string {
	return fmt.Sprintf("provider \"servicerequest\" {\n  endpoint = %q\n%s}\n%s", f.URL(), credentials, body)
}

const oneMessage = `
resource "servicerequest_case_message" "test" {
  case_id = "TT201801020526"
  content = "hello"
}
`

// The environment has all modes too, with credentials that the service refuses.
func TestEveryModeOfTheBlock(t *testing.T) {
	t.Parallel()
	f := newSecuredFixture(t, simulator.Options{})
	files := map[string]string{"main.tf": requiredProvider}
	for name, credentials := range map[string]string{
		"token":     fmt.Sprintf("token = %q\n", testToken),
		"pair":      pairArguments,
		"temporary": "access_key = \"AKFORTESTS0002\"\nsecret_key = \"sk/for+tests==0002\"\nsecurity_token = \"sts/for+tests==0002\"\ndomain_id = \"domain-1\"\n",
		"login":     f.loginArguments(),
	} {
		f.AddCase(simulator.Case{ID: name})
		files[name+".tf"] = f.block("alias = \""+name+"\"\n"+credentials, fmt.Sprintf(`
resource "servicerequest_case_message" %[1]q {
  provider = servicerequest.%[1]s
  case_id  = %[1]q
  content  = "hello"
}`, name))
	}
	newCLI(t, files, "HW_AUTH_TOKEN=wrong", "HW_ACCESS_KEY=wrong", "HW_SECRET_KEY=wrong", "HW_SECURITY_TOKEN=wrong",
		"HW_USER_NAME=wrong", "HW_USER_PASSWORD=wrong", "HW_DOMAIN_NAME=wrong", "HW_AUTH_URL=https://wrong.example.com").run("apply", "-auto-approve")

	if got := f.Count(simulator.OpLogin); got != 1 {
		t.Errorf("%d logins", got)
	}
	posts := f.posts()
	if len(posts) != 4 {
		t.Fatalf("%d posts", len(posts))
	}
	for _, post := range posts {
		id := strings.Split(post.Path, "/")[4]
		want := map[string]map[string]string{
			"token":     {"X-Auth-Token": `^` + testToken + `$`, "Authorization": `^$`},
			"pair":      {"Authorization": `^SDK-HMAC-SHA256 Access=AKFORTESTS0001, `, "X-Sdk-Date": `^\d{8}T\d{6}Z$`, "X-Auth-Token": `^$`, "X-Security-Token": `^$`, "X-Domain-Id": `^$`},
			"temporary": {"Authorization": `^SDK-HMAC-SHA256 Access=AKFORTESTS0002, `, "X-Auth-Token": `^$`, "X-Security-Token": `^sts/for\+tests==0002$`, "X-Domain-Id": `^domain-1$`},
			"login":     {"X-Auth-Token": `^MIIsimulated-`, "Authorization": `^$`},
		}[id]
		for name, pattern := range want {
			if got := headerOf(post, name); !regexp.MustCompile(pattern).MatchString(got) {
				t.Errorf("%s: header %s = %q, want %s", id, name, got, pattern)
			}
		}
		if len(want) == 0 || len(f.Messages(id)) != 1 {
			t.Errorf("ticket %s: %v", id, f.Messages(id))
		}
	}
}

func TestEveryModeOfTheEnvironment(t *testing.T) {
	t.Parallel()
	f := newSecuredFixture(t, simulator.Options{})
	c := newCLI(t, map[string]string{"main.tf": requiredProvider + oneMessage}, "SERVICEREQUEST_ENDPOINT="+f.URL(),
		"HW_USER_NAME=deployer", `HW_USER_PASSWORD=p&ss/w"rd+ÄÖ 1`, "HW_DOMAIN_NAME=account-1", "HW_AUTH_URL="+f.URL())
	var got []string
	for _, more := range [][]string{nil, {"HW_ACCESS_KEY=AKFORTESTS0001", "HW_SECRET_KEY=sk/for+tests==0001"}, {"HW_AUTH_TOKEN=" + testToken}} {
		c.env = append(c.env, more...)
		c.run("apply", "-auto-approve", "-replace=servicerequest_case_message.test")
		post := f.posts()[len(f.posts())-1]
		got = append(got, fmt.Sprintf("%.12s|%.15s", headerOf(post, "X-Auth-Token"), headerOf(post, "Authorization")))
	}
	if want := []string{"MIIsimulated|", "|SDK-HMAC-SHA256", "token-for-te|"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestLoginIsOnlyForACall(t *testing.T) {
	t.Parallel()
	f := newSecuredFixture(t, simulator.Options{})
	c := newCLI(t, map[string]string{"main.tf": requiredProvider + f.block(f.loginArguments(), oneMessage)})
	requests := func(want int) {
		t.Helper()
		if got := len(f.Requests()); got != want {
			t.Fatalf("%d requests, want %d", got, want)
		}
	}
	c.run("validate")
	c.run("plan", "-out=plan")
	requests(0)
	c.run("apply", "plan")
	requests(3) // the login, the list of the ticket, and the message
	c.run("plan")
	c.run("apply", "-refresh-only", "-auto-approve")
	c.run("destroy", "-auto-approve")
	requests(3)
}

// Fifty messages in one apply. Each must arrive once.
const fiftyMessages = `
resource "servicerequest_case_message" "test" {
  count   = 50
  case_id = "TT201801020526"
  content = "message ${count.index}"
}
`

func (f *fixture) wantFifty(t *testing.T) {
	t.Helper()
	got := f.contents()
	want := make([]string, 50)
	for i := range want {
		want[i] = fmt.Sprintf("message %d", i)
	}
	sort.Strings(got)
	sort.Strings(want)
	if !slices.Equal(got, want) {
		t.Errorf("the ticket has %q", got)
	}
}

func TestTokenExpiresInTheMiddle(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name string
		end  func(*fixture)
	}{
		{"revoked", func(f *fixture) { f.RevokeTokens() }},
		{"refused once", func(f *fixture) { f.SetFaults(simulator.Fault{Kind: "401", Times: 1}) }},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			var f *fixture
			var submits atomic.Int64
			f = newSecuredFixture(t, simulator.Options{
				// So that all requests under way at that moment have the old token.
				Faults: []simulator.Fault{{Kind: "latency", Operation: simulator.OpSubmit, Delay: 50 * time.Millisecond}},
				Observe: func(r simulator.Request) {
					if r.Operation == simulator.OpSubmit && submits.Add(1) == 20 {
						row.end(f)
					}
				},
			})
			resource.UnitTest(t, resource.TestCase{
				ProtoV6ProviderFactories: f.providers,
				Steps:                    []resource.TestStep{{Config: f.block(f.loginArguments(), fiftyMessages)}},
			})
			f.wantFifty(t)
			if got := f.Count(simulator.OpLogin); got != 2 {
				t.Errorf("%d logins, want the first and one more", got)
			}
		})
	}
}

// A token that is about to expire is renewed before it is used.
func TestTokenIsRenewedInTime(t *testing.T) {
	t.Parallel()
	var f *fixture
	var submits atomic.Int64
	f = newSecuredFixture(t, simulator.Options{TokenLifetime: time.Hour, Observe: func(r simulator.Request) {
		if r.Operation == simulator.OpSubmit && submits.Add(1) == 20 {
			_ = f.clock.Sleep(t.Context(), 56*time.Minute)
		}
	}})
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: f.providers,
		Steps:                    []resource.TestStep{{Config: f.block(f.loginArguments(), fiftyMessages)}},
	})
	f.wantFifty(t)
	if got := f.Count(simulator.OpLogin); got != 2 {
		t.Errorf("%d logins, want the first and one more", got)
	}
	for _, post := range f.posts() {
		if post.Status != 200 {
			t.Errorf("a submit was answered %d", post.Status)
		}
	}
}

func TestRefusedCredentials(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name        string
		credentials func(*fixture) string
		prepare     func(*fixture)
		want        []string // in the error
		logins      int
		posts       int
	}{
		{
			"wrong password", func(f *fixture) string { return strings.Replace(f.loginArguments(), "ÄÖ", "AO", 1) }, nil,
			[]string{"Nothing was sent: IAM did not issue a token.", "Check the provider's user_name, password, domain_name and auth_url", "HTTP 401 Unauthorized", "The username or password is wrong."}, 1, 0,
		},
		{
			"second 401", (*fixture).loginArguments, func(f *fixture) { f.SetFaults(simulator.Fault{Kind: "401"}) },
			[]string{"Not posted: the service refused the token that IAM issued for user_name, and also a second one.", "HTTP 401 Unauthorized, OSM.0002"}, 2, 2,
		},
		{
			"fixed token", func(*fixture) string { return "token = \"expired\"\n" }, nil,
			[]string{"Not posted: the token is invalid or expired, or belongs to another region.", "Get a new token from IAM", "HTTP 401 Unauthorized, APIGW.0301"}, 0, 1,
		},
		{
			"revoked key", func(*fixture) string { return pairArguments }, func(f *fixture) { f.RevokeAccessKey(testPair.AccessKey) },
			[]string{"Not posted: the service refused the signature.", "Check that the key is active", "HTTP 401 Unauthorized, APIGW.0301"}, 0, 1,
		},
		{
			"clock", func(*fixture) string { return pairArguments }, func(f *fixture) { f.SetFaults(simulator.Fault{Kind: "clock-skew", Skew: 20 * time.Minute}) },
			[]string{"Not posted: the service refused the signature, probably because this machine's clock is wrong.", "This machine's clock shows 20"}, 0, 1,
		},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			f := newSecuredFixture(t, simulator.Options{})
			if row.prepare != nil {
				row.prepare(f)
			}
			body := oneMessage
			if row.logins == 1 { // a refused password must not be tried for each
				body = fiftyMessages
			}
			resource.UnitTest(t, resource.TestCase{
				ProtoV6ProviderFactories: f.providers,
				Steps:                    []resource.TestStep{{Config: f.block(row.credentials(f), body), ExpectError: words(row.want...)}},
			})
			if logins, posts := f.Count(simulator.OpLogin), f.Count(simulator.OpSubmit); logins != row.logins || posts != row.posts {
				t.Errorf("%d logins and %d posts, want %d and %d", logins, posts, row.logins, row.posts)
			}
			if got := f.contents(); len(got) != 0 {
				t.Errorf("the ticket has %q", got)
			}
		})
	}
}
