package simulator

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// controlRequest sends a control request without a token.
func controlRequest(t *testing.T, s *Simulator, method, path, body string, change ...func(*http.Request)) *httptest.ResponseRecorder {
	t.Helper()
	return ask(t, s, method, path, body, append([]func(*http.Request){header("X-Auth-Token")}, change...)...)
}

// stateOf is everything that a control request may change.
func stateOf(s *Simulator) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var b strings.Builder
	for _, c := range s.caseOrder {
		fmt.Fprintf(&b, "%+v\n", c.Case)
		for _, m := range c.messages {
			fmt.Fprintf(&b, "%+v\n", m)
		}
	}
	for _, f := range s.faults {
		fmt.Fprintf(&b, "%+v\n", f.Fault)
	}
	return b.String()
}

func TestControlRefuses(t *testing.T) {
	long := strings.Repeat("x", maxContent+1)
	for _, c := range []struct {
		name, method, path, body, want string
		change                         func(*http.Request)
	}{
		{"unknown endpoint", "GET", controlPrefix + "other", "", "404 unknown control endpoint /_simulator/other", nil},
		{"no endpoint", "GET", controlPrefix, "", "404 unknown control endpoint /_simulator/", nil},
		{"counts by POST", "POST", CountsPath, "{}", "405 /_simulator/requests accepts only GET", nil},
		{"status by GET", "GET", StatusPath, "", "405 /_simulator/status accepts only PUT", nil},
		{"faults by DELETE", "DELETE", FaultsPath, "", "405 /_simulator/faults accepts only PUT", nil},
		{"preflight", "OPTIONS", FaultsPath, "", "405 /_simulator/faults accepts only PUT", nil},
		{"media type of a form", "PUT", StatusPath, `{"id":"new"}`, "415 Content-Type must be application/json", header("Content-Type", "text/plain")},
		{"no media type", "PUT", StatusPath, `{"id":"new"}`, "415 Content-Type must be application/json", header("Content-Type")},
		{"no body", "PUT", StatusPath, "", "400 invalid body: EOF", header("Content-Type", "application/json")},
		{"two values", "PUT", StatusPath, `{"id":"new"}{}`, "400 the body has more than one JSON value", nil},
		{"too large", "PUT", StatusPath, `{"id":"new"` + strings.Repeat(" ", maxControl) + "}", "400 invalid body: unexpected EOF", nil},
		{"unknown member", "PUT", StatusPath, `{"id":"new","other":"x"}`, `400 invalid body: json: unknown field "other"`, nil},

		{"status missing", "PUT", StatusPath, `{"id":"case-123"}`, "400 status is required", nil},
		{"status unknown", "PUT", StatusPath, `{"id":"case-123","status":6}`, "400 unknown status 6", nil},
		{"status of no ticket", "PUT", StatusPath, `{"id":"x","status":3}`, `404 unknown ticket "x"`, nil},

		{"reply without text", "POST", RepliesPath, `{"id":"case-123"}`, "400 the text must have 1 to 10000 characters", nil},
		{"reply too long", "POST", RepliesPath, `{"id":"case-123","content":"` + long + `"}`, "400 the text must have 1 to 10000 characters", nil},
		{"reply to no ticket", "POST", RepliesPath, `{"id":"x","content":"x"}`, `404 unknown ticket "x"`, nil},

		{"faults missing", "PUT", FaultsPath, `{}`, "400 faults is required", nil},
		{"faults null", "PUT", FaultsPath, `{"faults":null}`, "400 faults is required", nil},
		{"ID token without audience", "POST", IDTokensPath, `{"seconds":1}`, "400 audience and seconds are required", nil},
		{"ID token without life", "POST", IDTokensPath, `{"audience":"x"}`, "400 audience and seconds are required", nil},
		{"second fault wrong", "PUT", FaultsPath, `{"faults":["503","other"]}`, `400 fault "other": unknown kind "other"`, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := service(Options{Faults: []Fault{{Kind: "429", Ordinals: []int{7}}}})
			before := stateOf(s)
			change := c.change
			if change == nil {
				change = func(*http.Request) {}
			}
			r := controlRequest(t, s, c.method, c.path, c.body, change)
			var v map[string]string
			if err := json.Unmarshal(r.Body.Bytes(), &v); err != nil {
				t.Fatal(err)
			}
			if got := fmt.Sprint(r.Code, " ", v["error"]); got != c.want || len(v) != 1 {
				t.Errorf("got %s, want %s", got, c.want)
			}
			if after := stateOf(s); after != before {
				t.Errorf("changed\n%s\nto\n%s", before, after)
			}
			if n := len(s.Requests()); n != 0 {
				t.Errorf("%d requests recorded", n)
			}
		})
	}
}

// No fault strikes a control request, and none is recorded.
func TestControl(t *testing.T) {
	now := epoch
	s := service(Options{Clock: func() time.Time { return now }, Faults: []Fault{
		{Kind: "cut", Operation: OpUnknown}, {Kind: "500"},
	}})
	do := func(method, path, body string) {
		t.Helper()
		if r := controlRequest(t, s, method, path, body); r.Code != 200 || bodyOf(r) != "{}" {
			t.Fatalf("%s %s %s: %d %s", method, path, body, r.Code, bodyOf(r))
		}
	}
	detail := func(id string) map[string]any {
		t.Helper()
		return read(t, s, "cases/"+id+"?group_id=g")["incident_detail_info"].(map[string]any)
	}

	s.AddCase(Case{ID: "new", GroupID: "g"})
	now = epoch.Add(time.Hour)
	do("PUT", StatusPath, `{"id":"new","status":3}`)
	resolved := float64(now.UnixMilli())
	if d := detail("new"); d["status"] != 3.0 || d["resolve_time"] != resolved {
		t.Errorf("completed: %v", d)
	}
	now = epoch.Add(2 * time.Hour)
	do("PUT", StatusPath, `{"id":"new","status":3}`)
	if d := detail("new"); d["resolve_time"] != resolved {
		t.Errorf("completed again: %v", d)
	}
	do("POST", RepliesPath, `{"id":"new","content":"Done"}`)
	if m := s.Messages("new"); len(m) != 1 || m[0].Content != "Done" || m[0].Type != 1 || m[0].ReplierType != 1 || !m[0].CreateTime.Equal(now) {
		t.Errorf("reply: %+v", m)
	}
	do("PUT", StatusPath, `{"id":"new","status":0}`)
	if d := detail("new"); d["status"] != 0.0 || d["resolve_time"] != nil {
		t.Errorf("reopened: %v", d)
	}

	do("PUT", FaultsPath, `{"faults":["503@1","403@2"]}`)
	for _, want := range []string{"503 APIGW.0613", "403 OSM.0003", accepted} {
		if got := verdict(t, ask(t, s, "POST", submitPath, post)); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	do("PUT", FaultsPath, `{"faults":["503"]}`)
	do("PUT", FaultsPath, `{"faults":[]}`)
	if got := verdict(t, ask(t, s, "POST", submitPath, post)); got != accepted {
		t.Errorf("with no faults: %s", got)
	}
	if n := s.Count(OpSubmit); n != 4 || s.Count(OpUnknown) != 0 {
		t.Errorf("counted %d submits, %d unknown", n, s.Count(OpUnknown))
	}
}
