package provider

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"

	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/simulator"
)

const messageAddress = "servicerequest_case_message.test"

type object = map[string]any

// message is the configuration of a message, with more arguments if given.
func message(more ...object) object {
	return merged(object{"case_id": testCase, "content": "Release 1.4.0 is live."}, more...)
}

var deployKey = object{"idempotency_key": "deploy 4711"}

// deployedText is how the ticket has a message with deployKey.
const deployedText = "[deploy 4711] Release 1.4.0 is live."

// A message is created, stays, is replaced by another one and leaves the state, as HashiCorp's test framework sees it:
// that also validates the schema and compares every plan with what follows.
func TestMessageIsPostedOnce(t *testing.T) {
	t.Parallel()
	f := newFixture(t, simulator.Options{})
	message := func(content string) string {
		return f.config(strings.Replace(oneMessage, "hello", content, 1))
	}
	known := func(name, pattern string) statecheck.StateCheck {
		return statecheck.ExpectKnownValue(messageAddress, tfjsonpath.New(name), knownvalue.StringRegexp(regexp.MustCompile(pattern)))
	}
	planned := func(action plancheck.ResourceActionType) resource.ConfigPlanChecks {
		return resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{plancheck.ExpectResourceAction(messageAddress, action)}}
	}
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: map[string]func() (tfprotov6.ProviderServer, error){
			"servicerequest": func() (tfprotov6.ProviderServer, error) { return New(builtVersion)(), nil },
		},
		Steps: []resource.TestStep{
			{
				Config: message("Deployed <b>v1.4.2</b> & restarted: größer, 完了"), ConfigPlanChecks: planned(plancheck.ResourceActionCreate),
				ConfigStateChecks: []statecheck.StateCheck{
					known("id", `^TT201801020526/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`),
					known("submitted_at", `^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$`),
					known("confirmed_by", "^response$"),
				},
			},
			{Config: message("Deployed v1.4.3"), ConfigPlanChecks: planned(plancheck.ResourceActionReplace)},
		},
	})
	f.wantPosts(t, 2, 2)
	post := f.posts()[0]
	wantValue(t, "the call", post.Method+" "+post.Path, "POST /v2/servicerequest/cases/TT201801020526/message")
	wantValue(t, "the body", string(post.Body), `{"message":{"content":"Deployed <b>v1.4.2</b> & restarted: größer, 完了"}}`)
	for name, want := range map[string]string{
		"X-Auth-Token": testToken, "Content-Type": "application/json", "X-Language": "", "X-Time-Zone": "", "X-Site": "", "Idempotency-Key": "", "X-Idempotency-Key": "",
	} {
		wantValue(t, name, headerOf(post, name), want)
	}
	if got := headerOf(post, "User-Agent"); !regexp.MustCompile(`^Terraform/1\.\S+ terraform-provider-servicerequest/` + builtVersion + `$`).MatchString(got) {
		t.Errorf("User-Agent %q", got)
	}
}

// Without a list of attachments none is sent, as TestMessageIsPostedOnce shows.
func TestEmptyListIsSent(t *testing.T) {
	t.Parallel()
	f := newFixture(t, simulator.Options{})
	wantNoDiagnostics(t, newProtocol(t, f).manage(t, caseMessageType).apply(message(object{"accessory_ids": []any{}})))
	wantValue(t, "the bodies", f.bodies(simulator.OpSubmit), []string{`{"message":{"content":"Release 1.4.0 is live.","accessory_ids":[]}}`})
}

// Terraform knows no value yet, not even of the provider block.
func TestUnknownValuesWait(t *testing.T) {
	t.Parallel()
	f := newFixture(t, simulator.Options{})
	block, config := object{}, object{}
	for name := range attributesIn("") {
		block[name] = tftypes.UnknownValue
	}
	for _, name := range []string{"case_id", "content", "accessory_ids", "group_id", "triggers", "idempotency_key", "timeouts"} {
		config[name] = tftypes.UnknownValue
	}
	for _, more := range []object{nil, {"accessory_ids": []any{tftypes.UnknownValue, "b"}, "timeouts": object{"create": tftypes.UnknownValue}}} {
		p := newProtocol(t, f, block)
		wantNoDiagnostics(t, p.validateProvider(t, block))
		c := p.manage(t, caseMessageType).plan(merged(config, more))
		wantNoDiagnostics(t, c.diagnostics)
		wantValue(t, "the action", c.action, "create")
	}
	f.wantPosts(t, 0, 0)
}

// A plan needs no configuration. An apply lists what is missing.
func TestMissingProviderValuesAreReportedByApply(t *testing.T) {
	t.Parallel()
	f := newFixture(t, simulator.Options{})
	m := newProtocol(t, f, object{"endpoint": nil, "token": nil}).manage(t, caseMessageType)
	c := m.plan(message())
	wantNoDiagnostics(t, c.diagnostics)
	wantOne(t, m.applyChange(c), "error", "Missing provider configuration",
		"neither the provider block nor the environment has:\n\n  - credentials: `token` (SERVICEREQUEST_TOKEN or HW_AUTH_TOKEN)",
		"\n  - `endpoint` (SERVICEREQUEST_ENDPOINT)\n")
	m = newProtocol(t, f, object{"token": tftypes.UnknownValue}).manage(t, caseMessageType) // not as if it were unset
	wantOne(t, m.apply(message()), "error", "Missing provider configuration", "`token`, whose value is not known yet")
	uploaded := newProtocol(t, f).manage(t, attachmentType)
	wantNoDiagnostics(t, uploaded.apply(events))
	f.Reset()
	uploaded.protocol = newProtocol(t, f, object{"token": nil}) // Terraform deletes with the provider of that run
	wantOne(t, uploaded.destroy(), "error", "Missing provider configuration", "SERVICEREQUEST_TOKEN")
	for typeName, config := range map[string]object{caseType: {"case_id": testCase}, caseMessagesType: {"case_id": testCase}, casesType: nil} {
		_, diagnostics := newProtocol(t, f, object{"token": nil}).read(t, typeName, config)
		wantOne(t, diagnostics, "error", "Missing provider configuration")
	}
	f.wantPosts(t, 0, 0)
}

// The text is sent, and neither the plan nor the state has it.
func TestWriteOnlyContent(t *testing.T) {
	t.Parallel()
	f := newFixture(t, simulator.Options{})
	m := newProtocol(t, f).manage(t, caseMessageType)
	secret := func(text string, version int) object {
		return object{"case_id": testCase, "content_wo": text, "content_wo_version": version}
	}
	for _, step := range []struct {
		config object
		action string
	}{{secret("the password was 12345", 1), "create"}, {secret("another text", 1), "no-op"}, {secret("another text", 2), "replace"}} {
		c := m.plan(step.config)
		wantValue(t, fmt.Sprint(step.config), c.action, step.action)
		wantNoDiagnostics(t, m.applyChange(c))
		for _, v := range []tftypes.Value{m.unmarshal(c.planned), m.state} {
			if values := attributes(t, v); !values["content"].IsNull() || !values["content_wo"].IsNull() {
				t.Errorf("the text is kept: %s", v)
			}
		}
	}
	f.wantPosts(t, 2, 1)
	f.wantContents(t, "the password was 12345", "another text")
}

// Only what stays wrong whatever an unknown value becomes is refused. A case is
// content, content_wo and content_wo_version: null (-), known (=) or unknown (?).
func TestUnknownContentWaits(t *testing.T) {
	t.Parallel()
	refused := map[string]string{
		"---": "Set content or content_wo.", "--=": "content_wo", "--?": "content_wo",
		"===": "Set either content or content_wo, not both.", "==-": "not both.", "==?": "not both.",
		"-=-": "Set content_wo_version together with content_wo.", "?=-": "Set content_wo_version together with content_wo.",
		"=-=": "Set content_wo_version only together with content_wo.", "?-=": "Set content_wo_version only together with content_wo.",
	}
	m := newProtocol(t, newFixture(t, simulator.Options{})).manage(t, caseMessageType)
	for _, content := range "-=?" {
		for _, contentWO := range "-=?" {
			for _, version := range "-=?" {
				values := object{"case_id": testCase}
				set := func(name string, state rune, known any) {
					values[name] = map[rune]any{'=': known, '?': tftypes.UnknownValue}[state]
				}
				set("content", content, "a")
				set("content_wo", contentWO, "a")
				set("content_wo_version", version, 1)
				name := string([]rune{content, contentWO, version})
				diagnostics := m.plan(values).diagnostics
				want, refuse := refused[name]
				if failed(diagnostics) != refuse || refuse && !strings.Contains(describe(diagnostics), want) {
					t.Errorf("%s: %s\nwant %q", name, describe(diagnostics), want)
				}
			}
		}
	}
}

// A conflict shows neither a write-only text, nor what the ticket has in its place.
func TestWriteOnlyContentStaysOutOfDiagnostics(t *testing.T) {
	t.Parallel()
	f := newFixture(t, simulator.Options{})
	f.AddMessage(testCase, simulator.Message{Content: "[deploy 4711] The password was 54321."})
	config := merged(deployKey, object{"case_id": testCase, "content_wo": "The password was 12345.", "content_wo_version": 1})
	got := newProtocol(t, f).manage(t, caseMessageType).apply(config)
	wantOne(t, got, "error at idempotency_key", "Nothing was sent: ticket TT201801020526 has another message with the idempotency_key")
	if strings.Contains(describe(got), "password") {
		t.Error(describe(got))
	}
}

// Drift detection and refresh need neither credentials nor an endpoint, and make no
// request. A prune still removes the messages from the state. Terraform asks about it; the
// second half of a replacement is none.
func TestMessagesWithoutCredentials(t *testing.T) {
	t.Parallel()
	f := newFixture(t, simulator.Options{})
	const body = `
resource "servicerequest_case_message" "test" {
  count   = 3
  case_id = "TT201801020526"
  content = "The same words"

  lifecycle {
    create_before_destroy = true
  }
}`
	const warning = "Warning: The message stays on the ticket"
	c := newCLI(t, map[string]string{"main.tf": requiredProvider + f.config(body)})
	c.run("apply", "-auto-approve")
	if replaced := c.run("apply", "-auto-approve", "-replace="+messageAddress+"[0]").output(); strings.Contains(replaced, warning) {
		t.Errorf("a replacement warns:\n%s", replaced)
	}
	f.wantPosts(t, 4, 2)
	f.Reset()

	c.write("main.tf", requiredProvider+`provider "servicerequest" {}`+body)
	c.run("plan", "-detailed-exitcode")
	c.run("plan", "-refresh-only", "-detailed-exitcode")
	c.write("main.tf", requiredProvider+`provider "servicerequest" {}`)
	removed := c.run("apply", "-auto-approve").output()
	wantAll(t, removed, "3 destroyed")
	if cliHas(t, 3, 0) { // before, Terraform does not ask a provider about a destroy
		wantAll(t, removed, warning, "TT201801020526")
	}
	f.wantPosts(t, 0, 0)
}

// A terminal obeys control characters, so that a reviewer may see another text.
func TestControlCharactersWarn(t *testing.T) {
	t.Parallel()
	p := newProtocol(t, newFixture(t, simulator.Options{}))
	for content, want := range map[string]string{"a\x1b[2Kb": "U+001B", "a\u202eb": "U+202E", "a\u200db\n\t": ""} {
		values := message(object{"content": content})
		validated := must(p.ValidateActionConfig(t.Context(), &tfprotov6.ValidateActionConfigRequest{
			ActionType: caseMessageType, Config: dynamic(t, p.schemas.ActionSchemas[caseMessageType].Schema, values),
		}))
		for _, got := range [][]*tfprotov6.Diagnostic{p.manage(t, caseMessageType).plan(values).diagnostics, validated.Diagnostics} {
			if want == "" {
				wantNoDiagnostics(t, got)
			} else {
				wantOne(t, got, "warning at content", "Control character in the text", want, "-no-color")
			}
		}
	}
}
