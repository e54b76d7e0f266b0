package provider

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/simulator"
)

const importedText = "Deployed ${v1}\nwith \"quotes\" & <b>markup</b>"

// newImportFixture has a ticket with messages to import.
func newImportFixture(t *testing.T) *fixture {
	t.Helper()
	f := newFixture(t, simulator.Options{})
	created := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	f.AddMessage(testCase, simulator.Message{ID: "m-1", Content: "Checkout is slow", CreateTime: created})
	f.AddMessage(testCase, simulator.Message{ID: "m-2", Type: 1, ReplierType: 1, Content: "Looking into it", CreateTime: created.Add(time.Hour)})
	f.AddMessage(testCase, simulator.Message{ID: "m-3", Content: importedText, AccessoryIDs: []string{"acc-1", "acc-2"}, CreateTime: created.Add(2 * time.Hour)})
	f.AddMessage(testCase, simulator.Message{ID: "m-5", CreateTime: created.Add(3 * time.Hour)}) // without a text
	f.AddCase(simulator.Case{ID: "grouped", GroupID: "g-1"})
	f.AddMessage("grouped", simulator.Message{ID: "m-9", Content: "Ours"})
	return f
}

// wantIdentity fails unless this is the identity of a message on testCase.
func wantIdentity(t *testing.T, got *tfprotov6.ResourceIdentityData, messageID string) {
	t.Helper()
	v := must(got.IdentityData.Unmarshal(tftypes.Object{AttributeTypes: map[string]tftypes.Type{
		"case_id": tftypes.String, "message_id": tftypes.String, "group_id": tftypes.String,
	}}))
	wantValue(t, "the identity", plain(t, v), object{"case_id": testCase, "message_id": messageID, "group_id": nil})
}

func TestImport(t *testing.T) {
	t.Parallel()
	f := newImportFixture(t)
	f.AddMessage(testCase, simulator.Message{ID: "m-8", Content: "eight", AccessoryIDs: []string{"acc-1", "acc-1"}})
	p := newProtocol(t, f)
	for id, want := range map[string]string{
		"TT201801020526":     "must be CASE_ID/MESSAGE_ID",
		"TT201801020526/":    "must be CASE_ID/MESSAGE_ID",
		"../m-3":             `case_id must be a ticket ID, not "." or ".."`,
		"TT201801020526/m-4": `has no message with the ID "m-4"`,
		"TT201801020526/m-2": "was written by Huawei Cloud",
		"TT201801020526/m-5": "cannot be imported. It has a text that is not valid in a configuration: it must have 1 to 10000 characters, but has 0",
		"TT201801020526/m-8": "has attachments with missing, invalid or duplicate IDs",
		"elsewhere/m-3":      "OSM.01010015",
	} {
		wantOne(t, p.manage(t, caseMessageType).importID(id), "error", "Unable to import case message", want)
	}

	m := p.manage(t, caseMessageType)
	wantNoDiagnostics(t, m.importID("TT201801020526/m-3"))
	wantNoDiagnostics(t, m.apply(message(object{"content": importedText, "accessory_ids": []any{"acc-1", "acc-2"}})))
	wantValue(t, "the state", plain(t, m.state), object{
		"case_id": testCase, "content": importedText, "content_wo": nil, "content_wo_version": nil, "accessory_ids": []any{"acc-1", "acc-2"},
		"group_id": nil, "triggers": nil, "idempotency_key": nil, "timeouts": nil,
		"id": "TT201801020526/m-3", "submitted_at": "2026-03-04T07:06:07Z", "confirmed_by": "import",
	})
	wantIdentity(t, m.identity, "m-3")

	grouped := p.manage(t, caseMessageType)
	wantNoDiagnostics(t, grouped.importID("grouped/m-9/g-1"))
	wantNoDiagnostics(t, grouped.apply(object{"case_id": "grouped", "group_id": "g-1", "content": "Ours"}))
	f.wantSubmits(t, 0)

	// A message that was created has the UUID of its id.
	created := p.manage(t, caseMessageType)
	wantNoDiagnostics(t, created.apply(message()))
	_, unique, _ := strings.Cut(created.get("id").(string), "/") //nolint:forcetypeassert // it was created
	wantIdentity(t, created.identity, unique)
}

// A configuration that matches the import is accepted, once. Any other posts.
func TestImportAcceptsWhatTheTicketShows(t *testing.T) {
	t.Parallel()
	beginning := strings.Repeat("0123456789", 30)
	ids := func(ids ...any) object { return object{"accessory_ids": ids} }
	content := func(text string) object { return object{"content": text} }
	for id, plans := range map[string][]struct {
		name   string
		config object
		accept bool
	}{
		"m-3": {
			{"the same", object{}, true},
			{"triggers", object{"triggers": object{"a": "1"}}, true},
			{"spacing", content(" Deployed ${v1} with \"quotes\" & <b>markup</b>\n"), true},
			{"order", ids("acc-2", "acc-1"), true},
			{"write-only", object{"content": nil, "content_wo": importedText, "content_wo_version": 1}, true},
			{"a key", object{"idempotency_key": "Deployed"}, false},
			{"another text", content("Deployed ${v2}\nwith \"quotes\" & <b>markup</b>"), false},
			{"an unknown text", object{"content": tftypes.UnknownValue}, false},
			{"more attachments", ids("acc-1", "acc-2", "acc-3"), false},
			{"another group", object{"group_id": "g-2"}, false},
		},
		"m-6": {
			{"what a list shows", merged(content("six"), ids("6", "5", "4", "3", "2", "1")), true},
			{"others", merged(content("six"), ids("6", "5", "4", "3", "2", "7")), false},
		},
		"m-8": {
			{"the key, and the rest", merged(content("Release 1.4.0"), deployKey, object{"accessory_ids": nil}), true},
			{"the whole text", merged(content("[deploy 4711] Release 1.4.0"), object{"accessory_ids": nil}), true},
			{"another key", merged(content("Release 1.4.0"), object{"idempotency_key": "deploy 4712", "accessory_ids": nil}), false},
		},
		"m-0": {{"an empty list", merged(content("none"), ids()), true}},
		"m-7": {{"a text that the service cuts", merged(content(beginning+" and more"), object{"accessory_ids": nil}), true}},
	} {
		for _, row := range plans {
			t.Run(id+" "+row.name, func(t *testing.T) {
				t.Parallel()
				f := newImportFixture(t)
				f.AddMessage(testCase, simulator.Message{ID: "m-6", Content: "six", AccessoryIDs: []string{"1", "2", "3", "4", "5", "6"}})
				f.AddMessage(testCase, simulator.Message{ID: "m-0", Content: "none"})
				f.AddMessage(testCase, simulator.Message{ID: "m-7", Content: beginning})
				f.AddMessage(testCase, simulator.Message{ID: "m-8", Content: "[deploy 4711] Release 1.4.0"})
				m := newProtocol(t, f).manage(t, caseMessageType)
				wantNoDiagnostics(t, m.importID("TT201801020526/"+id))
				config := merged(object{"case_id": testCase, "content": importedText, "accessory_ids": []any{"acc-1", "acc-2"}}, row.config)
				c := m.plan(config)
				if want := map[bool]string{true: "update", false: "replace"}[row.accept]; c.action != want {
					t.Fatalf("%s, want %s", c.action, want)
				}
				if !row.accept {
					return
				}
				wantNoDiagnostics(t, m.applyChange(c))
				wantValue(t, "confirmed_by", m.get("confirmed_by"), "import")
				f.wantSubmits(t, 0)
				wantValue(t, "the next plan", m.plan(config).action, "no-op")
				// From now on it is a message like any other: even a form that the import
				// would have accepted replaces it.
				for _, change := range []object{{"triggers": object{"b": "2"}}, {"accessory_ids": []any{"acc-9"}}, {"content": " " + importedText, "content_wo": nil, "content_wo_version": nil}} {
					wantValue(t, fmt.Sprint(change), m.plan(merged(config, change)).action, "replace")
				}
			})
		}
	}
}

// The configuration that Terraform generates from an import block is accepted.
func TestImportGeneratesAConfiguration(t *testing.T) {
	t.Parallel()
	needCLI(t, 5, 6, "import blocks")
	f := newImportFixture(t)
	// New versions of Terraform ask for the provider as long as there is no resource.
	c := newCLI(t, map[string]string{"main.tf": requiredProvider + f.config(`
import {
  provider = servicerequest
  to       = servicerequest_case_message.test
  id       = "TT201801020526/m-3"
}`)})
	c.run("plan", "-generate-config-out=generated.tf")
	c.write("main.tf", strings.Replace(readText(t, c.dir+"/main.tf"), "provider = servicerequest", "", 1))
	wantAll(t, c.run("apply", "-auto-approve").output(), "1 imported, 0 added, 1 changed, 0 destroyed")
	c.run("plan", "-detailed-exitcode")
	f.wantSubmits(t, 0)
}
