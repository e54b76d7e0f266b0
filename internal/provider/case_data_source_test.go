package provider

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"

	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/simulator"
)

// applied applies a configuration by hand, so that each data source is read
// once, and returns the outputs.
func (f *fixture) applied(t *testing.T, config string) map[string]any {
	t.Helper()
	c := newCLI(t, map[string]string{"main.tf": requiredProvider + f.config(config)})
	c.run("apply", "-auto-approve")
	return c.outputs()
}

func (c *cli) outputs() map[string]any {
	c.t.Helper()
	var outputs map[string]struct{ Value any }
	if err := json.Unmarshal([]byte(c.run("output", "-json").stdout), &outputs); err != nil {
		c.t.Fatal(err)
	}
	values := map[string]any{}
	for name, output := range outputs {
		values[name] = output.Value
	}
	return values
}

// wantCounts fails unless exactly these requests came.
func (f *fixture) wantCounts(t *testing.T, want map[string]int) {
	t.Helper()
	got := map[string]int{}
	for _, r := range f.Requests() {
		got[r.Operation]++
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("requests %v, want %v", got, want)
	}
}

func wantValue(t *testing.T, name string, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		g, _ := json.MarshalIndent(got, "", " ")
		w, _ := json.MarshalIndent(want, "", " ")
		t.Errorf("%s is %s\nwant %s", name, g, w)
	}
}

type object = map[string]any

var caseCreated = time.Date(2018, 1, 2, 3, 4, 5, 0, time.UTC)

func TestCaseDataSourceTellsAll(t *testing.T) {
	t.Parallel()
	f := newFixture(t, simulator.Options{})
	f.AddCase(simulator.Case{
		ID: "TT 1/ü", Status: 2, Description: "Resets", GroupID: "g1", CustomerID: "c1", XCustomerID: "u1", XCustomerName: "Ada",
		BusinessType: "ECS", IncidentType: "Fault", Severity: "High", Source: "Console", Region: "Dublin",
		CreateTime: caseCreated, ResolveTime: caseCreated.Add(time.Hour),
	})
	f.AddCase(simulator.Case{ID: "TT2", CreateTime: caseCreated})
	got := f.applied(t, `
data "servicerequest_case" "full" {
  case_id  = "TT 1/ü"
  group_id = "g1"
}
data "servicerequest_case" "bare" { case_id = "TT2" }
output "full" { value = data.servicerequest_case.full }
output "bare" { value = data.servicerequest_case.bare }`)
	wantValue(t, "full", got["full"], object{
		"case_id": "TT 1/ü", "group_id": "g1", "status": 2.0, "status_name": "awaiting_confirmation", "is_open": true, "description": "Resets",
		"business_type": "ECS", "incident_type": "Fault", "severity": "High", "source": "Console", "region": "Dublin", "judgement": nil,
		"customer_id": "c1", "user_id": "u1", "user_name": "Ada",
		"created_at": "2018-01-02T03:04:05Z", "created_at_raw": "2018-01-02T03:04:05Z",
		"resolved_at": "2018-01-02T04:04:05Z", "resolved_at_raw": "1514865845000",
	})
	wantValue(t, "bare", got["bare"], object{
		"case_id": "TT2", "group_id": nil, "status": 0.0, "status_name": "to_be_accepted", "is_open": true, "description": nil,
		"business_type": nil, "incident_type": nil, "severity": nil, "source": nil, "region": nil, "judgement": nil,
		"customer_id": nil, "user_id": nil, "user_name": nil,
		"created_at": "2018-01-02T03:04:05Z", "created_at_raw": "2018-01-02T03:04:05Z", "resolved_at": nil, "resolved_at_raw": nil,
	})
	f.wantCounts(t, map[string]int{simulator.OpDetail: 2})
}

func TestCaseDataSourceNamesEveryStatus(t *testing.T) {
	t.Parallel()
	f := newFixture(t, simulator.Options{})
	want := object{}
	for _, s := range []struct {
		number int
		name   string
		open   bool
	}{
		{0, "to_be_accepted", true}, {1, "processing", true}, {2, "awaiting_confirmation", true}, {3, "completed", false},
		{4, "cancelled", false}, {5, "suspended", true}, {12, "invalid", false}, {17, "awaiting_feedback", true}, {99, "99", true},
	} {
		id := fmt.Sprint("TT", s.number)
		f.AddCase(simulator.Case{ID: id, Status: s.number})
		want[id] = []any{float64(s.number), s.name, s.open}
	}
	got := f.applied(t, `
data "servicerequest_case" "test" {
  for_each = toset([for n in [0, 1, 2, 3, 4, 5, 12, 17, 99] : "TT${n}"])
  case_id  = each.key
}
output "test" { value = { for id, c in data.servicerequest_case.test : id => [c.status, c.status_name, c.is_open] } }`)
	wantValue(t, "test", got["test"], want)
	f.wantCounts(t, map[string]int{simulator.OpDetail: 9})
}

// A number that the service does not return is not zero.
func TestCaseDataSourceWithoutAnything(t *testing.T) {
	t.Parallel()
	f := newFixture(t, simulator.Options{})
	c := newCLI(t, map[string]string{"main.tf": requiredProvider + strings.ReplaceAll(f.config(`
data "servicerequest_case" "test" { case_id = "TT1" }
output "test" { value = data.servicerequest_case.test }`), f.URL(), always(t, `{"incident_detail_info":{"incident_id":"another","create_time":"just now"}}`))})
	c.run("apply", "-auto-approve")
	test := c.outputs()["test"].(object)
	for name, value := range test {
		want := map[string]any{"case_id": "TT1", "created_at_raw": "just now"}[name]
		if value != want {
			t.Errorf("%s is %v, want %v", name, value, want)
		}
	}
}

// always is the URL of a service that always gives the same answer.
func always(t *testing.T, body string) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(body)) }))
	t.Cleanup(server.Close)
	return server.URL
}

func TestCaseDataSourcesWithoutTheCase(t *testing.T) {
	t.Parallel()
	f := newFixture(t, simulator.Options{})
	files := map[string]string{"provider.tf": requiredProvider + f.config("")}
	for _, kind := range []string{"case", "case_messages"} {
		files[kind+".tf"] = fmt.Sprintf("data \"servicerequest_%s\" \"test\" {\n  case_id = \"TT404\"\n}", kind)
	}
	all := newCLI(t, files).fail("plan", "-json").diagnostics()
	for kind, summary := range map[string]string{"case": "Unable to read case", "case_messages": "Unable to read case messages"} {
		got := about(all, kind+".tf")
		if len(got) != 1 || got[0].Summary != summary || !strings.Contains(got[0].Snippet.Code, `case_id = "TT404"`) {
			t.Fatalf("%s: %+v", kind, got)
		}
		wantAll(t, got[0].Detail, "OSM.01010015", "There is no such ticket at this endpoint.")
	}
	f.wantCounts(t, map[string]int{simulator.OpDetail: 1, simulator.OpList: 1})
}

const threeDataSources = `
data "servicerequest_case" "test" { case_id = local.id }
data "servicerequest_case_messages" "test" { case_id = local.id }
data "servicerequest_cases" "test" { keywords = [local.id] }
`

func TestCaseDataSourcesNeedTheProvidersConfiguration(t *testing.T) {
	t.Parallel()
	c := newCLI(t, map[string]string{"main.tf": requiredProvider + `provider "servicerequest" {}` + threeDataSources + `locals { id = "TT1" }`})
	if n := strings.Count(c.fail("plan").output(), "Error: Missing provider configuration"); n != 3 {
		t.Errorf("%d data sources fail, want 3", n)
	}
}

func TestCaseDataSourcesWaitForUnknownValues(t *testing.T) {
	t.Parallel()
	needCLI(t, 4, 0, "terraform_data")
	f := newFixture(t, simulator.Options{})
	c := newCLI(t, map[string]string{"main.tf": requiredProvider + f.config(threeDataSources+`
resource "terraform_data" "later" {
  input = { id = "TT201801020526", n = 3, time = "2018-01-02T03:04:05Z", type = "customer" }
}
locals { id = terraform_data.later.output.id }
data "servicerequest_case_messages" "later" {
  case_id     = "TT201801020526"
  group_id    = local.id
  author_type = terraform_data.later.output.type
}
data "servicerequest_cases" "later" {
  keywords   = terraform_data.later.output[*].id
  label_ids  = [local.id]
  status     = terraform_data.later.output.n
  limit      = terraform_data.later.output.n
  start_time = terraform_data.later.output.time
  end_time   = terraform_data.later.output.time
}`)})
	c.run("plan")
	f.wantCounts(t, map[string]int{})
	c.run("apply", "-auto-approve")
	f.wantCounts(t, map[string]int{simulator.OpDetail: 3, simulator.OpList: 2, simulator.OpCases: 2})
}

func TestCaseDataSourcesTryAgain(t *testing.T) {
	t.Parallel()
	f := newFixture(t, simulator.Options{Faults: []simulator.Fault{
		{Kind: "503", Operation: simulator.OpDetail, Ordinals: []int{1, 3}},
		{Kind: "503", Operation: simulator.OpList, Ordinals: []int{1, 2}},
		{Kind: "429", Operation: simulator.OpCases, Ordinals: []int{1}},
	}})
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: f.providers,
		Steps: []resource.TestStep{{
			Config: f.config(threeDataSources + `locals { id = "TT201801020526" }`),
			ConfigStateChecks: []statecheck.StateCheck{
				statecheck.ExpectKnownValue("data.servicerequest_case.test", attribute("description"), knownvalue.StringExact("Checkout is slow")),
				statecheck.ExpectKnownValue("data.servicerequest_case_messages.test", attribute("messages"), knownvalue.ListSizeExact(0)),
				statecheck.ExpectKnownValue("data.servicerequest_cases.test", attribute("cases"), knownvalue.ListSizeExact(1)),
			},
		}},
	})
}

func TestCaseDataSourcesReportARefusal(t *testing.T) {
	t.Parallel()
	f := newFixture(t, simulator.Options{})
	f.RevokeToken(testToken)
	for kind, summary := range map[string]string{
		"case": "Unable to read case", "case_messages": "Unable to read case messages", "cases": "Unable to search cases",
	} {
		arguments := `case_id = "TT1"`
		if kind == "cases" {
			arguments = ""
		}
		resource.UnitTest(t, resource.TestCase{
			ProtoV6ProviderFactories: f.providers,
			Steps: []resource.TestStep{{
				Config:      f.config(fmt.Sprintf("data \"servicerequest_%s\" \"test\" {\n%s\n}", kind, arguments)),
				ExpectError: regexp.MustCompile(`(?s)` + summary + `\n.*The\s+token\s+is\s+invalid\s+or\s+expired.*401`),
			}},
		})
	}
}

var dataRows = []struct {
	kind, name, attributes string
	detail                 string // of the diagnostic that refuses it; empty: it is accepted
}{
	{"case", "case_id_empty", `case_id = ""`, "case_id must have 1 to 64 characters, but has 0."},
	{"case", "case_id_65", fmt.Sprintf(`case_id = %q`, strings.Repeat("ü", 65)), "case_id must have 1 to 64 characters, but has 65."},
	{"case", "case_id_dots", `case_id = ".."`, "case_id must be a ticket ID, not \".\" or \"..\"."},
	{"case", "group_id_empty", `group_id = ""`, "group_id must have 1 to 64 characters, but has 0."},
	{"case", "group_id_64", fmt.Sprintf(`group_id = %q`, strings.Repeat("ü", 64)), ""},
	{"case_messages", "case_id_control", `case_id = "a\nb"`, "case_id contains a line break or another control character; remove it"},
	{"case_messages", "group_id_65", fmt.Sprintf(`group_id = %q`, strings.Repeat("g", 65)), "group_id must have 1 to 64 characters, but has 65."},
	{"case_messages", "author_type", `author_type = "Customer"`, `author_type must be "customer" or "engineer" or "third_party".`},
	{"case_messages", "author_type_third_party", `author_type = "third_party"`, ""},
	{"cases", "keyword_blank", `keywords = ["a", " "]`, "keywords[1] must contain at least one visible character."},
	{"cases", "keyword_null", `keywords = ["a", null]`, "null"},
	{"cases", "keyword_control", `keywords = ["a\u0007"]`, "keywords[0] contains a line break or another control character; remove it"},
	{"cases", "keywords_none", `keywords = []`, ""},
	{"cases", "keywords_many", `keywords = ["a b", "ü&=", "a b"]`, ""},
	{"cases", "labels_5", `label_ids = [1, 2, 3, 4, 5]`, ""},
	{"cases", "labels_6", `label_ids = [1, 2, 3, 4, 5, 6]`, "label_ids list must contain at most 5 elements, got: 6"},
	{"cases", "label_twice", `label_ids = ["1", "1"]`, "duplicate"},
	{"cases", "label_empty", `label_ids = [""]`, "label_ids[0] must contain at least one visible character."},
	{"cases", "label_null", `label_ids = [null]`, "null"},
	{"cases", "status_6", `status = 6`, `status value must be one of:`},
	{"cases", "status_negative", `status = -1`, `status value must be one of:`},
	{"cases", "status_17", `status = 17`, ""},
	{"cases", "start_day", `start_time = "2026-01-31"`, `start_time must be an RFC 3339 time such as "2026-01-31T00:00:00Z", in 1970 or later.`},
	{"cases", "start_1969", `start_time = "1969-12-31T23:59:59Z"`, `start_time must be an RFC 3339 time such as "2026-01-31T00:00:00Z", in 1970 or later.`},
	{"cases", "start_offset", `start_time = "2026-01-31T00:00:00.5+05:30"`, ""},
	{"cases", "end_text", `end_time = "now"`, `end_time must be an RFC 3339 time such as "2026-01-31T00:00:00Z", in 1970 or later.`},
	{"cases", "end_before", "start_time = \"2026-01-31T00:00:01+00:00\"\nend_time = \"2026-01-31T02:00:00+02:00\"", "end_time must not be before start_time."},
	{"cases", "end_same", "start_time = \"2026-01-31T00:00:00+00:00\"\nend_time = \"2026-01-31T02:00:00+02:00\"", ""},
	{"cases", "group_id_control", `group_id = "\t"`, "group_id contains a line break or another control character; remove it"},
	{"cases", "limit_0", `limit = 0`, "limit value must be between 1 and 10000, got: 0"},
	{"cases", "limit_10001", `limit = 10001`, "limit value must be between 1 and 10000, got: 10001"},
	{"cases", "limit_1", `limit = 1`, ""},
	{"cases", "limit_10000", `limit = 10000`, ""},
}

func TestCaseDataSourcesHoldTheLimitsAtPlan(t *testing.T) {
	t.Parallel()
	f := newFixture(t, simulator.Options{})
	bad := map[string]string{"provider.tf": requiredProvider + f.config("")}
	good := map[string]string{"provider.tf": requiredProvider + f.config("")}
	for _, row := range dataRows {
		attributes := row.attributes
		if row.kind != "cases" {
			attributes = withDefaults(attributes, `case_id = "TT201801020526"`)
		}
		files := bad
		if row.detail == "" {
			files = good
		}
		files[row.name+".tf"] = fmt.Sprintf("data \"servicerequest_%s\" %q {\n%s\n}", row.kind, row.name, attributes)
	}
	refused := newCLI(t, bad).fail("plan", "-json").diagnostics()
	f.wantCounts(t, map[string]int{})
	for _, row := range dataRows {
		if row.detail == "" {
			continue
		}
		got := about(refused, row.name+".tf")
		if len(got) != 1 || got[0].Severity != "error" || !strings.Contains(strings.Join(strings.Fields(got[0].Detail), " "), row.detail) {
			t.Errorf("%s: %+v\nwant one, with %s", row.name, got, row.detail)
			continue
		}
		if line := strings.TrimSpace(got[0].Snippet.Code); line == "" || !strings.Contains(row.attributes, line) {
			t.Errorf("%s points at %q", row.name, line)
		}
	}
	newCLI(t, good).run("plan")
}
