package provider

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/simulator"
)

const (
	caseType         = "servicerequest_case"
	caseMessagesType = "servicerequest_case_messages"
	casesType        = "servicerequest_cases"
)

// mustRead reads a data source without a diagnostic.
func (p protocol) mustRead(t *testing.T, typeName string, config object) object {
	t.Helper()
	values, diagnostics := p.read(t, typeName, config)
	wantNoDiagnostics(t, diagnostics)
	return values
}

// column is an attribute of each object in a list.
func column(list any, name string) []any {
	all := []any{}
	for _, element := range list.([]any) { //nolint:forcetypeassert // the test says that it is one
		all = append(all, element.(object)[name]) //nolint:forcetypeassert // as above
	}
	return all
}

// always is the URL of a service that always gives the same answer.
func always(t *testing.T, body string) object {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(body)) }))
	t.Cleanup(server.Close)
	return object{"endpoint": server.URL}
}

var caseCreated = time.Date(2018, 1, 2, 3, 4, 5, 0, time.UTC)

func TestCaseDataSource(t *testing.T) {
	t.Parallel()
	f := newFixture(t, simulator.Options{})
	f.AddCase(simulator.Case{
		ID: "TT 1/ü", Status: 2, Description: "Resets", GroupID: "g1", CustomerID: "c1", XCustomerID: "u1", XCustomerName: "Ada",
		BusinessType: "ECS", IncidentType: "Fault", Severity: "High", Source: "Console", Region: "Dublin",
		CreateTime: caseCreated, ResolveTime: caseCreated.Add(time.Hour),
	})
	p := newProtocol(t, f)
	wantValue(t, "the case", p.mustRead(t, caseType, object{"case_id": "TT 1/ü", "group_id": "g1"}), object{
		"case_id": "TT 1/ü", "group_id": "g1", "status": 2.0, "status_name": "awaiting_confirmation", "is_open": true, "description": "Resets",
		"business_type": "ECS", "incident_type": "Fault", "severity": "High", "source": "Console", "region": "Dublin", "judgement": nil,
		"customer_id": "c1", "user_id": "u1", "user_name": "Ada",
		"created_at": "2018-01-02T03:04:05Z", "created_at_raw": "2018-01-02T03:04:05Z",
		"resolved_at": "2018-01-02T04:04:05Z", "resolved_at_raw": "1514865845000",
	})
	f.wantCounts(t, map[string]int{simulator.OpDetail: 1})
	for _, s := range []struct {
		number int
		name   string
		open   bool
	}{
		{0, "to_be_accepted", true}, {1, "processing", true}, {2, "awaiting_confirmation", true}, {3, "completed", false},
		{4, "cancelled", false}, {5, "suspended", true}, {12, "invalid", false}, {17, "awaiting_feedback", true}, {99, "99", true},
	} {
		f.AddCase(simulator.Case{ID: testCase, Status: s.number})
		got := p.mustRead(t, caseType, object{"case_id": testCase})
		wantValue(t, "the status", []any{got["status"], got["status_name"], got["is_open"]}, []any{float64(s.number), s.name, s.open})
	}
	// A number that the service does not return is not zero.
	nothing := newProtocol(t, f, always(t, `{"incident_detail_info":{"incident_id":"another","create_time":"just now"}}`)).mustRead(t, caseType, object{"case_id": "TT1"})
	for name, value := range nothing {
		wantValue(t, name, value, map[string]any{"case_id": "TT1", "created_at_raw": "just now"}[name])
	}
}

// An error of the service is an error of the data source.
func TestDataSourceErrors(t *testing.T) {
	t.Parallel()
	f := newFixture(t, simulator.Options{Faults: []simulator.Fault{{Kind: "401", Operation: simulator.OpCases}}})
	p := newProtocol(t, f)
	for typeName, summary := range map[string]string{caseType: "Unable to read case", caseMessagesType: "Unable to read case messages"} {
		_, diagnostics := p.read(t, typeName, object{"case_id": "TT404"})
		wantOne(t, diagnostics, "error at case_id", summary, "OSM.01010015", "There is no such ticket at this endpoint.")
	}
	_, diagnostics := p.read(t, casesType, nil)
	wantOne(t, diagnostics, "error", "Unable to search cases", "The token is invalid or expired", "401")
}

func TestDataSourcesHoldTheLimitsAtPlan(t *testing.T) {
	t.Parallel()
	f := newFixture(t, simulator.Options{})
	p := newProtocol(t, f)
	long := strings.Repeat("ü", 65)
	const wrongTime = `must be an RFC 3339 time such as "2026-01-31T00:00:00Z", in 1970 or later.`
	for _, row := range []struct {
		typeName   string
		config     object
		at, detail string // of the diagnostic that refuses it; empty: it is accepted
	}{
		{caseType, object{"case_id": ".."}, "case_id", "case_id must be a ticket ID, not \".\" or \"..\"."},
		{caseType, object{"group_id": ""}, "group_id", "group_id is empty; to leave it out, set it to null."},
		{caseMessagesType, object{"case_id": long}, "case_id", "case_id must have 1 to 64 characters, but has 65."},
		{caseMessagesType, object{"group_id": long}, "group_id", "group_id must have 1 to 64 characters, but has 65."},
		{caseMessagesType, object{"author_type": "Customer"}, "author_type", `author_type must be "customer" or "engineer" or "third_party".`},
		{casesType, object{"keywords": []any{"a", " "}}, "keywords[1]", "keywords[1] must contain at least one visible character."},
		{casesType, object{"keywords": []any{"a", nil}}, "keywords", "null"},
		{casesType, object{"keywords": []any{"a\a"}}, "keywords[0]", "contains a line break or another control character; remove it"},
		{casesType, object{"keywords": []any{"a b", "ü&=", "a b"}, "label_ids": []any{"1", "2", "3", "4", "5"}}, "", ""},
		{casesType, object{"keywords": []any{}}, "", ""},
		{casesType, object{"label_ids": []any{"1", "2", "3", "4", "5", "6"}}, "label_ids", "label_ids list must contain at most 5 elements, got: 6"},
		{casesType, object{"label_ids": []any{"1", "1"}}, "label_ids", "duplicate"},
		{casesType, object{"label_ids": []any{""}}, "label_ids[0]", "label_ids[0] must contain at least one visible character."},
		{casesType, object{"status": 6}, "status", `status value must be one of:`},
		{casesType, object{"status": 17}, "", ""},
		{casesType, object{"start_time": "2026-01-31"}, "start_time", "start_time " + wrongTime},
		{casesType, object{"start_time": "1969-12-31T23:59:59Z"}, "start_time", "start_time " + wrongTime},
		{casesType, object{"start_time": "2026-01-31T00:00:00.5+05:30"}, "", ""},
		{casesType, object{"end_time": "now"}, "end_time", "end_time " + wrongTime},
		{casesType, object{"start_time": "2026-01-31T00:00:01+00:00", "end_time": "2026-01-31T02:00:00+02:00"}, "end_time", "end_time must not be before start_time."},
		{casesType, object{"start_time": "2026-01-31T00:00:00+00:00", "end_time": "2026-01-31T02:00:00+02:00"}, "", ""},
		{casesType, object{"start_time": "2026-01-31T00:00:01+00:00", "end_time": tftypes.UnknownValue}, "", ""},
		{caseType, object{"case_id": tftypes.UnknownValue, "group_id": tftypes.UnknownValue}, "", ""},
		{caseMessagesType, object{"case_id": tftypes.UnknownValue, "group_id": tftypes.UnknownValue, "author_type": tftypes.UnknownValue}, "", ""},
		{casesType, object{"keywords": []any{tftypes.UnknownValue}, "label_ids": tftypes.UnknownValue, "status": tftypes.UnknownValue, "limit": tftypes.UnknownValue,
			"start_time": tftypes.UnknownValue, "end_time": tftypes.UnknownValue}, "", ""},
		{casesType, object{"group_id": "\t"}, "group_id", "contains a line break or another control character; remove it"},
		{casesType, object{"limit": 0}, "limit", "limit value must be between 1 and 10000, got: 0"},
		{casesType, object{"limit": 10001}, "limit", "limit value must be between 1 and 10000, got: 10001"},
		{casesType, object{"limit": 10000}, "", ""},
	} {
		if row.typeName != casesType {
			row.config = merged(object{"case_id": testCase}, row.config)
		}
		got := p.validateData(t, row.typeName, row.config)
		if row.detail == "" {
			wantNoDiagnostics(t, got)
		} else {
			wantOne(t, got, "error at "+row.at, row.detail)
		}
	}
	f.wantCounts(t, map[string]int{})
}

func TestCaseMessagesDataSource(t *testing.T) {
	t.Parallel()
	f := newFixture(t, simulator.Options{})
	at := func(seconds int) time.Time { return caseCreated.Add(time.Duration(seconds) * time.Second) }
	f.AddMessage(testCase, simulator.Message{ID: "M1", Type: 0, Replier: "u1", ReplierName: "Ada", Content: "<b>It</b> is\n slow & so on", AccessoryIDs: []string{"A1", "A2"}, CreateTime: at(0)})
	f.AddMessage(testCase, simulator.Message{ID: "M2", Type: 1, ReplierType: 1, Replier: "e1", ReplierName: "Grace", Content: "Restart it", CreateTime: at(60)})
	f.AddMessage(testCase, simulator.Message{ID: "M3", Type: 1, ReplierType: 2, Content: "", CreateTime: at(120)})
	f.AddMessage(testCase, simulator.Message{ID: "M4", Type: 1, ReplierType: 7, Content: "?", CreateTime: at(180)})
	p := newProtocol(t, f)
	wantValue(t, "all", p.mustRead(t, caseMessagesType, object{"case_id": testCase}), object{"case_id": testCase, "group_id": nil, "author_type": nil, "messages": []any{
		object{"message_id": "M1", "author_type": "customer", "author_id": "u1", "author_name": "Ada", "content": "<b>It</b> is\n slow & so on",
			"created_at": "2018-01-02T03:04:05Z", "created_at_raw": "2018-01-02T03:04:05Z", "position": float64(1),
			"attachments": []any{object{"id": "A1", "name": "A1"}, object{"id": "A2", "name": "A2"}}},
		object{"message_id": "M2", "author_type": "engineer", "author_id": "e1", "author_name": "Grace", "content": "Restart it",
			"created_at": "2018-01-02T03:05:05Z", "created_at_raw": "2018-01-02T03:05:05Z", "position": float64(2), "attachments": []any{}},
		object{"message_id": "M3", "author_type": "third_party", "author_id": nil, "author_name": nil, "content": "",
			"created_at": "2018-01-02T03:06:05Z", "created_at_raw": "2018-01-02T03:06:05Z", "position": float64(3), "attachments": []any{}},
		object{"message_id": "M4", "author_type": "7", "author_id": nil, "author_name": nil, "content": "?",
			"created_at": "2018-01-02T03:07:05Z", "created_at_raw": "2018-01-02T03:07:05Z", "position": float64(4), "attachments": []any{}},
	}})
	f.wantCounts(t, map[string]int{simulator.OpDetail: 1, simulator.OpList: 1})
	for author, id := range map[string]string{"customer": "M1", "engineer": "M2", "third_party": "M3"} {
		got := p.mustRead(t, caseMessagesType, object{"case_id": testCase, "author_type": author})
		wantValue(t, author, column(got["messages"], "message_id"), []any{id})
	}
}

func TestCasesDataSourceSearches(t *testing.T) {
	t.Parallel()
	f := newFixture(t, simulator.Options{})
	f.AddCase(simulator.Case{
		ID: "A1", Status: 1, Description: "Disk is slow", CustomerID: "c1", XCustomerID: "u1", XCustomerName: "Ada",
		BusinessType: "EVS", IncidentType: "Fault", Region: "Dublin", CreateTime: caseCreated,
	})
	f.AddCase(simulator.Case{ID: "A2", Status: 3, Description: "Disk is full", CreateTime: caseCreated.Add(time.Hour)})
	f.AddCase(simulator.Case{ID: "A3", Status: 1, Description: "Net is slow", GroupID: "g1", CreateTime: caseCreated.Add(2 * time.Hour)})
	p := newProtocol(t, f)
	disk := []any{"disk"}
	for _, row := range []struct {
		search object
		want   []any
	}{
		{object{"keywords": []any{"disk", "slow"}}, []any{"A1"}},
		{object{"keywords": disk, "status": 3}, []any{"A2"}},
		{object{"keywords": []any{"net"}, "group_id": "g1"}, []any{"A3"}},
		{object{"keywords": []any{"net"}}, []any{}},
		{object{"keywords": disk, "start_time": "2018-01-02T05:04:05+01:00"}, []any{"A2"}},
		{object{"keywords": disk, "end_time": "2018-01-02T03:04:05Z"}, []any{"A1"}},
		{object{"label_ids": []any{"1", "2"}}, []any{}},
	} {
		wantValue(t, fmt.Sprint(row.search), column(p.mustRead(t, casesType, row.search)["cases"], "case_id"), row.want)
	}
	wantValue(t, "the case", p.mustRead(t, casesType, object{"keywords": []any{"disk", "slow"}})["cases"].([]any)[0], object{ //nolint:forcetypeassert // it is a list
		"case_id": "A1", "status": 1.0, "status_name": "processing", "is_open": true, "description": "Disk is slow",
		"business_type": "EVS", "incident_type": "Fault", "region": "Dublin", "customer_id": "c1", "user_id": "u1", "user_name": "Ada",
		"created_at": "2018-01-02T03:04:05Z", "created_at_raw": "2018-01-02T03:04:05Z",
	})
	f.wantCounts(t, map[string]int{simulator.OpCases: 8})
}

// 1001 tickets are one more than the default limit.
func TestCasesDataSourceHasALimit(t *testing.T) {
	t.Parallel()
	f := newFixture(t, simulator.Options{})
	for i := range 1000 { // besides the fixture's
		f.AddCase(simulator.Case{ID: fmt.Sprint("TT", i)})
	}
	p := newProtocol(t, f)
	got, diagnostics := p.read(t, casesType, nil)
	wantOne(t, diagnostics, "warning at limit", "More cases than listed")
	wantValue(t, "the number of cases", len(column(got["cases"], "case_id")), 1000)
	wantValue(t, "the number of cases", len(column(p.mustRead(t, casesType, object{"limit": 1001})["cases"], "case_id")), 1001)
}

func TestDataSourcesWarnOfAnIncompleteList(t *testing.T) {
	t.Parallel()
	f := newFixture(t, simulator.Options{})
	for _, row := range []struct {
		typeName             string
		config               object
		list, column, answer string
	}{
		{caseMessagesType, object{"case_id": "TT1"}, "messages", "content", `{"count":1000,"message_list":[{"content":"1"},{"content":"2"}],"incident_detail_info":{}}`},
		{casesType, nil, "cases", "case_id", `{"total_count":"1000","incident_info_list":[{"incident_id":1},{"incident_id":"2"}]}`},
	} {
		got, diagnostics := newProtocol(t, f, always(t, row.answer)).read(t, row.typeName, row.config)
		wantOne(t, diagnostics, "warning", "Incomplete list", "The service did not return the whole list. The list ends after 2 items:", "counts more items than it returns.")
		wantValue(t, row.typeName, column(got[row.list], row.column), []any{"1", "2"})
	}
}
