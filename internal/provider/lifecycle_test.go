package provider

import (
	"regexp"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"

	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/simulator"
)

// A message is created, stays, is replaced by another one and leaves the state, as HashiCorp's test framework sees it:
// that also validates the schema and compares every plan with what follows.
func TestLifecycle(t *testing.T) {
	t.Parallel()
	f := newFixture(t, simulator.Options{})
	const address = "servicerequest_case_message.test"
	message := func(key string) string {
		return f.config(`
resource "servicerequest_case_message" "test" {
  case_id         = "TT201801020526"
  content         = "Release 1.4.0 is live."
  idempotency_key = "` + key + `"
}`)
	}
	known := func(name string, want knownvalue.Check) statecheck.StateCheck {
		return statecheck.ExpectKnownValue(address, tfjsonpath.New(name), want)
	}
	planned := func(action plancheck.ResourceActionType) resource.ConfigPlanChecks {
		return resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{plancheck.ExpectResourceAction(address, action)}}
	}
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: map[string]func() (tfprotov6.ProviderServer, error){
			"servicerequest": func() (tfprotov6.ProviderServer, error) {
				return newServer(&serviceRequestProvider{version: "test", clock: f.clock}), nil
			},
		},
		Steps: []resource.TestStep{
			{
				Config: message("deploy 4711"), ConfigPlanChecks: planned(plancheck.ResourceActionCreate),
				ConfigStateChecks: []statecheck.StateCheck{
					known("id", knownvalue.StringRegexp(regexp.MustCompile(`^TT201801020526/[0-9a-f-]{36}$`))),
					known("content", knownvalue.StringExact("Release 1.4.0 is live.")),
					known("confirmed_by", knownvalue.StringExact("response")),
				},
			},
			{Config: message("deploy 4712"), ConfigPlanChecks: planned(plancheck.ResourceActionReplace)},
		},
	})
	f.wantContents(t, "[deploy 4711] Release 1.4.0 is live.", "[deploy 4712] Release 1.4.0 is live.")
}
