package simulator

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

const post = `{"message":{"content":"x"}}`

// cutting is ask, but reports a cut connection.
func cutting(t *testing.T, s *Simulator, method, target, body string, change ...func(*http.Request)) (r *httptest.ResponseRecorder, cut bool) {
	t.Helper()
	defer func() {
		if p := recover(); p != nil {
			if err, _ := p.(error); !errors.Is(err, http.ErrAbortHandler) {
				panic(p)
			}
			cut = true
		}
	}()
	return ask(t, s, method, target, body, change...), false
}

// What a client sees, and what the ticket has, for each kind that answers.
func TestAnsweringFaults(t *testing.T) {
	const list = "GET /v2/servicerequest/cases/case-123/messages"
	for _, c := range []struct {
		fault  string
		want   string // if it ends in a blank, this is all
		stored bool
	}{
		{"answer@2?status=418", "418 ", false},
		{"answer@2?status=502&stored=true", "502 ", true},
		{"answer@2?status=502&code=APIGW.0201&stored=true", `502 {"error_code":"APIGW.0201","error_msg":"Simulated fault"}`, true},
		{"answer@2?status=200&code=OSM.01010014", `200 {"error_code":"OSM.01010014","error_msg":"Simulated fault"}`, false},
		{"400@2", `400 {"error_code":"OSM.0001",`, false},
		{"401@2", `401 {"error_code":"OSM.0002",`, false},
		{"401@2?code=APIGW.0307", `401 {"error_code":"APIGW.0307",`, false},
		{"403@2", `403 {"error_code":"OSM.0003",`, false},
		{"408@2?stored=true", "408 ", true},
		{"429@2?retry_after=7", `429 {"error_code":"APIGW.0308",`, false},
		{"500@2", `500 {"error_code":"OSM.0004",`, false},
		{"502@2", `502 {"error_code":"APIGW.0201",`, false},
		{"503@2?retry_after=7", `503 {"error_code":"APIGW.0613",`, false},
		{"504@2?stored=true", `504 {"error_code":"APIGW.0201",`, true},
		{"307@2?location=http://elsewhere/", "307 ", false},
		{"403@2?op=list", `403 {"error_code":"OSM.0003",`, false},
		{"lost-answer@2", "cut", true},
		{"cut@2", "cut", false},
		{"cut@2?stored=true", "cut", true},
		{"slow@2?delay=1ns", `504 {"error_code":"APIGW.0201",`, false},
		{"slow@2?delay=1ns&stored=true", "200 ", true},
		{"truncated@2", `200 {"error_code":"`, false},
		{"html@2?stored=true", "200 <!DOCTYPE html>", true},
	} {
		t.Run(c.fault, func(t *testing.T) {
			s := service(Options{Faults: faults(t, c.fault)})
			method, target, body := "POST", submitPath, post
			if strings.Contains(c.fault, "op=list") {
				method, target, body = "GET", strings.TrimPrefix(list, "GET "), ""
			}
			ask(t, s, method, target, body)
			r, cut := cutting(t, s, method, target, body)
			got, status := "cut", 0
			if !cut {
				got, status = fmt.Sprintf("%d %s", r.Code, r.Body.Next(200)), r.Code
				if retry := r.Header()["Retry-After"]; slices.Contains(retry, "7") != strings.Contains(c.fault, "retry_after=7") || slices.Contains(retry, "") {
					t.Errorf("Retry-After %q", retry)
				}
				if location := r.Header()["Location"]; slices.Contains(location, "http://elsewhere/") != (status == 307) || slices.Contains(location, "") {
					t.Errorf("Location %q", location)
				}
			}
			if !strings.HasPrefix(got, c.want) || strings.HasSuffix(c.want, " ") && got != c.want {
				t.Errorf("the answer is %#q, want one that begins with %#q", got, c.want)
			}
			kind, _, _ := strings.Cut(c.fault, "@")
			last := s.Requests()[1]
			if last.Committed != c.stored || last.Fault != kind || last.Status != status || s.Requests()[0].Fault != "" {
				t.Errorf("recorded %+v", last)
			}
			if n := len(s.Messages("case-123")); method == "POST" && (n == 2) != c.stored {
				t.Errorf("%d messages", n)
			}
		})
	}
}

// A wrong request is refused, whatever fault waits for it. What is right, but cannot
// be done, is refused only by a fault that would do it.
func TestRefusalBeforeFault(t *testing.T) {
	other := strings.Replace(submitPath, "case-123", "case-124", 1)
	for text, want := range map[string]string{"503": "503 APIGW.0613", "503?stored=true": unknownID} {
		s := service(Options{Faults: faults(t, text)})
		check(t, text+", malformed", verdict(t, ask(t, s, "POST", submitPath, `{}`)), bad)
		check(t, text+", no token", submitting(t, s, anonymous), "401 APIGW.0301")
		check(t, text+", no such case", verdict(t, ask(t, s, "POST", other, post)), want)
		for i, r := range s.Requests() {
			if (r.Fault != "") != (i == 2 && want != unknownID) || r.Committed {
				t.Errorf("%s: recorded %+v", text, r)
			}
		}
	}
}

func TestWhichRequests(t *testing.T) {
	run := func(s *Simulator, n int) (out string) {
		for range n {
			r := ask(t, s, "POST", submitPath, post)
			out += map[bool]string{true: ".", false: "x"}[r.Code == http.StatusOK]
		}
		return out
	}
	for _, c := range []struct {
		fault Fault
		want  string
	}{
		{Fault{Kind: "503"}, "xxxxxx"},
		{Fault{Kind: "503", Times: 2}, "xx...."},
		{Fault{Kind: "503", Ordinals: []int{2, 5}}, ".x..x."},
		{Fault{Kind: "503", Ordinals: []int{2, 3, 5}, Times: 2}, ".xx..."},
		{Fault{Kind: "503", Rate: 1, Times: 1}, "x....."},
		{Fault{Kind: "503", Operation: OpList}, "......"},
	} {
		if got := run(service(Options{Faults: []Fault{c.fault}}), 6); got != c.want {
			t.Errorf("%+v: got %s, want %s", c.fault, got, c.want)
		}
	}

	rate := func(seed uint64) string {
		return run(service(Options{Seed: seed, Faults: []Fault{{Kind: "503", Rate: 0.3}}}), 1000)
	}
	one := rate(1)
	if n := strings.Count(one, "x"); n < 250 || n > 350 || one != rate(1) || one == rate(2) {
		t.Errorf("rate 0.3 struck %d of 1000, or not by the seed", n)
	}

	s := service(Options{Faults: []Fault{{Kind: "503", Ordinals: []int{1}}, {Kind: "500", Times: 1}}})
	if got := run(s, 3); got != "xx." || s.Requests()[0].Fault != "503" || s.Requests()[1].Fault != "500" {
		t.Errorf("the first fault must answer, and the second wait: %s", got)
	}
}

func TestClockSkew(t *testing.T) {
	s := service(Options{Faults: []Fault{{Kind: kindSkew}}})
	r := ask(t, s, "POST", submitPath, post)
	check(t, "Date", r.Header().Get("Date"), "Fri, 02 Jan 2026 03:14:05 GMT")
	if got := s.Messages("case-123")[0].CreateTime; !got.Equal(epoch.Add(10 * time.Minute)) {
		t.Errorf("create_time %s", got)
	}
}

func TestDelays(t *testing.T) {
	for _, c := range []struct {
		fault Fault
		want  time.Duration
	}{
		{Fault{Kind: "slow", Delay: time.Minute}, time.Minute},
		{Fault{Kind: "slow", Delay: time.Minute, Stored: true}, time.Minute},
		{Fault{Kind: "slow"}, time.Hour},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := service(Options{Faults: []Fault{c.fault}})
			ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
			defer cancel()
			before := time.Now()
			_, cut := cutting(t, s, "POST", submitPath, post, func(r *http.Request) { *r = *r.WithContext(ctx) })
			if d := time.Since(before); d != c.want || cut != (c.want == time.Hour) {
				t.Errorf("%+v: %v, cut: %v", c.fault, d, cut)
			}
		})
	}
}

func TestParseFault(t *testing.T) {
	for text, want := range map[string]Fault{
		"lost-answer":                         {Kind: "lost-answer"},
		"lost-answer@1,3":                     {Kind: "lost-answer", Ordinals: []int{1, 3}},
		"503%0.3":                             {Kind: "503", Rate: 0.3},
		"429@1?retry_after=2":                 {Kind: "429", Ordinals: []int{1}, RetryAfter: "2"},
		"500?op=list&times=2":                 {Kind: "500", Operation: OpList, Times: 2},
		"clock-skew?skew=-5m":                 {Kind: "clock-skew", Skew: -5 * time.Minute},
		"cut?op=assume-with-oidc":             {Kind: "cut", Operation: OpAssumeWithOIDC},
		"answer?status=307&location=http://x": {Kind: "answer", Status: 307, Location: "http://x"},
		"200%1?code=OSM.01010014&stored=true": {Kind: "200", Rate: 1, Code: "OSM.01010014", Stored: true},
	} {
		if got, err := ParseFault(text); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
	}
	for _, text := range []string{
		"", "other", "@1", "503@", "503@0", "503@1,x", "503%", "503%0", "503%1.1", "503%-1", "503%NaN", "503@1%0.5", "503%0.5@1",
		"503?x=1", "503?times=-1", "503?times=x", "503?times=1&times=2", "503?op=other", "slow?delay=-1s", "slow?delay=3", "503?%zz",
		"answer", "answer?status=199", "199", "600", "-200", "503?status=503", "503?stored", "503?late=1s",
		"503?delay=1s", "cut?status=503", "lost-answer?stored=true", "clock-skew?delay=1s", "503?code=" + strings.Repeat("x", 33),
	} {
		if f, err := ParseFault(text); err == nil {
			t.Errorf("%q was accepted: %+v", text, f)
		}
	}
}

func TestUnknownKind(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("an unknown kind was accepted")
		}
	}()
	New(Options{Faults: []Fault{{Kind: "other"}}})
}
