package provider

import (
	"regexp"
	"slices"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"

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
	f.wantPosts(t, 1)
	post := f.posts()[0]
	if got, want := post.Path, "/v2/servicerequest/cases/TT201801020526/message"; post.Method != "POST" || got != want {
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
