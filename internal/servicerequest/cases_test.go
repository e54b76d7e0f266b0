package servicerequest

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// scripted is a service that gives the answers of the test, which may be wrong. It
// records the requests.
type scripted struct {
	*Client
	mu   sync.Mutex
	asks []string // path and query
}

func newScripted(t *testing.T, answer func(r *http.Request, n int) string) *scripted {
	t.Helper()
	s := &scripted{}
	s.Client, _ = handler(t, func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.asks = append(s.asks, r.URL.RequestURI())
		n := len(s.asks)
		s.mu.Unlock()
		if n > 500 {
			t.Error("no end of requests")
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		_, _ = w.Write([]byte(answer(r, n)))
	})
	return s
}

func (s *scripted) wantAsks(t *testing.T, want int) {
	t.Helper()
	if len(s.asks) != want {
		t.Errorf("%d requests, want %d:\n%s", len(s.asks), want, strings.Join(s.asks, "\n"))
	}
}

func encode(v any) string { return string(must(json.Marshal(v))) }

func intQuery(r *http.Request, name string) int {
	n, _ := strconv.Atoi(r.URL.Query().Get(name))
	return n
}

func TestCaseReadsWhateverTypesTheWireHas(t *testing.T) {
	t.Parallel()
	status := 17
	created := time.Date(2018, 1, 2, 3, 4, 5, 0, time.UTC)
	want := Case{
		CaseSummary: CaseSummary{
			ID: "12", Status: Number{&status}, Description: "slow", BusinessType: "ECS", IncidentType: "fault", Region: "3",
			CustomerID: "7", UserID: "8", UserName: "ada", CreateTime: "2018-01-02 11:04:05", Created: created,
		},
		Severity: "high", Source: "console", Judgement: "good", ResolveTime: "1514862245000", Resolved: created,
		Messages: []Message{{
			ID: "9", Type: 1, ReplierType: 2, Replier: "5", ReplierName: "grace", Content: "42", CreateTime: "1514862245",
			Created: created, IsFirst: 1, Accessories: []Accessory{{ID: "6", Name: "a.log"}},
		}},
	}
	const form = `{"incident_detail_info":{"incident_id":%[1]s12%[1]s,"status":%[1]s%[2]s%[1]s,"simple_description":"slow","business_type_name":"ECS",
"incident_type_name":"fault","severity_name":"high","source_name":"console","dc_name":%[1]s3%[1]s,"customer_id":%[1]s7%[1]s,"xcustomer_id":%[1]s8%[1]s,
"xcustomer_name":"ada","create_time":"2018-01-02 11:04:05","resolve_time":%[1]s1514862245000%[1]s,"judgement":"good","ext_info":null,"created":"?","resolved":"?","message_list":[
{"message_id":%[1]s9%[1]s,"type":%[1]s1%[1]s,"replier_type":%[1]s2%[1]s,"replier":%[1]s5%[1]s,"replier_name":"grace","content":%[1]s42%[1]s,"create_time":%[1]s1514862245%[1]s,
"is_first_message":%[1]s1%[1]s,"accessory_list":[{"accessory_id":%[1]s6%[1]s,"file_actual_name":"a.log"}]}]}}`
	for quote, number := range map[string]string{`"`: "17", "": "1.7e1"} {
		s := newScripted(t, func(*http.Request, int) string { return fmt.Sprintf(form, quote, number) })
		got, err := s.Case(t.Context(), "12", "")
		if err != nil {
			t.Fatal(err)
		}
		for i := range got.Messages {
			got.Messages[i].Created = got.Messages[i].Created.UTC()
		}
		got.Created, got.Resolved = got.Created.UTC(), got.Resolved.UTC()
		if !reflect.DeepEqual(got, want) {
			t.Errorf("status %s:\n got %+v\nwant %+v", number, got, want)
		}
		s.wantAsks(t, 1)
	}
}

func TestCaseWithoutAnything(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		`{"incident_detail_info":{}}`,
		`{"incident_detail_info":{"incident_id":null,"status":null,"create_time":null,"resolve_time":0,"message_list":null,"customer_id":""}}`,
		`{"incident_detail_info":{"status":"","resolve_time":"0"}}`,
	} {
		s := newScripted(t, func(*http.Request, int) string { return body })
		got, err := s.Case(t.Context(), "a/b", "g 1")
		if err != nil {
			t.Fatalf("%s: %v", body, err)
		}
		if want := (Case{CaseSummary: CaseSummary{ID: "a/b"}}); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v", body, got)
		}
		if want := "/v2/servicerequest/cases/a%2Fb?group_id=g%201"; s.asks[0] != want {
			t.Errorf("asked %s, want %s", s.asks[0], want)
		}
	}
}

func TestCaseErrors(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		body, code string
		asks       int
	}{
		{`{"error_code":"OSM.01010015","error_msg":"The case does not exist"}`, "OSM.01010015", 1},
		{`{}`, "", 1},
		{`{"incident_detail_info":null}`, "", 1},
		{`<html>Sign in</html>`, "", 4},
		{`{"incident_detail_info":{"status":"soon"}}`, "", 4},
		{`{"incident_detail_info":{"status":1.5}}`, "", 4},
		{`{"incident_detail_info":{"status":true}}`, "", 4},
		{`{"incident_detail_info":{"incident_id":{}}}`, "", 4},
		{`{"incident_detail_info":{"simple_description":"` + strings.Repeat("x", 1<<16) + `"}}`, "", 1},
	} {
		s := newScripted(t, func(*http.Request, int) string { return test.body })
		s.maxTicket = 1 << 16
		_, err := s.Case(t.Context(), "c", "")
		var api *APIError
		if !errors.As(err, &api) || api.Code != test.code {
			t.Errorf("%.60s: %v", test.body, err)
		}
		s.wantAsks(t, test.asks)
	}
}

// A message that repeats counts once. Messages without an ID all count. Without a
// documented replier_type, the type tells who wrote a message.
func TestCaseMessages(t *testing.T) {
	t.Parallel()
	s := newScripted(t, func(*http.Request, int) string {
		return `{"incident_detail_info":{"message_list":[{"message_id":"2","type":1},{"message_id":1},{"message_id":"1"},
			{"type":0,"replier_type":null},{"content":"x","type":1,"replier_type":"2"},{"message_id":"2"}]}}`
	})
	c, err := s.Case(t.Context(), "c", "")
	var got []string
	for _, m := range c.Messages {
		got = append(got, fmt.Sprint(m.ID, " of ", m.ReplierType))
	}
	if want := []string{"2 of 1", "1 of 0", " of 0", " of 2"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("%q, want %q: %v", got, want, err)
	}
}

// tickets answers a search from a list of IDs, correctly unless the test changes it.
func tickets(r *http.Request, ids []string, total any) string {
	offset, limit := intQuery(r, "offset"), intQuery(r, "limit")
	list := []map[string]any{}
	for _, id := range ids[min(offset, len(ids)):min(offset+limit, len(ids))] {
		list = append(list, map[string]any{"incident_id": id})
	}
	return encode(map[string]any{"total_count": total, "incident_info_list": list})
}

func numbered(n int) []string {
	ids := make([]string, n)
	for i := range ids {
		ids[i] = fmt.Sprint("c", i)
	}
	return ids
}

func TestCasesPages(t *testing.T) {
	t.Parallel()
	all := numbered(250)
	for _, test := range []struct {
		name       string
		answer     func(r *http.Request, n int) string
		limit      int
		want       []string
		more       bool
		incomplete bool
		asks       int
	}{
		{"all pages", func(r *http.Request, _ int) string { return tickets(r, all, 250) }, 1000, all, false, false, 3},
		{"total as text", func(r *http.Request, _ int) string { return tickets(r, all, "250") }, 1000, all, false, false, 3},
		{"none", func(r *http.Request, _ int) string { return tickets(r, nil, 0) }, 1000, nil, false, false, 1},
		{"nothing said", func(*http.Request, int) string { return `{}` }, 1000, nil, false, false, 1},
		{"limit", func(r *http.Request, _ int) string { return tickets(r, all, 250) }, 120, all[:120], true, false, 2},
		{"limit of a page", func(r *http.Request, _ int) string { return tickets(r, all, 250) }, 100, all[:100], true, false, 2},
		{"limit of all", func(r *http.Request, _ int) string { return tickets(r, all, 250) }, 250, all, false, false, 3},
		{"pages larger than asked for", func(r *http.Request, _ int) string {
			r.URL.RawQuery = "limit=100"
			return tickets(r, all, 250)
		}, 3, all[:3], true, false, 1},
		{"pages smaller than asked for", func(r *http.Request, _ int) string {
			offset := intQuery(r, "offset")
			return tickets(r, all[:min(offset+40, 250)], 250)
		}, 1000, all, false, false, 7},
		{"total too low", func(r *http.Request, _ int) string { return tickets(r, all, 1) }, 1000, all, false, false, 3},
		{"total too high", func(r *http.Request, _ int) string { return tickets(r, all, 1<<30) }, 1000, all, false, false, 4},
		{"total negative", func(r *http.Request, _ int) string { return tickets(r, all, -5) }, 1000, all, false, false, 3},
		{"overlap", func(r *http.Request, n int) string {
			// With each page, a new ticket moves the others by one.
			return tickets(r, append(slices.Repeat([]string{"new"}, n-1), all...), 249+n)
		}, 1000, all, false, false, 3},
		{"the same page again, and all there is", func(r *http.Request, _ int) string {
			return tickets(r, append(all[:100:100], all[:100]...), 100)
		}, 1000, all[:100], false, false, 2},
		{"the same page again", func(r *http.Request, _ int) string { return tickets(r, append(all[:100:100], all[:100]...), 1<<30) }, 1000, all[:100], false, true, 2},
	} {
		s := newScripted(t, test.answer)
		got, more, err := s.Cases(t.Context(), CaseQuery{}, test.limit)
		var incomplete *IncompleteError
		if errors.As(err, &incomplete) != test.incomplete || !test.incomplete && err != nil {
			t.Errorf("%s: error %v", test.name, err)
		}
		var ids []string
		for _, c := range got {
			ids = append(ids, string(c.ID))
		}
		if !slices.Equal(ids, test.want) || more != test.more {
			t.Errorf("%s: %d tickets %q, more %t", test.name, len(ids), ids, more)
		}
		s.wantAsks(t, test.asks)
	}
}

// The search ends even if the service lists new tickets for ever.
func TestCasesAreBounded(t *testing.T) {
	t.Parallel()
	text := strings.Repeat("x", 30_000)
	s := newScripted(t, func(_ *http.Request, n int) string {
		var list []map[string]any
		for i := range 50 {
			list = append(list, map[string]any{"incident_id": fmt.Sprint(n, "-", i), "simple_description": text})
		}
		return encode(map[string]any{"total_count": 1 << 30, "incident_info_list": list})
	})
	s.maxTicket = 5 << 20
	cases, _, err := s.Cases(t.Context(), CaseQuery{}, 10000)
	var incomplete *IncompleteError
	if !errors.As(err, &incomplete) || incomplete.Have != len(cases) || len(cases) != 150 {
		t.Errorf("%d tickets, %v", len(cases), err)
	}
	s.wantAsks(t, 4)
}

func TestCasesRefuseOneWithoutID(t *testing.T) {
	t.Parallel()
	s := newScripted(t, func(*http.Request, int) string { return `{"total_count":1,"incident_info_list":[{"status":1}]}` })
	if cases, _, err := s.Cases(t.Context(), CaseQuery{}, 10); err == nil {
		t.Errorf("%+v", cases)
	}
}

func TestCasesQuery(t *testing.T) {
	t.Parallel()
	zero := int64(0)
	s := newScripted(t, func(*http.Request, int) string { return `{"total_count":0,"incident_info_list":[]}` })
	if _, _, err := s.Cases(t.Context(), CaseQuery{
		Keywords: []string{"a b", "c"}, LabelIDs: []string{"1", "2"}, Status: &zero, GroupID: "g",
		From: time.Date(2026, 1, 1, 2, 0, 0, 1, time.FixedZone("", 7200)), To: time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC),
	}, 5); err != nil {
		t.Fatal(err)
	}
	want := "/v2/servicerequest/cases?group_id=g&label_id_list=1&label_id_list=2&limit=6&offset=0&query_end_time=2026-01-02T00%3A00%3A00Z" +
		"&query_start_time=2026-01-01T00%3A00%3A00Z&search_key=a%20b&search_key=c&status=0"
	if s.asks[0] != want {
		t.Errorf("asked\n%s, want\n%s", s.asks[0], want)
	}
}
