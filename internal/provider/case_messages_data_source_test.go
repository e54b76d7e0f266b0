package provider

import (
	"fmt"
	"html"
	"strings"
	"testing"
	"time"

	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/simulator"
)

func TestCaseMessagesDataSourceTellsAll(t *testing.T) {
	t.Parallel()
	f := newFixture(t, simulator.Options{})
	at := func(seconds int) time.Time { return caseCreated.Add(time.Duration(seconds) * time.Second) }
	f.AddMessage(testCase, simulator.Message{ID: "M1", Type: 0, Replier: "u1", ReplierName: "Ada", Content: "<b>It</b> is\n slow & so on", AccessoryIDs: []string{"A1", "A2"}, CreateTime: at(0)})
	f.AddMessage(testCase, simulator.Message{ID: "M2", Type: 1, ReplierType: 1, Replier: "e1", ReplierName: "Grace", Content: "Restart it", CreateTime: at(60)})
	f.AddMessage(testCase, simulator.Message{ID: "M3", Type: 1, ReplierType: 2, Content: "", CreateTime: at(120)})
	f.AddMessage(testCase, simulator.Message{ID: "M4", Type: 1, ReplierType: 7, Content: "?", CreateTime: at(180)})
	got := f.applied(t, `
data "servicerequest_case_messages" "all" { case_id = "TT201801020526" }
data "servicerequest_case_messages" "some" {
  for_each    = toset(["customer", "engineer", "third_party"])
  case_id     = "TT201801020526"
  author_type = each.key
}
output "all" { value = data.servicerequest_case_messages.all }
output "some" { value = { for type, list in data.servicerequest_case_messages.some : type => list.messages[*].message_id } }`)
	wantValue(t, "all", got["all"], object{"case_id": testCase, "group_id": nil, "author_type": nil, "messages": []any{
		object{"message_id": "M1", "author_type": "customer", "author_id": "u1", "author_name": "Ada", "content": "<b>It</b> is\n slow & so on",
			"created_at": "2018-01-02T03:04:05Z", "created_at_raw": "2018-01-02T03:04:05Z",
			"attachments": []any{object{"id": "A1", "name": "A1"}, object{"id": "A2", "name": "A2"}}},
		object{"message_id": "M2", "author_type": "engineer", "author_id": "e1", "author_name": "Grace", "content": "Restart it",
			"created_at": "2018-01-02T03:05:05Z", "created_at_raw": "2018-01-02T03:05:05Z", "attachments": []any{}},
		object{"message_id": "M3", "author_type": "third_party", "author_id": nil, "author_name": nil, "content": "",
			"created_at": "2018-01-02T03:06:05Z", "created_at_raw": "2018-01-02T03:06:05Z", "attachments": []any{}},
		object{"message_id": "M4", "author_type": "7", "author_id": nil, "author_name": nil, "content": "?",
			"created_at": "2018-01-02T03:07:05Z", "created_at_raw": "2018-01-02T03:07:05Z", "attachments": []any{}},
	}})
	wantValue(t, "some", got["some"], object{"customer": []any{"M1"}, "engineer": []any{"M2"}, "third_party": []any{"M3"}})
	f.wantCounts(t, map[string]int{simulator.OpDetail: 4, simulator.OpList: 4})
}

// 230 messages, some of them equal and of the same second, in each order and form in
// which the service may list them.
func TestCaseMessagesDataSourceReadsAllPages(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name   string
		newest bool                         // first
		shown  func(*simulator.WireMessage) // changes how the list shows a message
		ids    bool                         // the list shows the messages as the ticket's detail does, which has the IDs
		times  bool                         // they can be read
		whole  bool                         // the texts
	}{
		{"oldest first", false, nil, true, true, true},
		{"newest first", true, nil, true, true, true},
		{"zoneless", false, func(m *simulator.WireMessage) {
			at, _ := time.Parse(time.RFC3339, m.CreateTime)
			m.CreateTime = at.In(time.FixedZone("the service's default", 8*60*60)).Format(time.DateTime)
		}, false, true, true},
		{"stripped", false, func(m *simulator.WireMessage) {
			m.Content = strings.NewReplacer("<i>", "", "</i>", "").Replace(m.Content)
		}, false, true, true},
		{"escaped", false, func(m *simulator.WireMessage) { m.Content = html.EscapeString(m.Content) }, false, true, true},
		{"cut", true, func(m *simulator.WireMessage) { m.Content = m.Content[:400] }, false, true, false},
		{"no times", false, func(m *simulator.WireMessage) { m.CreateTime = "just now" }, false, false, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, simulator.Options{NewestFirst: row.newest, Show: func(op string, m *simulator.WireMessage) {
				if op == simulator.OpList && row.shown != nil {
					row.shown(m)
				}
			}})
			text := strings.Repeat("a line of a log\n", 100)
			var numbers, pairs, times []any
			for i := range 230 {
				created := caseCreated.Add(time.Duration(i/10*10) * time.Second) // ten of each second
				number := fmt.Sprint(i / 2)                                      // two are equal
				f.AddMessage(testCase, simulator.Message{ID: fmt.Sprint("M", number, "-", i%2), Content: "<i>" + number + "</i> & " + text, CreateTime: created})
				numbers, pairs, times = append(numbers, number), append(pairs, "M"+number), append(times, created.Format(time.RFC3339))
			}
			got := f.applied(t, `
data "servicerequest_case_messages" "test" { case_id = "TT201801020526" }
locals { messages = data.servicerequest_case_messages.test.messages }
output "numbers" { value = [for m in local.messages : regex("[0-9]+", m.content)] }
output "pairs" { value = [for m in local.messages : split("-", m.message_id)[0] if m.message_id != null] }
output "ids" { value = length(distinct(compact(local.messages[*].message_id))) }
output "times" { value = compact(local.messages[*].created_at) }
output "whole" { value = distinct([for m in local.messages : length(m.content) > 1600]) }`)
			ids := 230.0
			if !row.ids {
				pairs, ids = []any{}, 0
			}
			if !row.times {
				times = []any{}
			}
			wantValue(t, "numbers", got["numbers"], numbers)
			wantValue(t, "pairs", got["pairs"], pairs)
			wantValue(t, "ids", got["ids"], ids)
			wantValue(t, "times", got["times"], times)
			wantValue(t, "whole", got["whole"], []any{row.whole})
			f.wantCounts(t, map[string]int{simulator.OpDetail: 1, simulator.OpList: 3})
		})
	}
}

func TestCaseMessagesDataSourceWarnsOfAnIncompleteList(t *testing.T) {
	t.Parallel()
	f := newFixture(t, simulator.Options{})
	c := newCLI(t, map[string]string{"main.tf": requiredProvider + strings.ReplaceAll(f.config(`
data "servicerequest_case_messages" "test" { case_id = "TT1" }
output "contents" { value = data.servicerequest_case_messages.test.messages[*].content }`), f.URL(),
		always(t, `{"count":1000,"message_list":[{"content":"a"},{"content":"b"}],"incident_detail_info":{}}`))})
	wantAll(t, c.run("apply", "-auto-approve").output(), "Warning: Incomplete list", "The service did not return the whole list. The list ends after 2 items:", "counts more items than it returns.")
	wantValue(t, "contents", c.outputs()["contents"], []any{"a", "b"})
}
