package provider

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfversion"

	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/simulator"
)

// newImportFixture has a ticket with messages to import.
func newImportFixture(t *testing.T) *fixture {
	t.Helper()
	f := newFixture(t, simulator.Options{})
	created := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	f.AddMessage(testCase, simulator.Message{ID: "m-1", Content: "Checkout is slow", CreateTime: created})
	f.AddMessage(testCase, simulator.Message{ID: "m-2", Type: 1, ReplierType: 1, Content: "Looking into it", CreateTime: created.Add(time.Hour)})
	f.AddMessage(testCase, simulator.Message{
		ID: "m-3", Content: "Deployed ${v1}\nwith \"quotes\" & <b>markup</b>", AccessoryIDs: []string{"acc-1", "acc-2"}, CreateTime: created.Add(2 * time.Hour),
	})
	f.AddMessage(testCase, simulator.Message{ID: "m-5", CreateTime: created.Add(3 * time.Hour)}) // without a text
	f.AddCase(simulator.Case{ID: "grouped", GroupID: "g-1"})
	f.AddMessage("grouped", simulator.Message{ID: "m-9", Content: "Ours"})
	return f
}

const importedMessage = `
resource "servicerequest_case_message" "test" {
  case_id       = "TT201801020526"
  content       = "Deployed $${v1}\nwith \"quotes\" & <b>markup</b>"
  accessory_ids = ["acc-1", "acc-2"]
}
`

var importedChecks = []statecheck.StateCheck{
	statecheck.ExpectKnownValue(messageAddress, attribute("id"), knownvalue.StringExact("TT201801020526/m-3")),
	statecheck.ExpectKnownValue(messageAddress, attribute("submitted_at"), knownvalue.StringExact("2026-03-04T07:06:07Z")),
	statecheck.ExpectKnownValue(messageAddress, attribute("confirmed_by"), knownvalue.StringExact("import")),
}

func expectAction(action plancheck.ResourceActionType) resource.ConfigPlanChecks {
	return resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{plancheck.ExpectResourceAction(messageAddress, action)}}
}

// wantSubmits fails unless so many submits came.
func (f *fixture) wantSubmits(t *testing.T, want int) {
	t.Helper()
	if got := f.Count(simulator.OpSubmit); got != want {
		t.Errorf("%d submits, want %d", got, want)
	}
}

func TestImportByBlock(t *testing.T) {
	t.Parallel()
	f := newImportFixture(t)
	resource.UnitTest(t, resource.TestCase{
		TerraformVersionChecks:   []tfversion.TerraformVersionCheck{tfversion.SkipBelow(tfversion.Version1_5_0)},
		ProtoV6ProviderFactories: f.providers,
		Steps: []resource.TestStep{
			{
				Config: f.config(importedMessage + `
import {
  to = servicerequest_case_message.test
  id = "TT201801020526/m-3"
}`),
				ConfigPlanChecks:  expectAction(plancheck.ResourceActionUpdate),
				ConfigStateChecks: importedChecks,
			},
			{Config: f.config(importedMessage), PlanOnly: true},
		},
	})
	f.wantSubmits(t, 0)
}

func TestImportByCommand(t *testing.T) {
	t.Parallel()
	f := newImportFixture(t)
	grouped := `
resource "servicerequest_case_message" "test" {
  case_id  = "grouped"
  group_id = "g-1"
  content  = "Ours"
}
`
	step := func(config, id, failure string) resource.TestStep {
		s := resource.TestStep{Config: f.config(config), ResourceName: messageAddress, ImportState: true, ImportStateId: id, ImportStatePersist: failure == ""}
		if failure != "" {
			s.ExpectError = regexp.MustCompile(failure)
		}
		return s
	}
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: f.providers,
		Steps: []resource.TestStep{
			step(importedMessage, "TT201801020526", `must be\s+CASE_ID/MESSAGE_ID`),
			step(importedMessage, "TT201801020526/", `must be\s+CASE_ID/MESSAGE_ID`),
			step(importedMessage, "../m-3", `case_id must be a ticket ID, not "\." or "\.\."`),
			step(importedMessage, " TT201801020526/m-3", `case_id begins or ends with white space`),
			step(importedMessage, "TT201801020526/m-4", `has no message with\s+the ID "m-4"`),
			step(importedMessage, "TT201801020526/m-2", `was written\s+by\s+Huawei Cloud`),
			step(importedMessage, "TT201801020526/m-5", `cannot be imported\.\s+It\s+has\s+a\s+text\s+that\s+is\s+not\s+valid\s+in\s+a\s+configuration:\s+it\s+must\s+have\s+1\s+to\s+10000\s+characters,\s+but\s+has\s+0`),
			step(importedMessage, "elsewhere/m-3", `OSM.01010015`),
			step(grouped, "grouped/m-9", `OSM.01010002`),
			step(importedMessage, "TT201801020526/m-3", ""),
			{Config: f.config(importedMessage), ConfigPlanChecks: expectAction(plancheck.ResourceActionUpdate), ConfigStateChecks: importedChecks},
			{Config: f.config(importedMessage), PlanOnly: true},
		},
	})
	f.wantSubmits(t, 0)
}

// An import resolves a submit that could not be confirmed, so triggers must not post
// the message again. After the first apply it is a message like any other.
func TestImportAcceptsTriggers(t *testing.T) {
	t.Parallel()
	f := newImportFixture(t)
	message := func(triggers string) string {
		return f.config(strings.Replace(importedMessage, "\n}", "\n  "+triggers+"\n}", 1))
	}
	submits := func(want int) func() { return func() { t.Helper(); f.wantSubmits(t, want) } }
	const replace = plancheck.ResourceActionDestroyBeforeCreate
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: f.providers,
		Steps: []resource.TestStep{
			{Config: message(""), ResourceName: messageAddress, ImportState: true, ImportStateId: "TT201801020526/m-3", ImportStatePersist: true},
			{Config: message(`triggers = { release = "1" }`), ConfigPlanChecks: expectAction(plancheck.ResourceActionUpdate), ConfigStateChecks: importedChecks},
			{PreConfig: submits(0), Config: message(`triggers = { release = "2" }`), ConfigPlanChecks: expectAction(replace)},
			{PreConfig: submits(1), Config: message(""), ConfigPlanChecks: expectAction(replace)},
			{PreConfig: submits(2), Config: message(`triggers = { release = "2" }`), ConfigPlanChecks: expectAction(replace)},
		},
	})
	submits(3)()
}

// The first apply after an import accepts a text that the ticket may show differently.
// After that every change posts another message.
func TestImportExemptionEndsWithTheFirstApply(t *testing.T) {
	t.Parallel()
	message := func(arguments ...string) string {
		return "resource \"servicerequest_case_message\" \"test\" {\n  case_id = \"TT201801020526\"\n  " + strings.Join(arguments, "\n  ") + "\n}\n"
	}
	const accessories = `accessory_ids = ["1"]`
	for _, row := range []struct {
		name          string
		first, second string // configurations
	}{
		{"markup", message(`content = "Hello"`, accessories), message(`content = "<b>Hello</b>"`, accessories)},
		{"another form at once", message(`content = " Hello\n"`, accessories), message(`content = "Hello"`, accessories)},
		{"punctuation", message(`content = "Hello"`, accessories), message(`content = "Hello!"`, accessories)},
		{"attachments", message(`content = "Hello"`, accessories), message(`content = "Hello"`, `accessory_ids = []`)},
		{"triggers", message(`content = "Hello"`, accessories), message(`content = "Hello"`, accessories, `triggers = { a = "1" }`)},
		{"write-only", message(`content = "Hello"`, accessories), message(`content_wo = "Hello"`, "content_wo_version = 1", accessories)},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			needFeatures(t, row.second)
			f := newFixture(t, simulator.Options{})
			f.AddMessage(testCase, simulator.Message{ID: "m-1", Content: "Hello", AccessoryIDs: []string{"1"}})
			resource.UnitTest(t, resource.TestCase{
				ProtoV6ProviderFactories: f.providers,
				Steps: []resource.TestStep{
					{Config: f.config(row.first), ResourceName: messageAddress, ImportState: true, ImportStateId: "TT201801020526/m-1", ImportStatePersist: true},
					{
						Config: f.config(row.first), ConfigPlanChecks: expectAction(plancheck.ResourceActionUpdate),
						ConfigStateChecks: []statecheck.StateCheck{statecheck.ExpectKnownValue(messageAddress, attribute("confirmed_by"), knownvalue.StringExact("import"))},
					},
					{PreConfig: func() { f.wantSubmits(t, 0) }, Config: f.config(row.first), PlanOnly: true},
					{Config: f.config(row.second), ConfigPlanChecks: expectAction(plancheck.ResourceActionDestroyBeforeCreate)},
				},
			})
			f.wantSubmits(t, 1)
		})
	}
}

// A configuration that matches the import is accepted. Any other is not.
func TestImportAcceptsWhatTheTicketShows(t *testing.T) {
	t.Parallel()
	f := newImportFixture(t)
	f.AddMessage(testCase, simulator.Message{ID: "m-6", Content: "six", AccessoryIDs: []string{"1", "2", "3", "4", "5", "6"}})
	f.AddMessage(testCase, simulator.Message{ID: "m-0", Content: "none"})
	beginning := strings.Repeat("0123456789", 30)
	f.AddMessage(testCase, simulator.Message{ID: "m-7", Content: beginning})
	f.AddMessage(testCase, simulator.Message{ID: "m-8", Content: "[deploy 4711] Release 1.4.0"})
	message := func(arguments ...string) string {
		return requiredProvider + f.config("resource \"servicerequest_case_message\" \"test\" {\n  case_id = \"TT201801020526\"\n  "+strings.Join(arguments, "\n  ")+"\n}\n")
	}
	const (
		text   = `content = "Deployed $${v1}\nwith \"quotes\" & <b>markup</b>"`
		both   = `accessory_ids = ["acc-1", "acc-2"]`
		update = "will be updated in-place"
		post   = "must be replaced"
	)
	for id, plans := range map[string][]struct {
		name, config, want string
	}{
		"m-3": {
			{"spacing", message(`content = " Deployed $${v1} with \"quotes\" & <b>markup</b>\n"`, both), update},
			{"order", message(text, `accessory_ids = ["acc-2", "acc-1"]`), update},
			{"a key", message(text, both, `idempotency_key = "Deployed"`), post},
			{"words joined", message(`content = "Deployed$${v1}\nwith \"quotes\" & <b>markup</b>"`, both), post},
			{"another text", message(`content = "Deployed $${v2}\nwith \"quotes\" & <b>markup</b>"`, both), post},
			{"other markup", message(`content = "Deployed $${v1}\nwith \"quotes\" & <i>markup</i>"`, both), post},
			{"more text", message(`content = "Deployed $${v1}\nwith \"quotes\" & <b>markup</b> and more"`, both), post},
			{"more attachments", message(text, `accessory_ids = ["acc-1", "acc-2", "acc-3"]`), post},
			{"fewer attachments", message(text, `accessory_ids = ["acc-1"]`), post},
			{"another group", message(text, both, `group_id = "g-2"`), post},
			{"write-only", message(strings.Replace(text, "content", "content_wo", 1), "content_wo_version = 1", both), update},
			{"write-only, another text", message(`content_wo = "another"`, "content_wo_version = 1", both), post},
		},
		"m-6": {
			{"what a list shows", message(`content = "six"`, `accessory_ids = ["6", "5", "4", "3", "2", "1"]`), update},
			{"others", message(`content = "six"`, `accessory_ids = ["6", "5", "4", "3", "2", "7"]`), post},
		},
		"m-8": {
			{"the key, and the rest", message(`content = "Release 1.4.0"`, `idempotency_key = "deploy 4711"`), update},
			{"the whole text", message(`content = "[deploy 4711] Release 1.4.0"`), update},
			{"another key", message(`content = "Release 1.4.0"`, `idempotency_key = "deploy 4712"`), post},
		},
		"m-0": {{"an empty list", message(`content = "none"`, `accessory_ids = []`), update}},
		"m-7": {{"a text that the service cuts", message(`content = "` + beginning + ` and more"`), update}},
	} {
		c := newCLI(t, map[string]string{"main.tf": plans[0].config})
		c.run("import", messageAddress, "TT201801020526/"+id)
		for _, plan := range plans {
			if strings.Contains(plan.config, "content_wo") && !cliHas(t, 11, 11) {
				continue
			}
			c.write("main.tf", plan.config)
			if out := c.run("plan").output(); !strings.Contains(out, plan.want) {
				t.Errorf("%s, %s: not %q, but\n%s", id, plan.name, plan.want, out)
			} else if plan.want == update {
				wantAll(t, out, `+ confirmed_by`, `"import"`)
			}
		}
	}
	f.wantSubmits(t, 0)
}

func TestImportOfAGroupsMessage(t *testing.T) {
	t.Parallel()
	f := newImportFixture(t)
	config := f.config(`
resource "servicerequest_case_message" "test" {
  case_id  = "grouped"
  group_id = "g-1"
  content  = "Ours"
}
`)
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: f.providers,
		Steps: []resource.TestStep{
			{Config: config, ResourceName: messageAddress, ImportState: true, ImportStateId: "grouped/m-9/g-1", ImportStatePersist: true},
			{Config: config, ConfigPlanChecks: expectAction(plancheck.ResourceActionUpdate)},
			{Config: config, PlanOnly: true},
		},
	})
	f.wantSubmits(t, 0)
}

func TestImportByIdentity(t *testing.T) {
	t.Parallel()
	f := newImportFixture(t)
	resource.UnitTest(t, resource.TestCase{
		TerraformVersionChecks:   []tfversion.TerraformVersionCheck{tfversion.SkipBelow(tfversion.Version1_12_0)},
		ProtoV6ProviderFactories: f.providers,
		Steps: []resource.TestStep{
			{
				Config: f.config(importedMessage + `
import {
  to = servicerequest_case_message.test
  identity = {
    case_id    = "TT201801020526"
    message_id = "m-3"
  }
}`),
				ConfigStateChecks: append(slices.Clone(importedChecks), statecheck.ExpectIdentity(messageAddress, map[string]knownvalue.Check{
					"case_id": knownvalue.StringExact("TT201801020526"), "message_id": knownvalue.StringExact("m-3"), "group_id": knownvalue.Null(),
				})),
			},
			{Config: f.config(importedMessage), PlanOnly: true},
		},
	})
	f.wantSubmits(t, 0)
}

func TestIdentityOfACreatedMessage(t *testing.T) {
	t.Parallel()
	f := newFixture(t, simulator.Options{})
	resource.UnitTest(t, resource.TestCase{
		TerraformVersionChecks:   []tfversion.TerraformVersionCheck{tfversion.SkipBelow(tfversion.Version1_12_0)},
		ProtoV6ProviderFactories: f.providers,
		Steps: []resource.TestStep{{
			Config: f.config(`
resource "servicerequest_case_message" "test" {
  case_id = "TT201801020526"
  content = "Deployed v1"
}`),
			ConfigStateChecks: []statecheck.StateCheck{
				statecheck.ExpectIdentity(messageAddress, map[string]knownvalue.Check{
					"case_id": knownvalue.StringExact("TT201801020526"), "group_id": knownvalue.Null(),
					"message_id": knownvalue.StringRegexp(regexp.MustCompile(`^[0-9a-f-]{36}$`)),
				}),
			},
		}},
	})
	f.wantPosts(t, 1, 1)
}

// The examples of an import, each in the way that the documentation gives.
func TestImportExamples(t *testing.T) {
	t.Parallel()
	const examples = "../../examples/resources/servicerequest_case_message/"
	for _, e := range []struct {
		name                string
		file                string
		terraform, opentofu int // the minor version that it needs
		generate            bool
	}{
		{"string ID", "import-by-string-id.tf", 5, 6, false},
		{"identity", "import-by-identity.tf", 12, 12, false},
		{"generated configuration", "import-by-string-id.tf", 5, 6, true},
	} {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			needCLI(t, e.terraform, e.opentofu, "import by "+e.name)
			f := newFixture(t, simulator.Options{})
			f.AddMessage(testCase, simulator.Message{ID: "message-00000001", Content: "We have restarted the nodes of cluster-1, as you asked."})
			example, err := os.ReadFile(examples + e.file)
			if err != nil {
				t.Fatal(err)
			}
			config := requiredProvider + f.config(string(example))
			c := newCLI(t, map[string]string{"main.tf": config})
			if e.generate {
				block, _, _ := strings.Cut(config, `resource "`)
				// New versions of Terraform ask for the provider as long as there is no resource.
				c.write("main.tf", strings.Replace(block, "import {", "import {\n  provider = servicerequest", 1))
				c.run("plan", "-generate-config-out=generated.tf")
				c.write("main.tf", block)
			}
			applied := c.run("apply", "-auto-approve")
			wantAll(t, applied.output(), "1 imported, 0 added, 1 changed, 0 destroyed")
			if planned := c.try("plan", "-detailed-exitcode"); planned.code != 0 {
				t.Errorf("the imported message plans a change:\n%s", planned.output())
			}
			f.wantSubmits(t, 0)
		})
	}
}
