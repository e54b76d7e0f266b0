package simulator

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// read asks with GET and returns the JSON answer.
func read(t *testing.T, s *Simulator, target string, change ...func(*http.Request)) (v map[string]any) {
	t.Helper()
	body := bodyOf(ask(t, s, "GET", "/v2/servicerequest/"+target, "", change...))
	if err := json.Unmarshal([]byte(body), &v); err != nil {
		t.Fatalf("%v in %q", err, body)
	}
	return v
}

func contents(list any) (out []string) {
	for _, m := range list.([]any) {
		out = append(out, m.(map[string]any)["content"].(string))
	}
	return out
}

// detail returns a ticket's detail. target is its ID and perhaps a query.
func detail(t *testing.T, s *Simulator, target string) map[string]any {
	t.Helper()
	return read(t, s, "cases/"+target)["incident_detail_info"].(map[string]any)
}

func TestPaging(t *testing.T) {
	for _, newestFirst := range []bool{false, true} {
		s := service(Options{NewestFirst: newestFirst})
		var all []string
		for i := range 25 {
			all = append(all, fmt.Sprint("m", i))
			s.AddMessage("case-123", Message{Content: all[i]})
		}
		if newestFirst {
			slices.Reverse(all)
		}
		for _, c := range []struct {
			query    string
			from, to int
		}{
			{"", 0, 10},
			{"?offset=10", 10, 20},
			{"?offset=20", 20, 25},
			{"?offset=25", 25, 25},
			{"?offset=65535", 25, 25},
			{"?limit=0", 0, 0},
			{"?limit=100", 0, 25},
			{"?offset=3&limit=2", 3, 5},
		} {
			got := read(t, s, "cases/case-123/messages"+c.query)
			if got["count"] != 25.0 || !slices.Equal(contents(got["message_list"]), all[c.from:c.to]) {
				t.Errorf("newest first %v, %q: %v", newestFirst, c.query, got)
			}
		}
	}
}

func TestMessagesOnTheWire(t *testing.T) {
	s := service(Options{})
	s.AddCase(Case{ID: "c", CustomerID: "id", XCustomerName: "Ada"})
	s.AddMessage("c", Message{Type: 1, ReplierType: 1, ReplierName: "Engineer", Content: "a < b"})
	ask(t, s, "POST", "/v2/servicerequest/accessorys/json-format-content", `{"accessory_name":"a.txt","accessory_from":"message","accessory_data":"eA=="}`)
	ask(t, s, "POST", "/v2/servicerequest/cases/c/message",
		`{"message":{"content":"<p>x &amp; y</p>","accessory_ids":["accessory-00000001","2","3","4","5","6"]}}`)

	list := read(t, s, "cases/c/messages")["message_list"].([]any)
	want := map[string]any{
		"type": 0.0, "replier_type": 0.0, "replier": "id", "replier_name": "Ada", "content": "x &amp; y",
		"create_time": "2026-01-02T03:04:05Z", "is_first_message": 0.0, "iam_user_type": 0.0,
		"accessory_list": []any{
			map[string]any{"accessory_id": "accessory-00000001", "file_actual_name": "a.txt"},
			map[string]any{"accessory_id": "2", "file_actual_name": "2"},
			map[string]any{"accessory_id": "3", "file_actual_name": "3"},
			map[string]any{"accessory_id": "4", "file_actual_name": "4"},
			map[string]any{"accessory_id": "5", "file_actual_name": "5"},
		},
	}
	if got := list[1]; fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	first := list[0].(map[string]any)
	if first["is_first_message"] != 1.0 || first["type"] != 1.0 || first["replier_type"] != 1.0 || first["content"] != "a < b" {
		t.Errorf("first message %v", first)
	}
	raw := read(t, s, "cases/c/messages?trim_osm_rich_text_label=false")["message_list"]
	check(t, "untrimmed", contents(raw)[1], "<p>x &amp; y</p>")
	shown := detail(t, s, "c")["message_list"].([]any)[1].(map[string]any)
	if shown["message_id"] != "message-00000002" || shown["content"] != "<p>x &amp; y</p>" {
		t.Errorf("in detail: %v", shown)
	}
}

func TestShow(t *testing.T) {
	s := service(Options{Show: func(op string, m *WireMessage) { m.Content += " " + op }})
	s.AddMessage("case-123", Message{Content: "<b>a</b>"})
	if got := contents(read(t, s, "cases/case-123/messages")["message_list"]); got[0] != "a list" {
		t.Errorf("in the list: %q", got)
	}
	if got := contents(detail(t, s, "case-123")["message_list"]); got[0] != "<b>a</b> detail" {
		t.Errorf("in the detail: %q", got)
	}
	if m := s.Messages("case-123"); m[0].Content != "<b>a</b>" {
		t.Errorf("the ticket was changed: %q", m[0].Content)
	}
}

func TestDetailAndStatus(t *testing.T) {
	s := service(Options{})
	s.AddCase(Case{ID: "c", Status: 17, Description: "d", CustomerID: "ci", XCustomerID: "xi", XCustomerName: "xn", BusinessType: "b",
		IncidentType: "i", Severity: "sev", Source: "src", Region: "r", ResolveTime: epoch})
	got := detail(t, s, "c")
	want := map[string]any{"incident_id": "c", "status": 17, "simple_description": "d", "customer_id": "ci", "xcustomer_id": "xi",
		"xcustomer_name": "xn", "business_type_name": "b", "incident_type_name": "i", "severity_name": "sev", "source_name": "src",
		"dc_name": "r", "create_time": "2026-01-02T03:04:05Z", "resolve_time": float64(epoch.UnixMilli()), "judgement": "",
		"message_list": []any{}, "ext_info": map[string]any{}, "incident_satisfaction": []any{}}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	if got := read(t, s, "cases/c/status"); fmt.Sprint(got) != "map[status:17]" {
		t.Errorf("status %v", got)
	}
}

func TestSearch(t *testing.T) {
	s := New(Options{Tokens: []string{"t"}})
	for i, c := range []Case{
		{ID: "a", Description: "Disk is full", Status: 0},
		{ID: "b", Description: "Network is down", Status: 1, XCustomerID: "xi", XCustomerName: "xn"},
		{ID: "c", Description: "disk is slow", Status: 3, GroupID: "g"},
		{ID: "d", Status: 3},
	} {
		c.CreateTime = epoch.Add(time.Duration(i) * time.Hour)
		s.AddCase(c)
	}
	for query, want := range map[string]string{
		"":                                      "3 a b d",
		"group_id=g":                            "4 a b c d",
		"search_key=disk":                       "1 a",
		"search_key=disk&group_id=g":            "2 a c",
		"search_key=is+DOWN":                    "1 b",
		"search_key=is&search_key=ful":          "1 a",
		"label_id_list=1":                       "0",
		"status=0":                              "1 a",
		"status=3":                              "1 d",
		"query_start_time=2026-01-02T03:05:00Z": "2 b d",
		"query_start_time=2026-01-02T03:05:00Z&query_end_time=2026-01-02T04:05:00%2B00:00": "1 b",
		"offset=1&limit=1": "3 b",
		"limit=0":          "3",
	} {
		v := read(t, s, "cases?"+query)
		got := fmt.Sprint(v["total_count"])
		for _, i := range v["incident_info_list"].([]any) {
			got += " " + i.(map[string]any)["incident_id"].(string)
		}
		if got != want {
			t.Errorf("%q: got %s, want %s", query, got, want)
		}
	}
	item := read(t, s, "cases?status=1")["incident_info_list"].([]any)[0]
	want := map[string]any{"incident_id": "b", "status": 1, "simple_description": "Network is down", "business_type_name": "",
		"incident_type_name": "", "dc_name": "", "customer_id": "", "xcustomer_id": "xi", "xcustomer_name": "xn",
		"create_time": "2026-01-02T04:04:05Z", "label_list": []any{}}
	if fmt.Sprint(item) != fmt.Sprint(want) {
		t.Errorf("got  %v\nwant %v", item, want)
	}
}

func TestAccessories(t *testing.T) {
	s := service(Options{StrictAccessories: true})
	upload := `{"accessory_name":"a.txt","accessory_from":"message","accessory_data":"eA=="}`
	for i := 1; i <= 2; i++ {
		want := fmt.Sprintf(`{"accessory_id":"accessory-%08d"}`, i)
		check(t, "upload", bodyOf(ask(t, s, "POST", "/v2/servicerequest/accessorys/json-format-content", upload)), want)
	}
	const first = "/v2/servicerequest/accessorys/accessory-00000001"
	for _, c := range []struct{ method, path, body, want string }{
		{"POST", submitPath, `{"message":{"content":"","accessory_ids":["other"]}}`, outside},
		{"POST", submitPath, `{"message":{"content":"","accessory_ids":["accessory-00000001"]}}`, accepted},
		{"DELETE", first, "", forbidden},
		{"DELETE", "/v2/servicerequest/accessorys/accessory-00000002", "", accepted},
		{"DELETE", "/v2/servicerequest/accessorys/accessory-00000002", "", outside},
		{"DELETE", "/v2/servicerequest/accessorys/" + strings.Repeat("x", 65), "", outside},
		{"DELETE", "/v2/servicerequest/accessorys/limits", "", outside}, // an ID like any other
	} {
		check(t, c.method+" "+c.path, verdict(t, ask(t, s, c.method, c.path, c.body)), c.want)
	}
	s.Reset() // the message is gone, and no longer uses it
	check(t, "after Reset", verdict(t, ask(t, s, "DELETE", first, "")), accepted)
}

func TestLimits(t *testing.T) {
	want := `{"accessory_limit":{"limit_count":"10","limit_file_type":"jpg,jpeg,bmp,png,gif,txt,doc,docx,rar,zip,pdf,xls,xlsx","limit_size":"2"}}`
	check(t, "limits", bodyOf(ask(t, service(Options{}), "GET", "/v2/servicerequest/accessorys/limits", "")), want)
}

func TestReset(t *testing.T) {
	s := service(Options{Faults: []Fault{{Kind: "503", Ordinals: []int{1}}}})
	s.AddMessage("case-123", Message{Content: "seeded"})
	post := func() string { return verdict(t, ask(t, s, "POST", submitPath, `{"message":{"content":"x"}}`)) }
	for range 2 {
		check(t, "first", post(), "503 APIGW.0613")
		if got := post(); got != accepted || s.Count(OpSubmit) != 2 || len(s.Messages("case-123")) != 2 {
			t.Errorf("second: %s", got)
		}
		s.Reset()
		if m := s.Messages("case-123"); len(m) != 1 || m[0].Content != "seeded" || s.Count(OpSubmit) != 0 || len(s.Requests()) != 0 {
			t.Errorf("after Reset: %v", m)
		}
	}
}
