package servicerequest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/simulator"
)

// faults reads faults as flags have them.
func faults(t testing.TB, texts ...string) []simulator.Fault {
	t.Helper()
	var list []simulator.Fault
	for _, text := range texts {
		f, err := simulator.ParseFault(text)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, f)
	}
	return list
}

func TestSubmitIsOneRequestAfterTheBaseline(t *testing.T) {
	t.Parallel()
	for _, jsonAnswers := range []bool{false, true} {
		s := newService(t, simulator.Options{JSONAnswers: jsonAnswers})
		var events []Event
		got, err := s.client(t).Submit(t.Context(), Submission{
			CaseID: testCase, Content: "a < b & \"c\"\n", AccessoryIDs: []string{"one", "two"}, GroupID: "group",
			Notify: func(e Event) { events = append(events, e) },
		})
		if err != nil {
			t.Fatal(err)
		}
		s.want(t, 1, 1, 1)
		post := s.Requests()[1]
		want := Receipt{ConfirmedBy: ByResponse, SubmittedAt: s.clock.Now().Truncate(time.Second), RequestID: post.RequestID}
		if got != want {
			t.Errorf("%+v, want %+v", got, want)
		}
		if want := []Event{{Step: StepSubmitting, Attempt: 1}, {Step: StepConfirmed, Attempt: 1}}; !reflect.DeepEqual(events, want) {
			t.Errorf("%+v", events)
		}
		if body := string(post.Body); body != `{"group_id":"group","message":{"content":"a < b & \"c\"\n","accessory_ids":["one","two"]}}` {
			t.Error(body)
		}
	}
}

// Nil attachments are not sent, an empty list is.
func TestSubmitBody(t *testing.T) {
	t.Parallel()
	for want, ids := range map[string][]string{
		`{"message":{"content":"x"}}`:                    nil,
		`{"message":{"content":"x","accessory_ids":[]}}`: {},
	} {
		s := Submission{Content: "x", AccessoryIDs: ids, IdempotencyKey: "never sent"}
		if got, err := s.body(); err != nil || string(got) != want {
			t.Errorf("%s %v, want %s", got, err, want)
		}
	}
}

// No request has a header with which Go's transport would repeat it, or asks for a
// compressed answer.
func TestSubmitHeaders(t *testing.T) {
	t.Parallel()
	s := newService(t, simulator.Options{})
	c := s.client(t, func(c *Config) { c.Language, c.TimeZone, c.Site = "en-us", "GMT+1", "1" })
	if _, err := c.Submit(t.Context(), keyed("Hello [key 1]", "[key 1]")); err != nil {
		t.Fatal(err)
	}
	want := http.Header{
		"Content-Type": {"application/json"}, "Content-Length": {"39"}, "User-Agent": {"test"}, "X-Auth-Token": {testToken},
		"X-Language": {"en-us"}, "X-Time-Zone": {"GMT+1"}, "X-Site": {"1"},
	}
	if got := s.Requests()[1].Header; !reflect.DeepEqual(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// On the happy path a run lists each ticket once, however many messages it sends.
func TestRequestsOnTheHappyPath(t *testing.T) {
	t.Parallel()
	for _, withKeys := range []bool{false, true} {
		for _, n := range []int{1, 10, 100} {
			s := newService(t, simulator.Options{})
			c := s.client(t)
			each(n, 20, func(i int) {
				key := fmt.Sprintf("[run 7.%d]", i)
				submission := Submission{CaseID: testCase, Content: key + " " + testText(i, false)}
				if withKeys {
					submission.IdempotencyKey = key
				}
				r, err := c.Submit(t.Context(), submission)
				wantResult(t, r, err, gotReceipt)
			})
			s.want(t, n, n, 1)
		}
	}
}

// If reading is denied, a run tries to list the ticket only once.
func TestRequestsWhereReadingIsDenied(t *testing.T) {
	t.Parallel()
	s := newService(t, simulator.Options{Faults: faults(t, "list-denied", "lost-answer@3")})
	c := s.client(t)
	results := map[result]int{}
	var mu sync.Mutex
	each(20, 5, func(i int) {
		r, err := c.Submit(t.Context(), Submission{CaseID: testCase, Content: fmt.Sprint("Message ", i)})
		mu.Lock()
		defer mu.Unlock()
		results[resultOf(t, r, err)]++
	})
	if results[gotReceipt] != 19 || results[gotUnconfirmed] != 1 {
		t.Error(results)
	}
	s.want(t, 20, 20, 1)
}

// A failed baseline is tried again after a minute, and a baseline that is older than a
// minute is renewed, but neither within 6 seconds after an attempt.
func TestBaselineIsRenewed(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		fault string
		waits []time.Duration
		lists int
	}{
		"young":            {"", []time.Duration{50 * time.Second}, 1},
		"old":              {"", []time.Duration{61 * time.Second}, 2},
		"old, just used":   {"", []time.Duration{57 * time.Second, 5 * time.Second}, 1},
		"old, used before": {"", []time.Duration{55 * time.Second, 7 * time.Second}, 2},
		"failed":           {"500?op=list&times=4", []time.Duration{30 * time.Second}, 4},
		"failed long ago":  {"500?op=list&times=4", []time.Duration{61 * time.Second}, 5},
		"refused long ago": {"list-denied", []time.Duration{time.Hour}, 1},
	} {
		s := newService(t, simulator.Options{})
		if tc.fault != "" {
			s.SetFaults(faults(t, tc.fault)...)
		}
		c := s.client(t)
		c.jitter = func() float64 { return 0 }
		for i, wait := range append([]time.Duration{0}, tc.waits...) {
			s.clock.advance(wait)
			r, err := c.Submit(t.Context(), Submission{CaseID: testCase, Content: fmt.Sprint("Message ", i)})
			wantResult(t, r, err, gotReceipt)
		}
		if n := s.Count(simulator.OpList); n != tc.lists {
			t.Errorf("%s: %d lists, want %d", name, n, tc.lists)
		}
	}
}

func TestConfirmedByACheck(t *testing.T) {
	t.Parallel()
	s := newService(t, simulator.Options{Faults: faults(t, "lost-answer")})
	got, err := s.client(t).Submit(t.Context(), hello())
	if want := (Receipt{ConfirmedBy: ByCheck, SubmittedAt: s.clock.Now()}); err != nil || got != want {
		t.Errorf("%+v %v, want %+v", got, err, want)
	}
	s.want(t, 1, 1, 2)
}

// Only the last check can find the message absent, and it comes right before the next
// POST, whatever the wait was for.
func TestWhenTheTicketIsChecked(t *testing.T) {
	t.Parallel()
	second := time.Second
	for name, tc := range map[string]struct {
		faults []string
		checks []time.Duration // from the first POST
		want   result
	}{
		"cut":                       {[]string{"cut@1"}, []time.Duration{0, 2 * second, 6 * second}, gotWarning},
		"gateway's timeout":         {[]string{"504@1"}, []time.Duration{0, 2 * second, 6 * second, 14 * second, 30 * second}, gotWarning},
		"client closed request":     {[]string{"499@1"}, []time.Duration{0, 2 * second, 6 * second, 14 * second, 30 * second}, gotWarning},
		"request timeout":           {[]string{"408@1"}, []time.Duration{0, 2 * second, 6 * second, 14 * second, 30 * second}, gotWarning},
		"too early":                 {[]string{"425@1"}, []time.Duration{0, 2 * second, 6 * second}, gotWarning},
		"asked to wait":             {[]string{"503@1?retry_after=20"}, []time.Duration{0, 2 * second, 6 * second, 20 * second}, gotWarning},
		"asked to wait less":        {[]string{"503@1?retry_after=3"}, []time.Duration{0, 2 * second, 6 * second}, gotWarning},
		"throttled after it":        {[]string{"cut@1", "429@2?retry_after=60"}, []time.Duration{0, 2 * second, 6 * second, 66 * second}, gotWarning},
		"commits while it waits":    {[]string{"503-late@1?retry_after=60&delay=40s"}, []time.Duration{0, 2 * second, 6 * second, 60 * second}, gotReceipt},
		"commits while throttled":   {[]string{"cut-late@1?delay=30s", "429@2?retry_after=60"}, []time.Duration{0, 2 * second, 6 * second, 66 * second}, gotReceipt},
		"refused with another code": {[]string{"unlisted@1"}, []time.Duration{0, 2 * second, 6 * second}, gotNotSent},
		"accepted all the same":     {[]string{"unlisted-committed@1"}, []time.Duration{0}, gotReceipt},
		"internal error with a 200": {[]string{"internal-200@1"}, []time.Duration{0, 2 * second, 6 * second}, gotNotSent},
		"an answer without an end":  {[]string{"unbounded@1"}, []time.Duration{0, 2 * second, 6 * second}, gotWarning},
		"other protocol":            {[]string{"101@1"}, []time.Duration{0, 2 * second, 6 * second}, gotWarning},
		"shows at the last check":   {[]string{"lost-answer@1", "late-list?delay=6s"}, []time.Duration{0, 2 * second, 6 * second}, gotReceipt},
		"shows 30 s after a 504":    {[]string{"504-committed@1", "late-list?delay=30s"}, []time.Duration{0, 2 * second, 6 * second, 14 * second, 30 * second}, gotReceipt},
		"commits 20 s after a 504":  {[]string{"504-late@1?delay=20s"}, []time.Duration{0, 2 * second, 6 * second, 14 * second, 30 * second}, gotReceipt},
		"the last cannot be read":   {[]string{"lost-answer@1", "500@2,3,4,5,6,7,8,9,10,11,12,13?op=list"}, []time.Duration{0, 2 * second, 6 * second, 10 * second}, gotReceipt},
		"none can be read":          {[]string{"lost-answer@1", "500@2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25?op=list"}, []time.Duration{0, 2 * second, 6 * second, 10 * second, 14 * second, 18 * second}, gotUnconfirmed},
		"reading is refused":        {[]string{"cut@1", "403@2?op=list"}, []time.Duration{0}, gotUnconfirmed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newService(t, simulator.Options{Faults: faults(t, tc.faults...)})
			c := s.client(t)
			c.jitter = func() float64 { return 0 }
			var checks []time.Duration
			var began time.Time
			submission := hello()
			submission.Notify = func(e Event) {
				switch {
				case e.Step == StepSubmitting && e.Attempt == 1:
					began = s.clock.Now()
				case e.Step == StepChecking:
					checks = append(checks, s.clock.Now().Sub(began))
				}
			}
			r, err := c.Submit(t.Context(), submission)
			wantResult(t, r, err, tc.want)
			if !slices.Equal(checks, tc.checks) {
				t.Errorf("checked after %v, want %v", checks, tc.checks)
			}
			s.CommitPending()
			low, high := map[result]int{gotReceipt: 1, gotWarning: 1}[tc.want], map[result]int{gotReceipt: 1, gotWarning: 2, gotUnconfirmed: 1}[tc.want]
			if n := len(s.Messages(testCase)); n < low || n > high {
				t.Errorf("%d messages, want %d to %d", n, low, high)
			}
		})
	}
}

// After an unknown outcome every POST comes right after a check, even one that only
// follows a renewed token.
func TestCheckComesRightBeforeThePOST(t *testing.T) {
	t.Parallel()
	s := newService(t, simulator.Options{Users: []simulator.User{testUser}, Faults: faults(t, "cut@1", "401@2", "cut@3")})
	var steps []string
	submission := hello()
	submission.Notify = func(e Event) { steps = append(steps, string(e.Step)) }
	r, err := withPassword(t, s, testUser.Password).Submit(t.Context(), submission)
	wantResult(t, r, err, gotWarning)
	for i, step := range steps[1:] {
		if step == string(StepSubmitting) && steps[i] != string(StepChecking) {
			t.Errorf("a POST after %q: %q", steps[i], steps)
		}
	}
	if n := s.Count(simulator.OpSubmit); n != 4 {
		t.Errorf("%d submits", n)
	}
}

// Messages from before, from engineers and from this run are explained. Any other new
// message may be ours in another form.
func TestJudge(t *testing.T) {
	t.Parallel()
	const ours, other, alike = "Hello <b>you</b>", "Another text", "Hello you"
	engineers := func(content string) Message { return Message{Type: AuthorEngineer, Content: content} }
	texts := func(contents ...string) (list []Message) {
		for _, content := range contents {
			list = append(list, Message{Content: content})
		}
		return list
	}
	type counts struct{ possible, confirmed, doubtful int }
	for name, tc := range map[string]struct {
		before []Message
		sent   map[string]counts
		after  []Message
		want   presence
	}{
		"nothing":                          {nil, nil, nil, absent},
		"ours":                             {nil, nil, texts(ours), present},
		"ours, escaped":                    {nil, nil, texts("Hello &lt;b&gt;you&lt;/b&gt;"), present},
		"ours, escaped twice":              {nil, nil, texts("Hello &amp;lt;b&amp;gt;you&amp;lt;/b&amp;gt;"), present},
		"ours, spaced":                     {nil, nil, texts(" Hello\r\n<b>you</b>\t"), present},
		"ours, twice":                      {nil, nil, texts(ours, ours), present},
		"ours, of a third party":           {nil, nil, []Message{{Type: AuthorThirdParty, Content: ours}}, present},
		"ours from before":                 {texts(ours), nil, texts(ours), absent},
		"one more than before":             {texts(ours), nil, texts(ours, ours), present},
		"one that was confirmed":           {nil, map[string]counts{ours: {1, 1, 0}}, texts(ours), absent},
		"one more than was confirmed":      {nil, map[string]counts{ours: {2, 1, 0}}, texts(ours, ours), present},
		"confirmed, and not shown":         {nil, map[string]counts{ours: {1, 1, 0}}, nil, absent},
		"stripped":                         {nil, nil, texts(alike), unclear},
		"stripped, from before":            {texts(alike), nil, texts(alike), absent},
		"a look-alike of this run":         {nil, map[string]counts{alike: {1, 1, 0}}, texts(alike), absent},
		"a look-alike in doubt":            {nil, map[string]counts{alike: {1, 0, 1}}, texts(alike), unclear},
		"a look-alike shown as ours":       {nil, map[string]counts{alike: {1, 1, 0}}, texts(ours), unclear},
		"one in doubt shown as ours":       {nil, map[string]counts{alike: {1, 0, 1}}, texts(ours), unclear},
		"one sent again, and ours":         {nil, map[string]counts{alike: {2, 1, 0}}, texts(alike, ours), present},
		"a look-alike and ours":            {nil, map[string]counts{alike: {1, 1, 0}}, texts(alike, ours), present},
		"both shown as ours":               {nil, map[string]counts{alike: {1, 1, 0}}, texts(ours, ours), present},
		"both shown as the other":          {nil, map[string]counts{alike: {1, 1, 0}}, texts(alike, alike), unclear},
		"another text of this run":         {nil, map[string]counts{other: {1, 0, 0}}, texts(other), absent},
		"another text, more than attempts": {nil, map[string]counts{other: {1, 1, 0}}, texts(other, other), unclear},
		"another text of nobody":           {nil, nil, texts(other), unclear},
		"another text and ours":            {nil, nil, texts(other, ours), present},
		"an empty text":                    {nil, nil, texts(""), unclear},
		"an engineer's answer":             {nil, nil, []Message{engineers("We are looking into it")}, absent},
		"an engineer's, with our text":     {nil, nil, []Message{engineers(ours)}, unclear},
		"an engineer's, and ours":          {nil, nil, append(texts(ours), engineers(ours)), present},
		"an engineer's, from before":       {[]Message{engineers(ours)}, nil, []Message{engineers(ours)}, absent},
		"one from before is missing":       {texts(other), nil, nil, unclear},
		"missing, and ours":                {texts(other), nil, texts(ours), unclear},
		"one from before has changed":      {texts(other), nil, texts("Another"), unclear},
	} {
		b := newBaseline(listing{messages: tc.before})
		for text, n := range tc.sent {
			b.sent.add(newOwnText(text), sentText{possible: n.possible, confirmed: n.confirmed, doubtful: n.doubtful})
		}
		got, err := b.judge(listing{messages: tc.after}, newOwnText(ours))
		if got != tc.want || (err == nil) != (got != unclear) {
			t.Errorf("%s: %v (%v), want %v", name, got, err, tc.want)
		}
	}
	if got, err := (&baseline{}).judge(listing{messages: texts(ours)}, newOwnText(ours)); got != unclear || !errors.Is(err, errNoBaseline) {
		t.Errorf("without a baseline: %v, %v", got, err)
	}
}

// The service may drop brackets alone, or with their content. In both cases, texts that
// then look alike are counted together.
func TestLookAlikes(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("0123456789", 10)
	for _, tc := range []struct {
		a, b string
		want bool
	}{
		{"Hello", "Hello", true},
		{"Hello", "hello", false},
		{"Hello", "Hello!", true},
		{"Hello", "Hello 1", false},
		{"host <alpha> is down", "host <beta> is down", true},
		{"host <alpha> is down", "host is down", true},
		{"host <alpha> is down", "host alpha is down", true},
		{"host alpha is down", "host beta is down", false},
		{long + "a", long + "b", true},
		{long[1:] + "a", long[1:] + "b", false},
		{"🚀", "🔥", true},
	} {
		if got := sharePrefix(newOwnText(tc.a).prefixes, newOwnText(tc.b).prefixes); got != tc.want {
			t.Errorf("%.40q and %.40q: %v", tc.a, tc.b, got)
		}
	}
}

// A JSON answer that is not from the service does not count as an empty ticket.
func TestForeignListIsNoEmptyTicket(t *testing.T) {
	t.Parallel()
	for _, body := range []string{`{}`, `{"count":3}`, `{"count":3,"message_list":null}`, `{"status":"ok"}`, `{"error_msg":"down"}`, `[]`, `null`, ``, `{"message_list":null}`,
		`{"count":0,"message_list":[{"content":[]}]}`, `<html>`} {
		for _, fromTheStart := range []bool{true, false} {
			posts, lists := 0, 0
			c, _ := handler(t, func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodPost {
					posts++
					w.WriteHeader(http.StatusBadGateway)
					return
				}
				if lists++; lists == 1 && !fromTheStart {
					_, _ = io.WriteString(w, `{"count":0,"message_list":[]}`)
					return
				}
				_, _ = io.WriteString(w, body)
			})
			r, err := c.Submit(t.Context(), hello())
			wantResult(t, r, err, gotUnconfirmed)
			if posts != 1 {
				t.Errorf("%s: %d posts", body, posts)
			}
		}
	}
}

// Neither an answer that echoes the request nor a broken list reveals a secret text. An
// error page of a proxy in place of the list is still shown.
func TestSecretContentStaysOutOfErrors(t *testing.T) {
	t.Parallel()
	for i, list := range []string{`{"count":1,"message_list":[{"content":"the password`, ` ["the password`, "<h1>Sign in</h1>", "<h1>Sign in</h1>"} {
		quoted := i == 0 || i == 3
		lists := 0
		c, _ := handler(t, func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPost {
				w.WriteHeader(http.StatusBadGateway)
				if quoted {
					_, _ = io.WriteString(w, `{"error_code":"APIGW.0201","error_msg":"no backend for the password is 12345"}`)
					return
				}
				_, _ = io.WriteString(w, "<pre>")
				_, _ = io.Copy(w, r.Body)
				return
			}
			if lists++; lists == 1 {
				_, _ = io.WriteString(w, `{"count":0,"message_list":[]}`)
				return
			}
			_, _ = io.WriteString(w, list)
		})
		r, err := c.Submit(t.Context(), Submission{CaseID: testCase, Content: "the password is 12345", Secret: true})
		wantResult(t, r, err, gotUnconfirmed)
		if err == nil || strings.Contains(err.Error(), "password") || strings.Contains(list, "Sign in") != strings.Contains(err.Error(), "Sign in") {
			t.Errorf("%v", err)
		}
	}
}

func TestUnconfirmedErrorNamesBothFailures(t *testing.T) {
	t.Parallel()
	s := newService(t, simulator.Options{Faults: faults(t, "500-committed", "403@2?op=list")})
	began := s.clock.Now()
	r, err := s.client(t).Submit(t.Context(), Submission{CaseID: testCase, Content: "Wörter " + strings.Repeat("wide ", 20)})
	wantResult(t, r, err, gotUnconfirmed)
	var got *UnconfirmedError
	if !errors.As(err, &got) || got.CaseID != testCase || got.Began.Before(began) || !got.Denied || got.Length != 107 {
		t.Errorf("%+v", got)
	}
	var first, second *APIError
	if !errors.As(got.Err, &first) || first.Status != 500 || !errors.As(got.CheckErr, &second) || second.Status != 403 {
		t.Errorf("%v; %v", got.Err, got.CheckErr)
	}
	if strings.Contains(err.Error(), "wide") {
		t.Errorf("the error has the text: %v", err)
	}
	s.want(t, 1, 1, 2)
}

// The error also says why there was nothing to compare with.
func TestUnconfirmedWithoutABaseline(t *testing.T) {
	t.Parallel()
	s := newService(t, simulator.Options{Faults: faults(t, "lost-answer", "list-denied")})
	r, err := s.client(t).Submit(t.Context(), hello())
	wantResult(t, r, err, gotUnconfirmed)
	var got *UnconfirmedError
	var api *APIError
	if !errors.As(err, &got) || !got.Denied || !errors.Is(got.CheckErr, errNoBaseline) || !errors.As(got.CheckErr, &api) || api.Status != 403 {
		t.Errorf("%+v", got)
	}
	s.want(t, 1, 1, 1)
}

// Groups may see different lists, so nothing is compared across groups.
func TestBaselineIsOfOneGroup(t *testing.T) {
	t.Parallel()
	s, url, arrived, open := gated(t, simulator.Options{Faults: faults(t, "cut@2")})
	c := newClient(t, url, func(c *Config) { c.Clock = s.clock })
	var first, second sync.WaitGroup
	first.Go(func() {
		r, err := c.Submit(t.Context(), Submission{CaseID: testCase, Content: "First", GroupID: "a"})
		wantResult(t, r, err, gotReceipt)
	})
	<-arrived
	second.Go(func() {
		r, err := c.Submit(t.Context(), Submission{CaseID: testCase, Content: "Second", GroupID: "b"})
		wantResult(t, r, err, gotUnconfirmed)
		if !errors.Is(err, errOtherGroup) {
			t.Error(err)
		}
	})
	<-arrived
	open <- struct{}{}
	first.Wait()
	close(open)
	second.Wait()
	s.want(t, 1, 2, 1)
}

// gated is a service whose submits wait until the test lets them go on. arrived
// reports each submit.
func gated(t *testing.T, o simulator.Options) (s *service, url string, arrived, open chan struct{}) {
	t.Helper()
	s = newService(t, o)
	arrived, open = make(chan struct{}, 100), make(chan struct{})
	front := http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			arrived <- struct{}{}
			<-open
		}
		s.ServeHTTP(w, r)
	}), ErrorLog: quiet}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = front.Serve(l) }()
	t.Cleanup(func() { _ = front.Close() })
	return s, "http://" + l.Addr().String(), arrived, open
}

// A submit that is cancelled in flight gets one short check, which decides the outcome.
func TestCancelledInFlight(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		faults []string
		want   result
		lists  int
	}{
		"on the ticket":     {[]string{"slow-committed"}, gotReceipt, 2},
		"not there yet":     {[]string{"slow"}, gotUnconfirmed, 2},
		"shows late":        {[]string{"slow-committed", "late-list"}, gotUnconfirmed, 2},
		"reading is denied": {[]string{"slow-committed", "list-denied"}, gotUnconfirmed, 1},
		"other protocol":    {[]string{"101"}, gotUnconfirmed, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newService(t, simulator.Options{Faults: faults(t, tc.faults...)})
			ctx, cancel := context.WithCancel(t.Context())
			if name == "other protocol" { // it is answered at once, and then silent
				s.clock.onSleep = func(time.Duration) { cancel() }
			}
			type end struct {
				Receipt
				error
			}
			done := make(chan end)
			go func() {
				r, err := s.client(t).Submit(ctx, hello())
				done <- end{r, err}
			}()
			for strings.HasSuffix(tc.faults[0], "committed") && len(s.Messages(testCase)) == 0 || s.Count(simulator.OpSubmit) == 0 {
				time.Sleep(time.Millisecond) //nolint:forbidigo // the simulator tells of no commit
			}
			if name != "other protocol" {
				cancel()
			}
			e := <-done
			cancel()
			wantResult(t, e.Receipt, e.error, tc.want)
			if posts, lists := s.Count(simulator.OpSubmit), s.Count(simulator.OpList); posts != 1 || lists != tc.lists {
				t.Errorf("%d posts, %d lists", posts, lists)
			}
		})
	}
}

// After a cancellation between checks there is one more check, and no other POST.
func TestCancelledBetweenChecks(t *testing.T) {
	t.Parallel()
	for kind, want := range map[string]result{"lost-answer": gotReceipt, "cut": gotUnconfirmed} {
		s := newService(t, simulator.Options{Faults: faults(t, kind, "late-list?delay=1s")})
		ctx, cancel := context.WithCancel(t.Context())
		s.clock.onSleep = func(d time.Duration) {
			if d > 0 {
				s.clock.advance(2 * time.Second)
				cancel()
			}
		}
		r, err := s.client(t).Submit(ctx, hello())
		wantResult(t, r, err, want)
		if posts, lists := s.Count(simulator.OpSubmit), s.Count(simulator.OpList); posts != 1 || lists != 3 {
			t.Errorf("%d posts, %d lists", posts, lists)
		}
		cancel()
	}
}

// If it is cancelled before there is a connection, nothing was sent.
func TestCancelledWhileDialling(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	c := newClient(t, "http://127.0.0.1:1")
	c.transport.(*http.Transport).DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
		cancel()
		<-ctx.Done()
		return nil, ctx.Err()
	}
	r, err := c.Submit(ctx, hello())
	wantResult(t, r, err, gotNotSent)
	if !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// A submission that waits for a look-alike can be cancelled, too.
func TestCancelledWhileWaitingForALookAlike(t *testing.T) {
	t.Parallel()
	s, url, arrived, open := gated(t, simulator.Options{})
	c := newClient(t, url, func(c *Config) { c.Clock = s.clock })
	var wait sync.WaitGroup
	wait.Go(func() {
		r, err := c.Submit(t.Context(), hello())
		wantResult(t, r, err, gotReceipt)
	})
	<-arrived
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r, err := c.Submit(ctx, hello())
	wantResult(t, r, err, gotNotSent)
	close(open)
	wait.Wait()
	s.want(t, 1, 1, 1)
}

// A message that ended unconfirmed and then shows is not taken for the next one, even
// if both have the same text.
func TestDoubtfulLookAlikeIsNotClaimed(t *testing.T) {
	t.Parallel()
	s := newService(t, simulator.Options{Faults: faults(t, "lost-answer@1", "cut@2", "list-strips")})
	c := s.client(t)
	for _, content := range []string{"Hello <b>you</b>", "Hello you"} {
		r, err := c.Submit(t.Context(), Submission{CaseID: testCase, Content: content})
		wantResult(t, r, err, gotUnconfirmed)
	}
	if on := s.onTicket(testCase); on["Hello you"] != 0 || s.Count(simulator.OpSubmit) != 2 {
		t.Errorf("%v after %d submits", on, s.Count(simulator.OpSubmit))
	}
}

// Look-alikes are sent one at a time, other messages in parallel.
func TestDistinctMessagesAreParallel(t *testing.T) {
	t.Parallel()
	s, url, arrived, open := gated(t, simulator.Options{})
	c := newClient(t, url, func(c *Config) { c.Clock = s.clock })
	var wait sync.WaitGroup
	for i := range 20 {
		wait.Go(func() {
			content := fmt.Sprintf("Message %d", i%10)
			if i < 10 {
				content = fmt.Sprintf("Message <b>%d</b>", i%10) // shown alike once it is stripped
			}
			r, err := c.Submit(t.Context(), Submission{CaseID: testCase, Content: content})
			wantResult(t, r, err, gotReceipt)
		})
	}
	for range 10 {
		<-arrived // deadlocks when distinct messages wait for each other
	}
	select {
	case <-arrived:
		t.Error("two look-alikes at once")
	case <-time.After(50 * time.Millisecond):
	}
	close(open)
	wait.Wait()
	s.want(t, 20, 20, 1)
}

// A list page may be longer than any other answer.
func TestLongPagesAreRead(t *testing.T) {
	t.Parallel()
	s := newService(t, simulator.Options{Faults: faults(t, "lost-answer")})
	for range 40 { // over 1 MiB
		s.AddMessage(testCase, simulator.Message{Content: strings.Repeat("文", 10000)})
	}
	r, err := s.client(t).Submit(t.Context(), hello())
	if err != nil || r.ConfirmedBy != ByCheck {
		t.Errorf("%+v %v", r, err)
	}
}

// If a list grows between two pages, no message is counted twice or missed. Messages of
// others can at most make an unknown outcome unclear.
func TestGrowingList(t *testing.T) {
	t.Parallel()
	for _, newestFirst := range []bool{false, true} {
		for fault, want := range map[string]result{"lost-answer@3": gotReceipt, "cut@3": gotUnconfirmed} {
			t.Run(fmt.Sprint(newestFirst, fault), func(t *testing.T) {
				t.Parallel()
				var s *service
				grow := 150
				s = newService(t, simulator.Options{NewestFirst: newestFirst, Faults: faults(t, fault), Observe: func(r simulator.Request) {
					if r.Operation == simulator.OpList {
						for range 1 + grow%3 {
							s.AddMessage(testCase, simulator.Message{Content: fmt.Sprint("Another ", grow)})
						}
						grow++
					}
				}})
				for i := range 95 {
					s.AddMessage(testCase, simulator.Message{Content: fmt.Sprint("Before ", i)})
				}
				c := s.client(t)
				// Two copies of its own, at the edge of a page.
				for range 2 {
					if _, err := c.Submit(t.Context(), hello()); err != nil {
						t.Fatal(err)
					}
				}
				for i := range 99 {
					s.AddMessage(testCase, simulator.Message{Content: fmt.Sprint("Between ", i)})
				}
				r, err := c.Submit(t.Context(), hello())
				wantResult(t, r, err, want)
				if n := s.onTicket(testCase)["Hello"]; want == gotReceipt && n != 3 {
					t.Errorf("%d copies, want 3", n)
				}
			})
		}
	}
}

// If messages disappear from a list while it is read, one may have been missed.
func TestShrinkingListIsReadAgain(t *testing.T) {
	t.Parallel()
	reads, posts := 0, 0
	c, _ := handler(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			posts++
			if posts == 1 {
				w.WriteHeader(http.StatusBadGateway)
			}
			return
		}
		reads++
		count, items := 150, 100
		if r.URL.Query().Get("offset") != "0" {
			items = 50
			if reads == 2 { // it falls in the first reading only
				count = 149
			}
		}
		list := make([]map[string]any, items)
		for i := range list {
			list[i] = map[string]any{"content": fmt.Sprint(items, " ", i)}
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"count": count, "message_list": list})
	})
	r, err := c.Submit(t.Context(), hello())
	wantResult(t, r, err, gotWarning)
	if reads != 2*5 || posts != 2 {
		t.Errorf("%d pages in a baseline and three checks, %d posts; want two readings for the baseline", reads, posts)
	}
}
