package simulator

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
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
	want := map[string]string{
		"lost-answer":            "cut",
		"cut":                    "cut",
		"500-committed":          `500 {"error_code":"OSM.0004","error_msg":"Internal error"}`,
		"502-committed":          `502 {"error_code":"APIGW.0201","error_msg":"Backend unavailable"}`,
		"504-committed":          `504 {"error_code":"APIGW.0201","error_msg":"Backend timeout"}`,
		"500":                    `500 {"error_code":"OSM.0004","error_msg":"Internal error"}`,
		"502":                    `502 {"error_code":"APIGW.0201","error_msg":"Backend unavailable"}`,
		"504":                    `504 {"error_code":"APIGW.0201","error_msg":"Backend timeout"}`,
		"503":                    `503 {"error_code":"APIGW.0613","error_msg":"Service unavailable"}`,
		"429":                    `429 {"error_code":"APIGW.0308","error_msg":"Request throttled"}`,
		"failed-committed":       `200 {"error_code":"OSM.01010014","error_msg":"Operation failed"}`,
		"failed":                 `200 {"error_code":"OSM.01010014","error_msg":"Operation failed"}`,
		"slow-committed":         "200 ",
		"slow":                   `504 {"error_code":"APIGW.0201","error_msg":"Backend timeout"}`,
		"truncated-committed":    `200 {"error_code":"`,
		"truncated":              `200 {"error_code":"`,
		"html":                   "200 <!DOCTYPE html>",
		"html-committed":         "200 <!DOCTYPE html>",
		"huge-committed":         `200 {"error_code":"","error_msg":"xxx`,
		"redirect":               "307 ",
		"401":                    `401 {"error_code":"OSM.0002","error_msg":"Authentication failed"}`,
		"403":                    `403 {"error_code":"OSM.0003","error_msg":"Forbidden"}`,
		"408":                    "408 ",
		"408-committed":          "408 ",
		"425":                    "425 ",
		"499":                    "499 ",
		"499-committed":          "499 ",
		"unlisted":               `200 {"error_code":"OSM.01019999","error_msg":"Unlisted error"}`,
		"unlisted-committed":     `200 {"error_code":"OSM.01019999","error_msg":"Unlisted error"}`,
		"internal-200":           `200 {"error_code":"OSM.0004","error_msg":"Internal error"}`,
		"internal-200-committed": `200 {"error_code":"OSM.0004","error_msg":"Internal error"}`,
		"unbounded":              "cut", // a recorder has no connection to take over; see TestHijacked
		"unbounded-committed":    "cut",
		"101":                    "cut",
		"cut-late":               "cut",
		"504-late":               `504 {"error_code":"APIGW.0201","error_msg":"Backend timeout"}`,
		"503-late":               `503 {"error_code":"APIGW.0613","error_msg":"Service unavailable"}`,
		"list-denied":            `403 {"error_code":"OSM.0003","error_msg":"Forbidden"}`,
	}
	for _, k := range faultKinds {
		if k.strike == nil {
			continue
		}
		t.Run(k.Name, func(t *testing.T) {
			s := service(Options{Faults: []Fault{{Kind: k.Name, Ordinals: []int{2}, Delay: time.Nanosecond, RetryAfter: "7", Location: "http://elsewhere/"}}})
			method, target, body := "POST", submitPath, post
			if k.Operation == OpList {
				method, target, body = "GET", "/v2/servicerequest/cases/case-123/messages", ""
			}
			ask(t, s, method, target, body)
			r, cut := cutting(t, s, method, target, body)
			got, status := "cut", 0
			if !cut {
				b := r.Body.Next(200)
				got, status = fmt.Sprintf("%d %s", r.Code, b), r.Code
				if retry := r.Header().Get("Retry-After"); (status == 429 || status == 503) && retry != "7" {
					t.Errorf("Retry-After %q", retry)
				}
				if location := r.Header().Get("Location"); (location == "http://elsewhere/") != (status == 307) {
					t.Errorf("Location %q", location)
				}
			}
			if w := want[k.Name]; !strings.HasPrefix(got, w) || w == "" || strings.HasSuffix(w, " ") && got != w {
				t.Errorf("got %s, want %s", got, want[k.Name])
			}
			last := s.Requests()[1]
			if last.Committed != k.Committed || last.Fault != k.Name || last.Status != status || s.Requests()[0].Fault != "" {
				t.Errorf("recorded %+v", last)
			}
			if n := len(s.Messages("case-123")); k.Operation == OpSubmit && (n == 2) != k.Committed {
				t.Errorf("%d messages", n)
			}
		})
	}
}

// A wrong request is refused, whatever fault waits for it.
func TestRefusalBeforeFault(t *testing.T) {
	for _, k := range faultKinds {
		if k.Operation != OpSubmit {
			continue
		}
		s := service(Options{Faults: []Fault{{Kind: k.Name}}})
		if got := verdict(t, ask(t, s, "POST", submitPath, `{}`)); got != bad {
			t.Errorf("%s, malformed: %s", k.Name, got)
		}
		if got := verdict(t, ask(t, s, "POST", submitPath, post, header("X-Auth-Token"))); got != "401 APIGW.0301" {
			t.Errorf("%s, no token: %s", k.Name, got)
		}
		other := strings.Replace(submitPath, "case-123", "case-124", 1)
		if k.carriesOut(OpSubmit) { // what cannot be done is refused; before it is tried, the fault strikes
			if got := verdict(t, ask(t, s, "POST", other, post)); got != unknownID {
				t.Errorf("%s, no such case: %s", k.Name, got)
			}
		}
		for _, r := range s.Requests() {
			if r.Fault != "" || r.Committed {
				t.Errorf("recorded %+v", r)
			}
		}
		s.CommitPending()
		if n := len(s.Messages("case-123")); n != 0 {
			t.Errorf("%s: %d messages", k.Name, n)
		}
	}
}

func TestBrokenTransfer(t *testing.T) {
	s, err := Start("", Options{Tokens: []string{"t"}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close() //nolint:errcheck // nothing left to lose
	s.AddCase(Case{ID: "case-123"})
	send := func(ctx context.Context) (int64, error) {
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL()+submitPath, strings.NewReader(post))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("X-Auth-Token", "t")
		r.Header.Set("Content-Type", "application/json")
		resp, err := client.Do(r)
		if err != nil {
			return 0, err
		}
		defer resp.Body.Close() //nolint:errcheck // read to its end
		return io.Copy(io.Discard, resp.Body)
	}
	for kind, want := range map[string]error{"truncated": io.ErrUnexpectedEOF, "lost-answer": io.EOF, "huge-committed": nil} {
		s.SetFaults(Fault{Kind: kind})
		n, err := send(t.Context())
		if !errors.Is(err, want) || (err == nil) != (n >= 100<<20) {
			t.Errorf("%s: %d bytes, %v", kind, n, err)
		}
	}
	s.SetFaults(Fault{Kind: kindNoDate})
	resp, err := client.Get(s.URL() + "/")
	if err != nil {
		t.Fatal(err)
	}
	if date := resp.Header.Values("Date"); len(date) > 0 {
		t.Errorf("no-date: %q", date)
	}
	if err := resp.Body.Close(); err != nil {
		t.Error(err)
	}
	s.SetFaults(Fault{Kind: "slow"})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := send(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("slow: %v", err)
	}
	if err := s.Shutdown(t.Context()); err != nil { // waits for the handler that hung
		t.Error(err)
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

func TestOtherOperations(t *testing.T) {
	s := service(Options{Faults: []Fault{{Kind: "500", Operation: OpDetail}, {Kind: "list-denied", Operation: OpStatus}, {Kind: "cut", Operation: OpCases}}})
	for path, want := range map[string]int{"cases/case-123": 500, "cases/case-123/status": 403, "cases/case-123/messages": 200, "cases": 0} {
		r, cut := cutting(t, s, "GET", "/v2/servicerequest/"+path, "")
		if cut != (want == 0) || !cut && r.Code != want {
			t.Errorf("%s: want %d", path, want)
		}
	}
}

func TestListConditions(t *testing.T) {
	content := "<b>a & b</b>" + strings.Repeat("ü", 500)
	for _, c := range []struct {
		fault         Fault
		query         string
		content, time string
	}{
		{Fault{Kind: kindLatency, Delay: 1}, "?trim_osm_rich_text_label=false", content, "2026-01-02T03:04:05Z"},
		{Fault{Kind: kindStrips}, "?trim_osm_rich_text_label=false", "a & b" + content[len("<b>a & b</b>"):], "2026-01-02T03:04:05Z"},
		{Fault{Kind: kindEscapes}, "", "a &amp; b" + content[len("<b>a & b</b>"):], "2026-01-02T03:04:05Z"},
		{Fault{Kind: kindTruncates}, "", "a & b" + strings.Repeat("ü", 395), "2026-01-02T03:04:05Z"},
		{Fault{Kind: kindNoTimes}, "?trim_osm_rich_text_label=false", content, "just now"},
		{Fault{Kind: kindZoneless}, "?trim_osm_rich_text_label=false", content, "2026-01-02 11:04:05"},
	} {
		s := service(Options{Faults: []Fault{c.fault}})
		s.AddMessage("case-123", Message{Content: content})
		m := read(t, s, "cases/case-123/messages"+c.query)["message_list"].([]any)[0].(map[string]any)
		if m["content"] != c.content || m["create_time"] != c.time {
			t.Errorf("%s: got %v", c.fault.Kind, m)
		}
		if f := s.Requests()[0].Fault; f != c.fault.Kind {
			t.Errorf("recorded %q", f)
		}
	}
}

func TestZones(t *testing.T) {
	s := service(Options{Faults: []Fault{{Kind: kindZoneless}}})
	s.AddMessage("case-123", Message{Content: "x"})
	for zone, want := range map[string]string{
		"GMT+8": "2026-01-02 11:04:05", "GMT-3": "2026-01-02 00:04:05", "GMT+05:30": "2026-01-02 08:34:05",
		"GMT": "2026-01-02 03:04:05", "UTC": "2026-01-02 03:04:05", "nowhere": "2026-01-02 11:04:05",
	} {
		m := read(t, s, "cases/case-123/messages", header("X-Time-Zone", zone))["message_list"].([]any)[0].(map[string]any)
		if m["create_time"] != want {
			t.Errorf("%s: got %v, want %s", zone, m["create_time"], want)
		}
	}
}

func TestLateList(t *testing.T) {
	now := epoch
	s := service(Options{Clock: func() time.Time { return now }, Faults: []Fault{{Kind: kindLateList}}})
	ask(t, s, "POST", submitPath, post)
	for _, c := range []struct {
		after time.Duration
		want  float64
	}{{0, 0}, {3*time.Second - 1, 0}, {3 * time.Second, 1}} {
		now = epoch.Add(c.after)
		if got := read(t, s, "cases/case-123/messages")["count"]; got != c.want {
			t.Errorf("after %v: %v", c.after, got)
		}
		detail := read(t, s, "cases/case-123")["incident_detail_info"].(map[string]any)
		if got := len(detail["message_list"].([]any)); got != int(c.want) {
			t.Errorf("detail, after %v: %v", c.after, got)
		}
	}
}

func TestServiceConditions(t *testing.T) {
	s := service(Options{Faults: []Fault{{Kind: kindSkew}}})
	r := ask(t, s, "POST", submitPath, post)
	if got := r.Header().Get("Date"); got != "Fri, 02 Jan 2026 03:14:05 GMT" {
		t.Errorf("Date %s", got)
	}
	if got := s.Messages("case-123")[0].CreateTime; !got.Equal(epoch.Add(10 * time.Minute)) {
		t.Errorf("create_time %s", got)
	}
	s.SetFaults(Fault{Kind: kindNoDate, Ordinals: []int{2}})
	for i, want := range []string{"Fri, 02 Jan 2026 03:04:05 GMT", ""} {
		if got := ask(t, s, "POST", submitPath, post).Header().Get("Date"); got != want {
			t.Errorf("%d: Date %q", i, got)
		}
	}
}

func TestDelays(t *testing.T) {
	for _, c := range []struct {
		fault Fault
		want  time.Duration
	}{
		{Fault{Kind: "latency"}, 100 * time.Millisecond},
		{Fault{Kind: "latency", Delay: time.Second}, time.Second},
		{Fault{Kind: "slow", Delay: time.Minute}, time.Minute},
		{Fault{Kind: "slow-committed", Delay: time.Minute}, time.Minute},
		{Fault{Kind: "slow"}, time.Hour},
		{Fault{Kind: "slow-committed"}, time.Hour},
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
		"lost-answer":                {Kind: "lost-answer"},
		"lost-answer@1,3":            {Kind: "lost-answer", Ordinals: []int{1, 3}},
		"503%0.3":                    {Kind: "503", Rate: 0.3},
		"429@1?retry_after=2":        {Kind: "429", Ordinals: []int{1}, RetryAfter: "2"},
		"late-list?delay=3s":         {Kind: "late-list", Delay: 3 * time.Second},
		"500?op=list&times=2":        {Kind: "500", Operation: OpList, Times: 2},
		"clock-skew?skew=-5m":        {Kind: "clock-skew", Skew: -5 * time.Minute},
		"redirect?location=http://x": {Kind: "redirect", Location: "http://x"},
		"latency?op=unknown":         {Kind: "latency", Operation: OpUnknown},
	} {
		if got, err := ParseFault(text); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
	}
	for _, text := range []string{
		"", "other", "@1", "503@", "503@0", "503@1,x", "503%", "503%0", "503%1.1", "503%-1", "503%NaN", "503@1%0.5", "503%0.5@1",
		"503?x=1", "503?times=-1", "503?times=x", "503?times=1&times=2", "503?op=other", "slow?delay=-1s", "slow?delay=3", "503?%zz",
	} {
		if f, err := ParseFault(text); err == nil {
			t.Errorf("%q was accepted: %+v", text, f)
		}
	}
}

func TestFaultKinds(t *testing.T) {
	names := map[string]bool{}
	for _, k := range FaultKinds() {
		if names[k.Name] || k.Doc == "" {
			t.Errorf("%+v", k)
		}
		names[k.Name] = true
	}
	defer func() {
		if recover() == nil {
			t.Error("an unknown kind was accepted")
		}
	}()
	New(Options{Faults: []Fault{{Kind: "other"}}})
}
