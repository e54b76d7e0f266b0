package provider

import (
	"regexp"
	"slices"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfversion"

	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/simulator"
)

func TestWriteOnlyContent(t *testing.T) {
	t.Parallel()
	f := newFixture(t, simulator.Options{})
	config := func(arguments string) string {
		return f.config("resource \"servicerequest_case_message\" \"test\" {\n  case_id = \"TT201801020526\"\n" + arguments + "\n}")
	}
	refused := func(arguments, failure string) resource.TestStep {
		return resource.TestStep{Config: config(arguments), PlanOnly: true, ExpectError: regexp.MustCompile(failure)}
	}
	resource.UnitTest(t, resource.TestCase{
		TerraformVersionChecks:   []tfversion.TerraformVersionCheck{tfversion.SkipBelow(tfversion.Version1_11_0)},
		ProtoV6ProviderFactories: f.providers,
		Steps: []resource.TestStep{
			refused("", `(?s)Invalid content\n.*Set content or content_wo\.`),
			refused("content = \"a\"\ncontent_wo = \"b\"\ncontent_wo_version = 1", `(?s)Invalid content_wo\n.*Set either content or content_wo, not both\.`),
			refused(`content_wo = "b"`, `(?s)Invalid content_wo\n.*Set content_wo_version together with content_wo\.`),
			refused("content = \"a\"\ncontent_wo_version = 1", `(?s)Invalid content_wo_version\n.*Set content_wo_version only together with\s+content_wo\.`),
			refused("content_wo = \"\"\ncontent_wo_version = 1", `content_wo must have 1 to 10000\s+characters, but has 0`),
			refused("content_wo = \" \\t\"\ncontent_wo_version = 1", `content_wo must contain at least one\s+visible\s+character`),
			refused("content_wo = \"a\"\ncontent_wo_version = 1\nidempotency_key = \"[run 4711]\"", `write "run\s+4711"\s+instead`),
			{
				Config: config("content_wo = \"the password was 12345\"\ncontent_wo_version = 1"),
				ConfigStateChecks: []statecheck.StateCheck{
					statecheck.ExpectKnownValue(messageAddress, attribute("content"), knownvalue.Null()),
					statecheck.ExpectKnownValue(messageAddress, attribute("content_wo"), knownvalue.Null()),
				},
			},
			{
				Config:           config("content_wo = \"another text\"\ncontent_wo_version = 1"),
				ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{plancheck.ExpectEmptyPlan()}},
			},
			{Config: config("content_wo = \"another text\"\ncontent_wo_version = 2")},
		},
	})
	f.wantPosts(t, 2, 2)
	if got := f.contents(); !slices.Equal(got, []string{"the password was 12345", "another text"}) {
		t.Errorf("the ticket has %q", got)
	}
}

// Only what stays wrong whatever an unknown value becomes is refused. A case is
// content, content_wo and content_wo_version: null (-), known (=) or unknown (?).
func TestUnknownContentWaits(t *testing.T) {
	t.Parallel()
	refused := []string{"---", "--=", "--?", "===", "==-", "==?", "-=-", "?=-", "=-=", "?-="}
	p := newProtocol(t, newFixture(t, simulator.Options{}))
	schema := p.schemas.ResourceSchemas[caseMessageType]
	for _, content := range "-=?" {
		for _, contentWO := range "-=?" {
			for _, version := range "-=?" {
				values := map[string]any{"case_id": testCase}
				set := func(name string, state rune, known any) {
					values[name] = map[rune]any{'=': known, '?': tftypes.UnknownValue}[state]
				}
				set("content", content, "a")
				set("content_wo", contentWO, "a")
				set("content_wo_version", version, 1)
				response, err := p.ValidateResourceConfig(t.Context(), &tfprotov6.ValidateResourceConfigRequest{
					TypeName: caseMessageType, Config: dynamic(t, schema, values),
					ClientCapabilities: &tfprotov6.ValidateResourceConfigClientCapabilities{WriteOnlyAttributesAllowed: true},
				})
				if err != nil {
					t.Fatal(err)
				}
				name := string([]rune{content, contentWO, version})
				if got, want := len(response.Diagnostics) > 0, slices.Contains(refused, name); got != want {
					t.Errorf("%s: refused is %t, want %t", name, got, want)
				}
			}
		}
	}
}

func TestWriteOnlyContentStaysOutOfDiagnostics(t *testing.T) {
	t.Parallel()
	f := newFixture(t, simulator.Options{Faults: []simulator.Fault{{Kind: "lost-answer"}, {Kind: "403", Operation: simulator.OpList}}})
	p := newProtocol(t, f)
	schema := p.schemas.ResourceSchemas["servicerequest_case_message"]
	values := func() map[string]any {
		return map[string]any{"case_id": testCase, "content_wo_version": 1}
	}
	config := values()
	config["content_wo"] = "the password was 12345"
	response := p.apply(t, "servicerequest_case_message", dynamic(t, schema, values()), dynamic(t, schema, config))
	if len(response.Diagnostics) != 1 || !regexp.MustCompile(`^May be on the ticket`).MatchString(response.Diagnostics[0].Detail) {
		t.Fatalf("diagnostics %v, want one that the message may be on the ticket", response.Diagnostics)
	}
	if regexp.MustCompile(`password`).MatchString(response.Diagnostics[0].Detail) {
		t.Errorf("the diagnostic shows the content: %s", response.Diagnostics[0].Detail)
	}
}
