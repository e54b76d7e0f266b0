package provider

import (
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/querycheck"
	"github.com/hashicorp/terraform-plugin-testing/tfversion"

	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/simulator"
)

// list returns what the list resource finds.
func (p protocol) list(t *testing.T, limit int64, includeResource bool, values map[string]any) []tfprotov6.ListResourceResult {
	t.Helper()
	const typeName = "servicerequest_case_message"
	stream, err := p.ListResource(t.Context(), &tfprotov6.ListResourceRequest{
		TypeName: typeName, Config: dynamic(t, p.schemas.ListResourceSchemas[typeName], values),
		Limit: limit, IncludeResource: includeResource,
	})
	if err != nil {
		t.Fatal(err)
	}
	var results []tfprotov6.ListResourceResult
	for result := range stream.Results {
		results = append(results, result)
	}
	return results
}

func TestListFindsTheCustomersMessages(t *testing.T) {
	t.Parallel()
	f := newImportFixture(t)
	p := newProtocol(t, f)
	results := p.list(t, 100, true, map[string]any{"case_id": testCase})
	if len(results) != 2 {
		t.Fatalf("%d results, want the 2 messages of the customer", len(results))
	}
	wantNoDiagnostics(t, results[1].Diagnostics)
	if got, want := results[1].DisplayName, `2026-03-04T07:06:07Z Deployed ${v1} with "quotes" & <b>markup</b>`; got != want {
		t.Errorf("display name %q, want %q", got, want)
	}
	identity, err := results[1].Identity.IdentityData.Unmarshal(tftypes.Object{AttributeTypes: map[string]tftypes.Type{
		"case_id": tftypes.String, "message_id": tftypes.String, "group_id": tftypes.String,
	}})
	if err != nil || !strings.Contains(identity.String(), `"m-3"`) {
		t.Errorf("identity %s, error %v; want the message ID m-3", identity, err)
	}
	found, err := results[1].Resource.Unmarshal(p.schemas.ResourceSchemas["servicerequest_case_message"].ValueType())
	if err != nil || !strings.Contains(found.String(), `"acc-2"`) || !strings.Contains(found.String(), `"TT201801020526/m-3"`) {
		t.Errorf("resource %s, error %v; want the message's attributes", found, err)
	}
	if got := len(p.list(t, 1, false, map[string]any{"case_id": testCase})); got != 1 {
		t.Errorf("%d results with a limit of 1", got)
	}
	if got, all := f.Count(simulator.OpDetail), len(f.Requests()); got != 2 || all != 2 {
		t.Errorf("%d requests, %d of the ticket; want 1 for each list", all, got)
	}
}

func TestListReportsFailure(t *testing.T) {
	t.Parallel()
	f := newImportFixture(t)
	p := newProtocol(t, f)
	results := p.list(t, 100, false, map[string]any{"case_id": "no-such-case"})
	if len(results) != 1 || len(results[0].Diagnostics) != 1 || !strings.Contains(results[0].Diagnostics[0].Detail, "OSM.01010015") {
		t.Errorf("results %v, want one error with the service's code", results)
	}
}

func TestListThroughTerraformQuery(t *testing.T) {
	t.Parallel()
	f := newImportFixture(t)
	resource.UnitTest(t, resource.TestCase{
		TerraformVersionChecks:   []tfversion.TerraformVersionCheck{tfversion.SkipBelow(tfversion.Version1_14_0)},
		ProtoV6ProviderFactories: f.providers,
		Steps: []resource.TestStep{{
			Query: true,
			Config: f.config(`
list "servicerequest_case_message" "test" {
  provider = servicerequest
  config {
    case_id = "TT201801020526"
  }
}`),
			QueryResultChecks: []querycheck.QueryResultCheck{
				querycheck.ExpectLength("list.servicerequest_case_message.test", 2),
				querycheck.ExpectIdentity("servicerequest_case_message.test", map[string]knownvalue.Check{
					"case_id": knownvalue.StringExact(testCase), "message_id": knownvalue.StringExact("m-3"), "group_id": knownvalue.Null(),
				}),
			},
		}},
	})
}
