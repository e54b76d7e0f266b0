package provider

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-testing/compare"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"
	"github.com/hashicorp/terraform-plugin-testing/tfversion"

	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/simulator"
)

const messageAddress = "servicerequest_case_message.test"

func attribute(name string) tfjsonpath.Path { return tfjsonpath.New(name) }

func TestMessageIsPostedOnce(t *testing.T) {
	t.Parallel()
	f := newFixture(t, simulator.Options{})
	message := f.config(`
resource "servicerequest_case_message" "test" {
  case_id = "TT201801020526"
  content = "Deployed <b>v1.4.2</b> & restarted: größer, 完了"
}`)
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: f.providers,
		Steps: []resource.TestStep{
			{
				Config: message,
				ConfigStateChecks: []statecheck.StateCheck{
					statecheck.ExpectKnownValue(messageAddress, attribute("id"), knownvalue.StringRegexp(regexp.MustCompile(`^TT201801020526/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`))),
					statecheck.ExpectKnownValue(messageAddress, attribute("submitted_at"), knownvalue.StringRegexp(regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$`))),
					statecheck.ExpectKnownValue(messageAddress, attribute("confirmed_by"), knownvalue.StringExact("response")),
				},
			},
			{Config: message, ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{plancheck.ExpectEmptyPlan()}}},
			{RefreshState: true},
		},
	})
	f.wantPosts(t, 1, 1)
	post := f.posts()[0]
	if got, want := post.Path, "/v2/servicerequest/cases/TT201801020526/message"; post.Method != http.MethodPost || got != want {
		t.Errorf("%s %s, want POST %s", post.Method, got, want)
	}
	if got, want := string(post.Body), `{"message":{"content":"Deployed <b>v1.4.2</b> & restarted: größer, 完了"}}`; got != want {
		t.Errorf("body %s\nwant %s", got, want)
	}
	for name, want := range map[string]string{
		"X-Auth-Token": testToken, "Content-Type": "application/json", "X-Language": "", "X-Time-Zone": "", "X-Site": "", "Idempotency-Key": "", "X-Idempotency-Key": "",
	} {
		if got := headerOf(post, name); got != want {
			t.Errorf("header %s = %q, want %q", name, got, want)
		}
	}
	if got := f.contents(); !slices.Equal(got, []string{"Deployed <b>v1.4.2</b> & restarted: größer, 完了"}) {
		t.Errorf("after destroy, the ticket has %q", got)
	}
}

// words matches a text with these parts in this order, however the CLI wraps it.
func words(parts ...string) *regexp.Regexp {
	text := regexp.QuoteMeta(strings.Join(parts, "\x00"))
	return regexp.MustCompile("(?s)" + strings.NewReplacer(" ", `\s+`, "\x00", ".*").Replace(text))
}

// posted checks between two steps how many submits there were so far.
func (f *fixture) posted(want int) resource.TestCheckFunc {
	return func(*terraform.State) error {
		if got := f.Count(simulator.OpSubmit); got != want {
			return fmt.Errorf("%d submits so far, want %d", got, want)
		}
		return nil
	}
}

func TestRequestOfEveryAttribute(t *testing.T) {
	t.Parallel()
	f := newFixture(t, simulator.Options{})
	f.AddCase(simulator.Case{ID: "case-2", GroupID: "123456"})
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: f.providers,
		Steps: []resource.TestStep{{Config: f.config(`
resource "servicerequest_case_message" "test" {
  case_id       = "case-2"
  content       = "line 1\n\"line\" \\ 2 \u2028 </script> \U0001F680"
  accessory_ids = ["b2", "a1"]
  group_id      = "123456"
  triggers      = { release = "never-sent" }
  timeouts      = { create = "3m" }
}

resource "servicerequest_case_message" "empty_list" {
  case_id       = "case-2"
  group_id      = "123456"
  content       = "empty list"
  accessory_ids = []
  depends_on    = [servicerequest_case_message.test]
}`, `language = "en-us"`, `time_zone = "GMT+1"`, `site = "international"`)}},
	})
	f.wantPosts(t, 2, 1)
	posts := f.posts()
	// JSON writes U+2028 as \u2028.
	for i, want := range []string{
		`{"group_id":"123456","message":{"content":"line 1\n\"line\" \\ 2 \u2028 </script> 🚀","accessory_ids":["b2","a1"]}}`,
		`{"group_id":"123456","message":{"content":"empty list","accessory_ids":[]}}`,
	} {
		if got := string(posts[i].Body); got != want {
			t.Errorf("body %s\nwant %s", got, want)
		}
		if posts[i].RawQuery != "" {
			t.Errorf("query %q", posts[i].RawQuery)
		}
	}
	for name, want := range map[string]string{
		"X-Auth-Token": testToken, "Content-Type": "application/json", "X-Language": "en-us", "X-Time-Zone": "GMT+1", "X-Site": "1",
		"Authorization": "", "Cookie": "", "Referer": "",
	} {
		if got := headerOf(posts[0], name); got != want {
			t.Errorf("header %s = %q, want %q", name, got, want)
		}
	}
	if got := headerOf(posts[0], "User-Agent"); !regexp.MustCompile(`^Terraform/1\.\S+ terraform-provider-servicerequest/test$`).MatchString(got) {
		t.Errorf("User-Agent %q", got)
	}
	if got := f.Messages("case-2"); len(got) != 2 || got[0].Content != "line 1\n\"line\" \\ 2 \u2028 </script> 🚀" {
		t.Errorf("the ticket has %+v", got)
	}
}

func TestCaseIDIsOneSegment(t *testing.T) {
	t.Parallel()
	f := newFixture(t, simulator.Options{})
	ids := map[string]string{
		"a b":           "a%20b",
		"größe-完了":      "gr%C3%B6%C3%9Fe-%E5%AE%8C%E4%BA%86",
		"a/b":           "a%2Fb",
		"../../v3":      "..%2F..%2Fv3",
		"100%":          "100%25",
		"%2e%2e":        "%252e%252e",
		"a?b=c#d":       "a%3Fb%3Dc%23d",
		"a+b;c,d:e@f&g": "a%2Bb%3Bc%2Cd%3Ae%40f%26g",
		"-._~":          "-._~",
	}
	var list []string
	for id := range ids {
		f.AddCase(simulator.Case{ID: id})
		list = append(list, fmt.Sprintf("%q", id))
	}
	newCLI(t, map[string]string{"main.tf": requiredProvider + f.config(`
resource "servicerequest_case_message" "test" {
  for_each = toset([`+strings.Join(list, ", ")+`])
  case_id  = each.value
  content  = "for ${each.value}"
}`)}).run("apply", "-auto-approve")
	f.wantPosts(t, len(ids), len(ids))
	var paths []string
	for _, r := range f.Requests() {
		paths = append(paths, r.Path)
	}
	for id, escaped := range ids {
		if path := "/v2/servicerequest/cases/" + escaped + "/message"; !slices.Contains(paths, path) {
			t.Errorf("no POST %s in %q", path, paths)
		}
		if got := f.Messages(id); len(got) != 1 || got[0].Content != "for "+id {
			t.Errorf("ticket %q has %+v", id, got)
		}
	}
}

func TestEndpointForms(t *testing.T) {
	t.Parallel()
	f := newFixture(t, simulator.Options{})
	var mu sync.Mutex
	var paths []string
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		paths = append(paths, r.URL.EscapedPath())
		mu.Unlock()
		http.StripPrefix("/gate way/osm", f.Simulator).ServeHTTP(w, r)
	}))
	t.Cleanup(proxy.Close)
	forms := map[string]string{
		"plain": f.URL(), "slash": f.URL() + "/", "slashes": f.URL() + "//",
		"path": proxy.URL + "/gate%20way/osm", "path_slash": proxy.URL + "/gate%20way/osm/",
	}
	// The CLI starts a process for each of the provider blocks.
	files := map[string]string{"main.tf": requiredProvider}
	for name, endpoint := range forms {
		files[name+".tf"] = fmt.Sprintf(`
provider "servicerequest" {
  alias    = %[1]q
  endpoint = %[2]q
  token    = %[3]q
}

resource "servicerequest_case_message" %[1]q {
  provider = servicerequest.%[1]s
  case_id  = %[4]q
  content  = %[1]q
}
`, name, endpoint, testToken, testCase)
	}
	newCLI(t, files).run("apply", "-auto-approve")
	f.wantPosts(t, len(forms), len(forms))
	const base = "/gate%20way/osm/v2/servicerequest/cases/TT201801020526/"
	slices.Sort(paths)
	if want := []string{base + "message", base + "message", base + "messages", base + "messages"}; !slices.Equal(paths, want) {
		t.Errorf("paths %q, want %q", paths, want)
	}
}

func TestEveryChange(t *testing.T) {
	t.Parallel()
	f := newFixture(t, simulator.Options{})
	f.AddCase(simulator.Case{ID: "case-2"})
	none, update, replace := plancheck.ResourceActionNoop, plancheck.ResourceActionUpdate, plancheck.ResourceActionReplace
	rows := []struct {
		attributes string
		action     plancheck.ResourceActionType
	}{
		{`case_id = "TT201801020526"` + "\n" + `content = "first"`, plancheck.ResourceActionCreate},
		{`case_id = "TT201801020526"` + "\n" + `content = "first"` + "\n" + `timeouts = { create = "1m" }`, update},
		{`case_id = "TT201801020526"` + "\n" + `content = "first"` + "\n" + `timeouts = { create = "2m" }` + "\n" + `idempotency_key = "run 1"`, replace},
		{`case_id = "TT201801020526"` + "\n" + `content = "first"` + "\n" + `timeouts = { create = "2m" }` + "\n" + `idempotency_key = "run 2"`, replace},
		{`case_id = "TT201801020526"` + "\n" + `content = "first"`, replace},
		{`case_id = "case-2"` + "\n" + `content = "first"`, replace},
		{`case_id = "case-2"` + "\n" + `content = "second"`, replace},
		{`case_id = "case-2"` + "\n" + `content = "second"` + "\n" + `accessory_ids = []`, replace},
		{`case_id = "case-2"` + "\n" + `content = "second"` + "\n" + `accessory_ids = ["a", "b"]`, replace},
		{`case_id = "case-2"` + "\n" + `content = "second"` + "\n" + `accessory_ids = ["b", "a"]`, replace},
		{`case_id = "case-2"` + "\n" + `content = "second"`, replace},
		{`case_id = "case-2"` + "\n" + `content = "second"` + "\n" + `group_id = "g"`, replace},
		{`case_id = "case-2"` + "\n" + `content = "second"` + "\n" + `group_id = "g"` + "\n" + `triggers = {}`, replace},
		{`case_id = "case-2"` + "\n" + `content = "second"` + "\n" + `group_id = "g"` + "\n" + `triggers = { a = "1" }`, replace},
		{`case_id = "case-2"` + "\n" + `content = "second"` + "\n" + `group_id = "g"` + "\n" + `triggers = { a = "1" }`, none},
	}
	var steps []resource.TestStep
	posts := 0
	for _, row := range rows {
		if row.action == plancheck.ResourceActionCreate || row.action == replace {
			posts++
		}
		steps = append(steps, resource.TestStep{
			Config:           f.config("resource \"servicerequest_case_message\" \"test\" {\n" + row.attributes + "\n}"),
			ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{plancheck.ExpectResourceAction(messageAddress, row.action)}},
			Check:            f.posted(posts),
		})
	}
	resource.UnitTest(t, resource.TestCase{ProtoV6ProviderFactories: f.providers, Steps: steps})
	f.wantPosts(t, posts, posts+2) // a message with a key is looked for once more
	for _, post := range f.posts() {
		if strings.Contains(string(post.Body), "triggers") || strings.Contains(string(post.Body), `"1"`) {
			t.Errorf("triggers are sent: %s", post.Body)
		}
	}
}

func TestComputedAttributesStayOnUpdate(t *testing.T) {
	t.Parallel()
	f := newFixture(t, simulator.Options{})
	message := func(timeout string) string {
		return f.config(`
resource "servicerequest_case_message" "test" {
  case_id  = "TT201801020526"
  content  = "hello"
  timeouts = { create = "` + timeout + `" }
}`)
	}
	id, at := statecheck.CompareValue(compare.ValuesSame()), statecheck.CompareValue(compare.ValuesSame())
	same := func() []statecheck.StateCheck {
		return []statecheck.StateCheck{
			id.AddStateValue(messageAddress, attribute("id")),
			at.AddStateValue(messageAddress, attribute("submitted_at")),
		}
	}
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: f.providers,
		Steps: []resource.TestStep{
			{
				Config: message("1m"), ConfigStateChecks: same(),
				ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
					plancheck.ExpectUnknownValue(messageAddress, attribute("id")),
					plancheck.ExpectUnknownValue(messageAddress, attribute("submitted_at")),
					plancheck.ExpectUnknownValue(messageAddress, attribute("confirmed_by")),
				}},
			},
			// The time of a message does not change when the clock moves on.
			{PreConfig: func() { _ = f.clock.Sleep(t.Context(), time.Hour) }, Config: message("2m"), ConfigStateChecks: same()},
			{RefreshState: true},
		},
	})
	f.wantPosts(t, 1, 1)
}

func TestFailedCreateLeavesNoState(t *testing.T) {
	t.Parallel()
	f := newFixture(t, simulator.Options{Faults: []simulator.Fault{{Kind: "403"}}})
	message := f.config(`
resource "servicerequest_case_message" "test" {
  case_id = "TT201801020526"
  content = "hello"
}`)
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: f.providers,
		Steps: []resource.TestStep{
			{Config: message, ExpectError: words("Not posted: ", "HTTP 403 Forbidden, OSM.0003, Simulated fault")},
			{
				PreConfig: func() { f.SetFaults() },
				Config:    message,
				// If the state had it as tainted, this would be a replacement.
				ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{plancheck.ExpectResourceAction(messageAddress, plancheck.ResourceActionCreate)}},
			},
		},
	})
	f.wantPosts(t, 2, 2)
	if got := f.contents(); !slices.Equal(got, []string{"hello"}) {
		t.Errorf("the ticket has %q", got)
	}
}

func TestUnknownValuesWait(t *testing.T) {
	t.Parallel()
	f := newFixture(t, simulator.Options{})
	f.AddCase(simulator.Case{ID: "late", GroupID: "g"})
	config := fmt.Sprintf(`
resource "terraform_data" "late" {
  input = {
    endpoint = %q, token = %q, language = "en-us", time_zone = "GMT+1", site = "china", request_timeout = "10s", max_retries = 1, insecure = false
    case_id = "late", content = "late content", id = "a1", group = "g", trigger = "t", key = "late content", create = "1m"
  }
}

provider "servicerequest" {
  endpoint        = terraform_data.late.output.endpoint
  token           = terraform_data.late.output.token
  language        = terraform_data.late.output.language
  time_zone       = terraform_data.late.output.time_zone
  site            = terraform_data.late.output.site
  request_timeout = terraform_data.late.output.request_timeout
  max_retries     = terraform_data.late.output.max_retries
  insecure        = terraform_data.late.output.insecure
}

resource "servicerequest_case_message" "test" {
  case_id         = terraform_data.late.output.case_id
  content         = terraform_data.late.output.content
  accessory_ids   = [terraform_data.late.output.id, "b2"]
  group_id        = terraform_data.late.output.group
  triggers        = { late = terraform_data.late.output.trigger }
  idempotency_key = terraform_data.late.output.key
  timeouts        = { create = terraform_data.late.output.create }
}`, f.URL(), testToken)
	resource.UnitTest(t, resource.TestCase{
		TerraformVersionChecks:   []tfversion.TerraformVersionCheck{tfversion.SkipBelow(tfversion.Version1_4_0)}, // terraform_data
		ProtoV6ProviderFactories: f.providers,
		Steps: []resource.TestStep{
			{Config: config, PlanOnly: true, ExpectNonEmptyPlan: true},
			{PreConfig: func() { f.wantPosts(t, 0, 0) }, Config: config},
			{Config: config, PlanOnly: true},
		},
	})
	posts := f.posts()
	if len(posts) != 1 {
		t.Fatalf("%d posts", len(posts))
	}
	if got, want := string(posts[0].Body), `{"group_id":"g","message":{"content":"[late content] late content","accessory_ids":["a1","b2"]}}`; got != want {
		t.Errorf("body %s\nwant %s", got, want)
	}
	if got := headerOf(posts[0], "X-Language") + headerOf(posts[0], "X-Site"); got != "en-us0" {
		t.Errorf("X-Language and X-Site %q", got)
	}
}

// A wrong value that becomes known only at apply is refused before a request.
func TestUnknownValueThatIsBad(t *testing.T) {
	t.Parallel()
	f := newFixture(t, simulator.Options{})
	resource.UnitTest(t, resource.TestCase{
		TerraformVersionChecks:   []tfversion.TerraformVersionCheck{tfversion.SkipBelow(tfversion.Version1_4_0)}, // terraform_data
		ProtoV6ProviderFactories: f.providers,
		Steps: []resource.TestStep{{
			Config: f.config(`
resource "terraform_data" "late" {
  input = ".."
}

resource "servicerequest_case_message" "test" {
  case_id = terraform_data.late.output
  content = "hello"
}`),
			ExpectError: words("The value of case_id must be a ticket ID, not \".\" or \"..\"."),
		}},
	})
	f.wantPosts(t, 0, 0)
}

func TestMissingProviderValuesAreReportedByApply(t *testing.T) {
	t.Parallel()
	f := newFixture(t, simulator.Options{})
	const message = `
resource "servicerequest_case_message" "test" {
  case_id = "TT201801020526"
  content = "hello"
}`
	provider := func(arguments string) string {
		return "provider \"servicerequest\" {\n" + arguments + "\n}\n" + message
	}
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: f.providers,
		Steps: []resource.TestStep{
			{Config: message, PlanOnly: true, ExpectNonEmptyPlan: true},
			{Config: message, ExpectError: words("`endpoint` (SERVICEREQUEST_ENDPOINT)")},
			{Config: message, ExpectError: words("`token` (SERVICEREQUEST_TOKEN or HW_AUTH_TOKEN)")},
			{Config: provider(`token = "t"`), PlanOnly: true, ExpectNonEmptyPlan: true},
			{Config: provider(`token = "t"`), ExpectError: words("neither the provider block nor the environment has: - `endpoint` (SERVICEREQUEST_ENDPOINT)")},
			{Config: provider("access_key = \"a\"\nendpoint = \"" + f.URL() + "\""), PlanOnly: true, ExpectNonEmptyPlan: true},
			{Config: provider("access_key = \"a\"\nendpoint = \"" + f.URL() + "\""), ExpectError: words("neither the provider block nor the environment has: - `secret_key` (HW_SECRET_KEY)")},
		},
	})
	f.wantPosts(t, 0, 0)
}
