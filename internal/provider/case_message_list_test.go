package provider

import (
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/simulator"
)

// list returns what the list resource finds.
func (p protocol) list(t *testing.T, limit int64, includeResource bool, values map[string]any) []tfprotov6.ListResourceResult {
	t.Helper()
	stream := must(p.ListResource(t.Context(), &tfprotov6.ListResourceRequest{
		TypeName: caseMessageType, Config: dynamic(t, p.schemas.ListResourceSchemas[caseMessageType], values),
		Limit: limit, IncludeResource: includeResource,
	}))
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
	f.wantCounts(t, map[string]int{simulator.OpDetail: 2}) // 1 for each list
	refused := p.list(t, 100, false, map[string]any{"case_id": "no-such-case"})
	if len(refused) != 1 {
		t.Fatalf("results %v, want one error", refused)
	}
	wantOne(t, refused[0].Diagnostics, "error", listError, "OSM.01010015")
}
