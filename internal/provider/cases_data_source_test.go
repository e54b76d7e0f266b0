package provider

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/simulator"
)

func TestCasesDataSourceSearches(t *testing.T) {
	t.Parallel()
	f := newFixture(t, simulator.Options{})
	f.AddCase(simulator.Case{
		ID: "A1", Status: 1, Description: "Disk is slow", CustomerID: "c1", XCustomerID: "u1", XCustomerName: "Ada",
		BusinessType: "EVS", IncidentType: "Fault", Region: "Dublin", CreateTime: caseCreated,
	})
	f.AddCase(simulator.Case{ID: "A2", Status: 3, Description: "Disk is full", CreateTime: caseCreated.Add(time.Hour)})
	f.AddCase(simulator.Case{ID: "A3", Status: 1, Description: "Net is slow", GroupID: "g1", CreateTime: caseCreated.Add(2 * time.Hour)})
	got := f.applied(t, `
locals {
  searches = {
    words   = { keywords = ["disk", "slow"] }
    status  = { keywords = ["disk"], status = 3 }
    group   = { keywords = ["net"], group_id = "g1" }
    noone   = { keywords = ["net"] }
    from    = { keywords = ["disk"], start_time = "2018-01-02T05:04:05+01:00" }
    to      = { keywords = ["disk"], end_time = "2018-01-02T03:04:05Z" }
    labels  = { label_ids = ["1", "2"] }
    limit   = { keywords = ["disk"], limit = 1 }
  }
}
data "servicerequest_cases" "test" {
  for_each   = local.searches
  keywords   = try(each.value.keywords, null)
  label_ids  = try(each.value.label_ids, null)
  status     = try(each.value.status, null)
  start_time = try(each.value.start_time, null)
  end_time   = try(each.value.end_time, null)
  group_id   = try(each.value.group_id, null)
  limit      = try(each.value.limit, null)
}
output "found" { value = { for name, search in data.servicerequest_cases.test : name => search.cases[*].case_id } }
output "first" { value = { for name, search in data.servicerequest_cases.test : name => search.cases }["words"][0] }`)
	wantValue(t, "found", got["found"], object{
		"words": []any{"A1"}, "status": []any{"A2"}, "group": []any{"A3"}, "noone": []any{}, "from": []any{"A2"}, "to": []any{"A1"},
		"labels": []any{}, "limit": []any{"A1"},
	})
	wantValue(t, "first", got["first"], object{
		"case_id": "A1", "status": 1.0, "status_name": "processing", "is_open": true, "description": "Disk is slow",
		"business_type": "EVS", "incident_type": "Fault", "region": "Dublin", "customer_id": "c1", "user_id": "u1", "user_name": "Ada",
		"created_at": "2018-01-02T03:04:05Z", "created_at_raw": "2018-01-02T03:04:05Z",
	})
	f.wantCounts(t, map[string]int{simulator.OpCases: 8})
}

// 1001 tickets are one more than the default limit.
func TestCasesDataSourceReadsAllPages(t *testing.T) {
	t.Parallel()
	f := newFixture(t, simulator.Options{})
	for i := range 1000 { // besides the fixture's
		f.AddCase(simulator.Case{ID: fmt.Sprint("TT", i)})
	}
	const warning = "Warning: More cases than listed"
	for limit, want := range map[string]struct {
		listed, requests int
		warns            bool
	}{
		"null": {1000, 11, true}, "1000": {1000, 11, false}, "1001": {1001, 11, false}, "150": {150, 2, false}, "99": {99, 1, false},
	} {
		f.Reset()
		c := newCLI(t, map[string]string{"main.tf": requiredProvider + f.config(fmt.Sprintf(`
data "servicerequest_cases" "test" { limit = %s }
output "ids" { value = length(distinct(data.servicerequest_cases.test.cases[*].case_id)) }
output "listed" { value = length(data.servicerequest_cases.test.cases) }`, limit))})
		warns := strings.Contains(c.run("apply", "-auto-approve").output(), warning)
		got := c.outputs()
		if got["ids"] != float64(want.listed) || got["listed"] != got["ids"] || warns != want.warns {
			t.Errorf("limit %s: %v, warns %t", limit, got, warns)
		}
		f.wantCounts(t, map[string]int{simulator.OpCases: want.requests})
	}
}

func TestCasesDataSourceWarnsOfAnIncompleteList(t *testing.T) {
	t.Parallel()
	f := newFixture(t, simulator.Options{})
	c := newCLI(t, map[string]string{"main.tf": requiredProvider + strings.ReplaceAll(f.config(`
data "servicerequest_cases" "test" {}
output "ids" { value = data.servicerequest_cases.test.cases[*].case_id }`), f.URL(),
		always(t, `{"total_count":"1000","incident_info_list":[{"incident_id":1},{"incident_id":"2"}]}`))})
	wantAll(t, c.run("apply", "-auto-approve").output(), "Warning: Incomplete list", "The service did not return the whole list. The list ends after 2 items:", "counts more items than it returns.")
	wantValue(t, "ids", c.outputs()["ids"], []any{"1", "2"})
}
