package provider

import (
	"slices"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"

	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/simulator"
)

// list returns what the list resource finds.
func (p protocol) list(t *testing.T, limit int64, includeResource bool, values map[string]any) []tfprotov6.ListResourceResult {
	t.Helper()
	stream := must(p.ListResource(t.Context(), &tfprotov6.ListResourceRequest{
		TypeName: caseMessageType, Config: dynamic(t, p.schemas.ListResourceSchemas[caseMessageType], values),
		Limit: limit, IncludeResource: includeResource,
	}))
	return slices.Collect(stream.Results)
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
	wantValue(t, "the display name", results[1].DisplayName, `2026-03-04T07:06:07Z Deployed ${v1} with "quotes" & <b>markup</b>`)
	wantIdentity(t, results[1].Identity, "m-3")
	found := must(results[1].Resource.Unmarshal(p.schemas.ResourceSchemas[caseMessageType].ValueType())).String()
	wantAll(t, found, `"acc-2"`, `"TT201801020526/m-3"`)
	wantValue(t, "the number of results with a limit of 1", len(p.list(t, 1, false, map[string]any{"case_id": testCase})), 1)
	f.wantCounts(t, map[string]int{simulator.OpDetail: 2}) // 1 for each list
	refused := p.list(t, 100, false, map[string]any{"case_id": "no-such-case"})
	if len(refused) != 1 {
		t.Fatalf("results %v, want one error", refused)
	}
	wantOne(t, refused[0].Diagnostics, "error", listError, "OSM.01010015")
}
