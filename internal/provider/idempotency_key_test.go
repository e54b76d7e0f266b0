package provider

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfversion"

	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/simulator"
)

// messageWith is the configuration of a message with these arguments.
func (f *fixture) messageWith(arguments ...string) string {
	return requiredProvider + f.config("resource \"servicerequest_case_message\" \"test\" {\n"+
		withDefaults(strings.Join(arguments, "\n"), `case_id = "TT201801020526"`)+"\n}\n")
}

const deployed = `content = "Release 1.4.0 is live."`

const deployKey = `idempotency_key = "deploy 4711"`

// deployedText is how the ticket has them.
const deployedText = "[deploy 4711] Release 1.4.0 is live."

func (c *cli) wantConfirmedBy(want string) {
	c.t.Helper()
	wantAll(c.t, c.run("state", "show", messageAddress).stdout, fmt.Sprintf(" = %q", want))
}

// A message with the key is adopted, whoever has posted it, and the plan is empty
// afterwards.
func TestKeyAdoptsTheMessage(t *testing.T) {
	t.Parallel()
	f := newFixture(t, simulator.Options{})
	created := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	f.AddMessage(testCase, simulator.Message{Content: deployedText, CreateTime: created})
	f.AddMessage(testCase, simulator.Message{Content: "[deploy 4710] Release 1.4.0 is live.", CreateTime: created})
	c := newCLI(t, map[string]string{"main.tf": f.messageWith(deployed, deployKey)})
	adopted := about(c.run("apply", "-json", "-auto-approve").diagnostics(), "main.tf")
	if len(adopted) != 1 || adopted[0].Severity != "warning" || adopted[0].Summary != "The ticket already has this message" || !strings.Contains(adopted[0].Snippet.Code, "idempotency_key") {
		t.Fatalf("%+v, want one warning at the key", adopted)
	}
	if want := `Nothing was sent: ticket TT201801020526 already has this message, with the idempotency_key "deploy 4711".`; adopted[0].Detail != want {
		t.Errorf("detail %q", adopted[0].Detail)
	}
	wantAll(t, c.run("state", "show", messageAddress).stdout, `"existing"`, `"2026-03-04T05:06:07Z"`)
	c.run("plan", "-detailed-exitcode")
	f.wantPosts(t, 0, 1)

	// If the ticket has it more than once, the warning says so.
	f.AddMessage(testCase, simulator.Message{Content: deployedText, CreateTime: created})
	again := about(c.run("apply", "-json", "-auto-approve", "-replace="+messageAddress).diagnostics(), "main.tf")
	if want := `this message, with the idempotency_key "deploy 4711". The ticket has 2 messages with this key and text.`; !slices.ContainsFunc(again, func(d diagnostic) bool { return strings.HasSuffix(d.Detail, want) }) {
		t.Errorf("%+v\nwant a warning that ends with %q", again, want)
	}
	f.wantPosts(t, 0, 2)

	// Without the key it is another message.
	c.write("main.tf", f.messageWith(deployed))
	c.run("apply", "-auto-approve", "-replace="+messageAddress)
	f.wantPosts(t, 1, 3)
}

// An adopted message whose time cannot be read has no submitted_at, now and later.
func TestKeyAdoptsAMessageWithoutATime(t *testing.T) {
	t.Parallel()
	f := newFixture(t, simulator.Options{Show: func(_ string, m *simulator.WireMessage) { m.CreateTime = "just now" }})
	f.AddMessage(testCase, simulator.Message{Content: deployedText})
	config := func(more string) string {
		return f.config("resource \"servicerequest_case_message\" \"test\" {\n case_id = \"TT201801020526\"\n" + deployed + "\n" + deployKey + "\n" + more + "\n}")
	}
	noTime := []statecheck.StateCheck{statecheck.ExpectKnownValue(messageAddress, attribute("submitted_at"), knownvalue.Null())}
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: f.providers,
		Steps: []resource.TestStep{
			{Config: config(""), ConfigStateChecks: noTime},
			{Config: config(""), PlanOnly: true},
			{Config: config(`timeouts = { create = "1m" }`), ConfigStateChecks: noTime},
		},
	})
	f.wantPosts(t, 0, 1)
}

func TestKeyOfTwoDirectoriesIsOneMessage(t *testing.T) {
	t.Parallel()
	f := newFixture(t, simulator.Options{})
	files := map[string]string{"main.tf": f.messageWith(deployed, deployKey)}
	first, second := newCLI(t, files), newCLI(t, files)
	if out := first.run("apply", "-auto-approve").output(); strings.Contains(out, "already has this message") {
		t.Errorf("the first apply warns:\n%s", out)
	}
	wantAll(t, second.run("apply", "-auto-approve").output(), "Warning: The ticket already has this message")
	first.wantConfirmedBy("response")
	second.wantConfirmedBy("existing")
	f.wantPosts(t, 1, 3) // the second apply only searches
	f.wantContents(t, deployedText)
}

func TestKeySurvivesALostState(t *testing.T) {
	t.Parallel()
	f := newFixture(t, simulator.Options{})
	c := newCLI(t, map[string]string{"main.tf": f.messageWith(deployed, deployKey)})
	c.run("apply", "-auto-approve")
	for _, name := range []string{"terraform.tfstate", "terraform.tfstate.backup"} {
		if err := os.Remove(filepath.Join(c.dir, name)); err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
	}
	c.run("apply", "-auto-approve")
	c.wantConfirmedBy("existing")
	f.wantPosts(t, 1, 3) // the second apply only searches
	f.wantContents(t, deployedText)
}

// Messages of one run with one key: equal texts are one message.
func TestKeyWithinOneRun(t *testing.T) {
	t.Parallel()
	f := newFixture(t, simulator.Options{})
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: f.providers,
		Steps: []resource.TestStep{{Config: f.config(`
resource "servicerequest_case_message" "test" {
  count           = 5
  case_id         = "TT201801020526"
  content         = "Release 1.4.0 is live."
  idempotency_key = "deploy 4711"
}`)}},
	})
	f.wantPosts(t, 1, 2)
	f.wantContents(t, deployedText)
}

// A key that is used twice by mistake must not lose a message.
func TestKeyConflict(t *testing.T) {
	t.Parallel()
	f := newFixture(t, simulator.Options{})
	f.AddMessage(testCase, simulator.Message{Content: "[deploy 4711] Release 1.3.9 has been rolled back."})
	c := newCLI(t, map[string]string{"main.tf": f.messageWith(deployed, deployKey)})
	got := about(c.fail("apply", "-json", "-auto-approve").diagnostics(), "main.tf")
	if len(got) != 1 || got[0].Summary != "Unable to submit case message" || !strings.Contains(got[0].Snippet.Code, "idempotency_key") {
		t.Fatalf("%+v, want one error at the key", got)
	}
	if want := `Nothing was sent: ticket TT201801020526 has another message with the idempotency_key "deploy 4711", and a different text.

  this message:  [deploy 4711] Release 1.4.0 is live.
  other message: [deploy 4711] Release 1.3.9 has been rolled back.
  they differ from character 25 on

If the other message is this one in another form, import it (the data source servicerequest_case_messages lists the message IDs), or remove the resource from the configuration. Otherwise choose a key that no other message on the ticket has.`; got[0].Detail != want {
		t.Errorf("detail:\n%s\nwant:\n%s", got[0].Detail, want)
	}
	f.wantPosts(t, 0, 1)
}

// If our text is write-only, a conflict shows neither text.
func TestKeyConflictOfAWriteOnlyText(t *testing.T) {
	t.Parallel()
	f := newFixture(t, simulator.Options{})
	f.AddMessage(testCase, simulator.Message{Content: "[deploy 4711] The password was 12345."})
	p := newProtocol(t, f)
	schema := p.schemas.ResourceSchemas["servicerequest_case_message"]
	values := func(content any) map[string]any {
		return map[string]any{"case_id": testCase, "content_wo": content, "content_wo_version": 1, "idempotency_key": "deploy 4711"}
	}
	response := p.apply(t, "servicerequest_case_message", dynamic(t, schema, values(nil)), dynamic(t, schema, values("The password is 54321.")))
	if len(response.Diagnostics) != 1 || !strings.HasPrefix(response.Diagnostics[0].Detail, "Nothing was sent: ticket TT201801020526 has another message with the idempotency_key") {
		t.Fatalf("diagnostics %v", response.Diagnostics)
	}
	if strings.Contains(response.Diagnostics[0].Detail, "password") {
		t.Errorf("a text is shown: %s", response.Diagnostics[0].Detail)
	}
	f.wantPosts(t, 0, 1)
}

// A replacement with an unchanged key posts nothing, and the plan says so.
func TestUnchangedKeyWarnsAtPlan(t *testing.T) {
	t.Parallel()
	const (
		summary = "The idempotency_key stays the same"
		same    = "The text stays the same, so nothing will be sent."
		changed = "The text changes, so the apply will be refused."
		either  = "If the text stays the same, nothing will be sent. If it changes, the apply will be refused."
	)
	rows := []struct {
		name         string
		first, later []string
		want         string // empty: no warning
	}{
		{"triggers", []string{deployed, deployKey}, []string{deployed, deployKey, `triggers = { a = "1" }`}, same},
		{"attachments", []string{deployed, deployKey}, []string{deployed, deployKey, `accessory_ids = ["a"]`}, same},
		{"typography", []string{deployed, deployKey}, []string{`content = " Release 1.4.0 is\nlive．"`, deployKey}, same},
		{"markup", []string{deployed, deployKey}, []string{`content = "Release <b>1.4.0</b> is live."`, deployKey}, changed},
		{"text", []string{deployed, deployKey}, []string{`content = "Release 1.4.1 is live."`, deployKey}, changed},
		{"unknown text", []string{deployed, deployKey}, []string{`content = "${terraform_data.late.id}"`, deployKey}, either},
		{"write-only text", []string{`content_wo = "a"`, "content_wo_version = 1", deployKey}, []string{`content_wo = "a"`, "content_wo_version = 2", deployKey}, either},
		{"write-only text, triggers", []string{`content_wo = "a"`, "content_wo_version = 1", deployKey},
			[]string{`content_wo = "a"`, "content_wo_version = 1", deployKey, `triggers = { a = "1" }`}, same},
		{"another key", []string{deployed, deployKey}, []string{deployed, `idempotency_key = "deploy 4712"`}, ""},
		{"another ticket", []string{deployed, deployKey}, []string{deployed, deployKey, `case_id = "case-2"`}, ""},
		{"no key", []string{deployed}, []string{deployed, `triggers = { a = "1" }`}, ""},
		{"a new key", []string{deployed}, []string{deployed, deployKey, `triggers = { a = "1" }`}, ""},
		{"in place", []string{deployed, deployKey}, []string{deployed, deployKey, `timeouts = { create = "1m" }`}, ""},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			needFeatures(t, strings.Join(slices.Concat(row.first, row.later), "\n"))
			f := newFixture(t, simulator.Options{})
			f.AddCase(simulator.Case{ID: "case-2"})
			c := newCLI(t, map[string]string{"main.tf": f.messageWith(row.first...)})
			if got := about(c.run("apply", "-json", "-auto-approve").diagnostics(), "main.tf"); len(got) != 0 {
				t.Errorf("the first apply: %+v", got)
			}
			lists := 1 + strings.Count(strings.Join(row.first, " "), deployKey)
			f.wantPosts(t, 1, lists)
			later := f.messageWith(row.later...)
			if strings.Contains(later, "terraform_data") {
				later += `resource "terraform_data" "late" {}`
			}
			c.write("main.tf", later)
			got := about(c.run("plan", "-json").diagnostics(), "main.tf")
			f.wantPosts(t, 1, lists)
			if row.want == "" {
				if len(got) != 0 {
					t.Errorf("the plan: %+v", got)
				}
				return
			}
			if len(got) != 1 || got[0].Severity != "warning" || got[0].Summary != summary || !strings.Contains(got[0].Snippet.Code, "idempotency_key") {
				t.Fatalf("the plan: %+v, want one warning at the key", got)
			}
			wantAll(t, got[0].Detail, `Ticket TT201801020526 already has a message with the idempotency_key "deploy 4711".`, row.want)

			// The apply does what the plan has said.
			r := c.try("apply", "-json", "-auto-approve")
			if refused := r.code != 0; row.want != either && refused != (row.want == changed) {
				t.Errorf("the apply ends with %d:\n%s", r.code, r.output())
			}
			if got := f.Count(simulator.OpSubmit); got != 1 {
				t.Errorf("%d submits, want 1", got)
			}
		})
	}
}

// Another key is another message, so a new run number is all that a user changes.
func TestAnotherKeyIsAnotherMessage(t *testing.T) {
	t.Parallel()
	f := newFixture(t, simulator.Options{})
	c := newCLI(t, map[string]string{"main.tf": f.messageWith(deployed, deployKey)})
	c.run("apply", "-auto-approve")
	c.write("main.tf", f.messageWith(deployed, `idempotency_key = "deploy 4712"`))
	wantAll(t, c.run("apply", "-auto-approve").output(), "1 added, 0 changed, 1 destroyed", "# forces replacement")
	f.wantContents(t, deployedText, "[deploy 4712] Release 1.4.0 is live.")
}

// Two runs that search in the same seconds both post. The one that ends last says so.
func TestKeyIsNoLock(t *testing.T) {
	t.Parallel()
	var f *fixture
	f = newFixture(t, simulator.Options{Observe: func(r simulator.Request) {
		if r.Operation == simulator.OpSubmit {
			f.AddMessage(testCase, simulator.Message{Content: deployedText}) // the other run's
		}
	}})
	c := newCLI(t, map[string]string{"main.tf": f.messageWith(deployed, deployKey)})
	got := about(c.run("apply", "-json", "-auto-approve").diagnostics(), "main.tf")
	if len(got) != 1 || got[0].Severity != "warning" || got[0].Summary != "The ticket has this message more than once" {
		t.Fatalf("%+v, want one warning", got)
	}
	wantAll(t, got[0].Detail, `Ticket TT201801020526 has 2 messages with the idempotency_key "deploy 4711" and the same text.`,
		"An idempotency_key is not a lock", "let the pipeline run one deployment at a time")
	f.wantPosts(t, 1, 2)
}

// A wrong key that becomes known only at apply is refused before a request.
func TestKeyThatBecomesKnown(t *testing.T) {
	t.Parallel()
	f := newFixture(t, simulator.Options{})
	config := func(key, content string) string {
		return f.config(fmt.Sprintf(`
resource "terraform_data" "late" {
  input = { key = %q, content = %q }
}

resource "servicerequest_case_message" "test" {
  case_id         = "TT201801020526"
  content         = terraform_data.late.output.content
  idempotency_key = terraform_data.late.output.key
}`, key, content))
	}
	resource.UnitTest(t, resource.TestCase{
		TerraformVersionChecks:   []tfversion.TerraformVersionCheck{tfversion.SkipBelow(tfversion.Version1_4_0)}, // terraform_data
		ProtoV6ProviderFactories: f.providers,
		Steps: []resource.TestStep{
			{Config: config("[deploy_4711]", "is done"), ExpectError: words("Invalid idempotency_key", "idempotency_key = terraform_data",
				"joined by single spaces, dots or hyphens; write \"deploy-4711\" instead; the provider adds the square brackets.")},
			{Config: config("471", "is done"), ExpectError: words("The value of idempotency_key must have 4 to 62 characters", "it has 3 characters.")},
			{Config: config("deploy 4711", strings.Repeat("x", 9990)), ExpectError: words("Invalid content", "must have at most 10000 characters together with the idempotency_key, its brackets and a space, but has 10004.")},
		},
	})
	f.wantPosts(t, 0, 0)
}

// A message that was sent again, after the ticket did not have it, may still
// arrive twice.
func TestSentAgainWarns(t *testing.T) {
	t.Parallel()
	f := newFixture(t, simulator.Options{})
	p := newProtocol(t, f)
	fault, err := simulator.ParseFault("cut@1")
	if err != nil {
		t.Fatal(err)
	}
	f.SetFaults(fault)
	schema := p.schemas.ResourceSchemas["servicerequest_case_message"]
	values := func(computed any) map[string]any {
		return map[string]any{"case_id": testCase, "content": "Deployed v1", "id": computed, "submitted_at": computed, "confirmed_by": computed}
	}
	response := p.apply(t, "servicerequest_case_message", dynamic(t, schema, values(tftypes.UnknownValue)), dynamic(t, schema, values(nil)))
	if len(response.Diagnostics) != 1 || response.Diagnostics[0].Severity != tfprotov6.DiagnosticSeverityWarning || response.Diagnostics[0].Summary != "Case message was sent again" {
		t.Fatalf("diagnostics %v, want one warning", response.Diagnostics)
	}
	if want := "The message is on ticket TT201801020526. It was sent again: the outcome of an earlier attempt was unknown (no answer), and the last check did not find the message on the ticket. " +
		"If the first copy still arrives, the ticket has the message twice. Check the ticket later."; response.Diagnostics[0].Detail != want {
		t.Errorf("detail %q\nwant %q", response.Diagnostics[0].Detail, want)
	}
	if state, err := response.NewState.Unmarshal(schema.ValueType()); err != nil || !strings.Contains(state.String(), `"response"`) {
		t.Errorf("state %s, error %v", state, err)
	}
	f.wantContents(t, "Deployed v1")
	if got := f.Count(simulator.OpSubmit); got != 2 {
		t.Errorf("%d submits, want 2", got)
	}
}
