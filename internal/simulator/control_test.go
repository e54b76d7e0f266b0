package simulator

import (
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestControlRefuses(t *testing.T) {
	long := strings.Repeat("x", maxContent+1)
	for _, c := range []struct {
		name, method, path, body, want string
		change                         func(*http.Request)
	}{
		{"no media type", "PUT", StatusPath, `{"id":"case-123","status":3}`, "400 Invalid Content-Type", header("Content-Type")},
		{"thread of no ticket", "GET", ThreadPath + "?id=x", "", `404 unknown ticket "x"`, nil},

		{"status missing", "PUT", StatusPath, `{"id":"case-123"}`, "400 Invalid status", nil},
		{"status unknown", "PUT", StatusPath, `{"id":"case-123","status":6}`, "400 unknown status 6", nil},
		{"status a fraction", "PUT", StatusPath, `{"id":"case-123","status":3.5}`, "400 Invalid status", nil},

		{"reply without text", "POST", RepliesPath, `{"id":"case-123","content":""}`, "400 the text must have 1 to 10000 characters", nil},
		{"reply too long", "POST", RepliesPath, `{"id":"case-123","content":"` + long + `"}`, "400 the text must have 1 to 10000 characters", nil},

		{"faults missing", "PUT", FaultsPath, `{}`, "400 Invalid faults", nil},
		{"fault a number", "PUT", FaultsPath, `{"faults":["503",1]}`, "400 Invalid faults", nil},
		{"ID token without audience", "POST", IDTokensPath, `{"audience":"","seconds":1}`, "400 audience and seconds are required", nil},
		{"ID token without life", "POST", IDTokensPath, `{"audience":"x","seconds":0}`, "400 audience and seconds are required", nil},
		{"second fault wrong", "PUT", FaultsPath, `{"faults":["503","other"]}`, `400 fault "other": unknown kind "other"`, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			opts := Options{Faults: []Fault{{Kind: "429", Ordinals: []int{7}}}}
			s := service(opts)
			r := ask(t, s, c.method, c.path, c.body, anonymous, c.change)
			check(t, "refusal", fmt.Sprint(r.Code, " ", bodyOf(r)), c.want)
			check(t, "headers", fmt.Sprint(r.Header()["Server"], r.Header()["Content-Type"]), "[ticketsim] [text/plain]")
			if !reflect.DeepEqual(s.cases, service(opts).cases) || !reflect.DeepEqual(s.opts.Faults, opts.Faults) {
				t.Errorf("changed to %+v with %+v", s.cases["case-123"], s.opts.Faults)
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
		if r := ask(t, s, method, path, body, anonymous); r.Code != 200 || bodyOf(r) != "" {
			t.Fatalf("%s %s %s: %d %s", method, path, body, r.Code, bodyOf(r))
		}
	}
	s.AddCase(Case{ID: "new", GroupID: "g"})
	now = epoch.Add(time.Hour)
	do("PUT", StatusPath, `{"id":"new","status":3}`)
	resolved := float64(now.UnixMilli())
	if d := detail(t, s, "new?group_id=g"); d["status"] != 3.0 || d["resolve_time"] != resolved {
		t.Errorf("completed: %v", d)
	}
	now = epoch.Add(2 * time.Hour)
	do("PUT", StatusPath, `{"id":"new","status":3}`)
	if d := detail(t, s, "new?group_id=g"); d["resolve_time"] != resolved {
		t.Errorf("completed again: %v", d)
	}
	do("POST", RepliesPath, `{"id":"new","content":"Done"}`)
	if m := s.Messages("new"); len(m) != 1 || m[0].Content != "Done" || m[0].Type != 1 || m[0].ReplierType != 1 || !m[0].CreateTime.Equal(now) {
		t.Errorf("reply: %+v", m)
	}
	do("PUT", StatusPath, `{"id":"new","status":0}`)
	if d := detail(t, s, "new?group_id=g"); d["status"] != 0.0 || d["resolve_time"] != nil {
		t.Errorf("reopened: %v", d)
	}

	do("PUT", FaultsPath, `{"faults":["503@1","403"]}`)
	check(t, "first fault", submitting(t, s), "503 APIGW.0613")
	check(t, "second fault", submitting(t, s), "403 OSM.0003")
	do("PUT", FaultsPath, `{"faults":[]}`)
	check(t, "with no faults", submitting(t, s), accepted)
	if n := s.Count(OpSubmit); n != 3 || s.Count(OpUnknown) != 0 {
		t.Errorf("counted %d submits, %d unknown", n, s.Count(OpUnknown))
	}
}
