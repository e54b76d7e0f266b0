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
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/simulator"
)

func TestSubmitIsOneRequest(t *testing.T) {
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
		s.want(t, 1, 1, 0)
		want := Receipt{ByResponse, s.clock.Now().Truncate(time.Second), s.Requests()[0].RequestID}
		if got != want {
			t.Errorf("%+v, want %+v", got, want)
		}
		if want := []Event{{Step: StepSubmitting, Attempt: 1}, {Step: StepSubmitted, Attempt: 1}}; !reflect.DeepEqual(events, want) {
			t.Errorf("%+v", events)
		}
		if body := string(s.Requests()[0].Body); body != `{"group_id":"group","message":{"content":"a < b & \"c\"\n","accessory_ids":["one","two"]}}` {
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
		if got, err := (Submission{Content: "x", AccessoryIDs: ids}).body(); err != nil || string(got) != want {
			t.Errorf("%s %v, want %s", got, err, want)
		}
	}
}

// No request names a key that would let Go's transport repeat it, or asks for
// a compressed answer.
func TestSubmitHeaders(t *testing.T) {
	t.Parallel()
	s := newService(t, simulator.Options{})
	c := s.client(t, func(c *Config) { c.Language, c.TimeZone, c.Site = "en-us", "GMT+1", "1" })
	if _, err := c.Submit(t.Context(), hello()); err != nil {
		t.Fatal(err)
	}
	want := http.Header{
		"Content-Type": {"application/json"}, "Content-Length": {"31"}, "User-Agent": {"test"}, "X-Auth-Token": {testToken},
		"X-Language": {"en-us"}, "X-Time-Zone": {"GMT+1"}, "X-Site": {"1"},
	}
	if got := s.Requests()[0].Header; !reflect.DeepEqual(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestReadback(t *testing.T) {
	t.Parallel()
	s := newService(t, simulator.Options{Faults: []simulator.Fault{{Kind: "lost-answer"}}})
	created := s.clock.Now().Truncate(time.Second)
	got, err := s.client(t).Submit(t.Context(), hello())
	if want := (Receipt{ConfirmedBy: ByReadback, SubmittedAt: created}); err != nil || got != want {
		t.Errorf("%+v %v, want %+v", got, err, want)
	}
	s.want(t, 1, 1, 1)
}

// "Not there" takes several looks, spaced.
func TestLooksAreSpaced(t *testing.T) {
	t.Parallel()
	s := newService(t, simulator.Options{Faults: []simulator.Fault{{Kind: "cut", Ordinals: []int{1}}}})
	if _, err := s.client(t).Submit(t.Context(), hello()); err != nil {
		t.Fatal(err)
	}
	s.want(t, 1, 2, 3)
	if got := s.clock.sleeps[:3]; !reflect.DeepEqual(got, lookDelays) {
		t.Errorf("looked after %v", got)
	}
}

// What the ticket has from before, from others, or with other attachments is
// no copy of this message.
func TestForeignMessagesAreNotClaimed(t *testing.T) {
	t.Parallel()
	for name, m := range map[string]simulator.Message{
		"older":             {Content: "Hello"}, // its time is set below
		"an engineer's":     {Content: "Hello", Type: AuthorEngineer},
		"other text":        {Content: "Hello!"},
		"attachments":       {Content: "Hello", AccessoryIDs: []string{"one"}},
		"longer":            {Content: "Hello" + strings.Repeat("o", 400)},
		"its own beginning": {Content: strings.Repeat("Hello", 100)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newService(t, simulator.Options{Faults: []simulator.Fault{{Kind: "cut", Ordinals: []int{1}}}})
			if name == "older" {
				m.CreateTime = s.clock.Now().Add(-time.Minute)
			}
			s.AddMessage(testCase, m)
			r, err := s.client(t).Submit(t.Context(), hello())
			if err != nil || r.ConfirmedBy != ByResponse {
				t.Errorf("%+v %v", r, err)
			}
			s.want(t, 2, 2, 3)
		})
	}
}

// A message of someone else's that came in while this client was at work is
// not taken for a later one of its own.
func TestForeignMessageInBetween(t *testing.T) {
	t.Parallel()
	s := newService(t, simulator.Options{})
	c := s.client(t)
	if _, err := c.Submit(t.Context(), hello()); err != nil {
		t.Fatal(err)
	}
	_ = s.clock.Sleep(t.Context(), time.Minute)
	s.AddMessage(testCase, simulator.Message{Content: "Hello"})
	_ = s.clock.Sleep(t.Context(), time.Minute)
	s.SetFaults(simulator.Fault{Kind: "cut", Ordinals: []int{1}})
	r, err := c.Submit(t.Context(), hello())
	if err != nil || r.ConfirmedBy != ByResponse {
		t.Errorf("%+v %v", r, err)
	}
	s.want(t, 3, 3, 3)
}

// Copies are found in whatever form the ticket shows them.
func TestReadbackForms(t *testing.T) {
	t.Parallel()
	content := "  <p>Dear team, 5 < 6 &amp; 7 > 3</p>\r\n" + strings.Repeat("<b>Wörter &lt;und&gt; 文字</b>, ", 40) + "bye  "
	for _, faults := range [][]string{{}, {"list-strips"}, {"list-escapes"}, {"list-strips", "list-escapes"}, {"zoneless-times"}, {"clock-skew"}, {"late-list"}} {
		for _, jsonAnswers := range []bool{false, true} {
			t.Run(fmt.Sprint(faults, jsonAnswers), func(t *testing.T) {
				t.Parallel()
				all := []simulator.Fault{{Kind: "lost-answer", Ordinals: []int{1}}}
				for _, kind := range faults {
					all = append(all, simulator.Fault{Kind: kind})
				}
				s := newService(t, simulator.Options{Faults: all, NewestFirst: jsonAnswers})
				r, err := s.client(t).Submit(t.Context(), Submission{CaseID: testCase, Content: content, AccessoryIDs: strings.Split("abcdefg", "")})
				if err != nil || r.ConfirmedBy != ByReadback {
					t.Errorf("%+v %v", r, err)
				}
				if n := len(s.Messages(testCase)); n != 1 {
					t.Errorf("%d messages", n)
				}
			})
		}
	}
}

// An answer that is JSON, but not the service's, is no empty ticket.
func TestForeignListIsNoEmptyTicket(t *testing.T) {
	t.Parallel()
	for _, body := range []string{`{}`, `{"status":"ok"}`, `{"error_msg":"down"}`, `[]`, `null`, ``, `{"message_list":null}`,
		`{"count":1,"message_list":[]}`, `{"count":3}`, `{"count":0,"message_list":[{"content":[]}]}`, `<html>`} {
		posts := 0
		c, _ := handler(t, func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPost {
				posts++
				w.WriteHeader(http.StatusBadGateway)
				return
			}
			_, _ = io.WriteString(w, body)
		})
		_, err := c.Submit(t.Context(), hello())
		wantOutcome(t, err, toldUncertain)
		if posts != 1 {
			t.Errorf("%s: %d posts", body, posts)
		}
	}
}

// Neither an answer that echoes the request nor a broken list gives a secret
// text away; a page of some proxy in place of the list still shows.
func TestSecretContentStaysOutOfErrors(t *testing.T) {
	t.Parallel()
	for i, list := range []string{`{"count":1,"message_list":[{"content":"the password`, ` ["the password`, "<h1>Sign in</h1>", "<h1>Sign in</h1>"} {
		quoted := i == 0 || i == 3
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
			_, _ = io.WriteString(w, list)
		})
		_, err := c.Submit(t.Context(), Submission{CaseID: testCase, Content: "the password is 12345", Secret: true})
		wantOutcome(t, err, toldUncertain)
		if err == nil || strings.Contains(err.Error(), "password") || strings.Contains(list, "Sign in") != strings.Contains(err.Error(), "Sign in") {
			t.Errorf("%v", err)
		}
		var unconfirmed *UnconfirmedError
		if errors.As(err, &unconfirmed) && unconfirmed.Content != "" {
			t.Errorf("the content is %q", unconfirmed.Content)
		}
	}
}

// A copy that does not show all of its attachments yet is not missed.
func TestFewerAttachmentsAreInDoubt(t *testing.T) {
	t.Parallel()
	clock, posts := newFakeClock(), 0
	c, _ := handler(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Date", clock.Now().UTC().Format(http.TimeFormat))
		if r.Method == http.MethodPost {
			posts++
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		_, _ = fmt.Fprintf(w, `{"count":1,"message_list":[{"content":"Hello","create_time":%q,"accessory_list":[{"accessory_id":"a"}]}]}`,
			clock.Now().UTC().Format(time.RFC3339))
	}, func(c *Config) { c.Clock = clock })
	_, err := c.Submit(t.Context(), Submission{CaseID: testCase, Content: "Hello", AccessoryIDs: []string{"a", "b"}})
	wantOutcome(t, err, toldUncertain)
	if posts != 1 {
		t.Errorf("%d posts", posts)
	}
}

// A list shows five attachments: the sixth alone does not tell two copies apart.
func TestAttachmentsThatDoNotShowAreInDoubt(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		second   string
		window   time.Duration
		want     outcome
		messages int
	}{
		{"abcdef", 0, toldUncertain, 1},
		{"abcdef", time.Hour, toldNot, 1},
		{"fghij", 0, told, 2},
		{"fghij", time.Hour, told, 2},
	} {
		s := newService(t, simulator.Options{Faults: []simulator.Fault{{Kind: "cut", Ordinals: []int{2}}}})
		c := s.client(t)
		first := Submission{CaseID: testCase, Content: "Hello", AccessoryIDs: strings.Split("abcde", "")}
		_, err := c.Submit(t.Context(), first)
		wantOutcome(t, err, told)
		first.AccessoryIDs, first.DeduplicateWindow = strings.Split(tc.second, ""), tc.window
		_, err = c.Submit(t.Context(), first)
		wantOutcome(t, err, tc.want)
		if n := len(s.Messages(testCase)); n != tc.messages {
			t.Errorf("%s: %d messages", tc.second, n)
		}
	}
}

// With another attachment it is another message, whatever was posted before.
func TestAnAddedAttachmentIsPosted(t *testing.T) {
	t.Parallel()
	s := newService(t, simulator.Options{})
	s.AddMessage(testCase, simulator.Message{Content: "Hello", CreateTime: s.clock.Now().Add(-3 * time.Hour)})
	submission := window("Hello", 24*time.Hour)
	submission.AccessoryIDs = []string{"a"}
	r, err := s.client(t).Submit(t.Context(), submission)
	if err != nil || r.ConfirmedBy != ByResponse {
		t.Errorf("%+v %v", r, err)
	}
}

// A time without a zone may be of any: the copy is in doubt, and not missed.
func TestTimeOfAnotherZoneIsInDoubt(t *testing.T) {
	t.Parallel()
	for _, offset := range []time.Duration{-12 * time.Hour, time.Hour, 5*time.Hour + 45*time.Minute, 14 * time.Hour} {
		now, posts := newFakeClock().now, 0
		c, _ := handler(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Date", now.Format(http.TimeFormat))
			if r.Method == http.MethodPost {
				posts++
				w.WriteHeader(http.StatusBadGateway)
				return
			}
			_, _ = fmt.Fprintf(w, `{"count":1,"message_list":[{"content":"Hello","create_time":%q}]}`, now.Add(offset).Format("2006-01-02 15:04:05"))
		})
		_, err := c.Submit(t.Context(), hello())
		wantOutcome(t, err, toldUncertain)
		if posts != 1 {
			t.Errorf("%v: %d posts", offset, posts)
		}
	}
}

// A ticket that cannot be read for a while is read later.
func TestLookOutlastsAnOutage(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"lost-answer", "cut"} {
		s := newService(t, simulator.Options{Faults: []simulator.Fault{{Kind: kind, Ordinals: []int{1}}, {Kind: "502", Operation: simulator.OpList, Times: 15}}})
		if _, err := s.client(t).Submit(t.Context(), hello()); err != nil {
			t.Error(err)
		}
		if n := len(s.Messages(testCase)); n != 1 {
			t.Errorf("%s: %d messages", kind, n)
		}
	}
}

func TestUnconfirmedTellsAll(t *testing.T) {
	t.Parallel()
	s := newService(t, simulator.Options{Faults: []simulator.Fault{{Kind: "500-committed"}, {Kind: "list-denied"}}})
	began := s.clock.Now()
	m := hello()
	m.Content = "Hello\n" + strings.Repeat("wide ", 100)
	_, err := s.client(t).Submit(t.Context(), m)
	var got *UnconfirmedError
	if !errors.As(err, &got) {
		t.Fatal(err)
	}
	if got.CaseID != testCase || !got.Began.Equal(began) || !strings.HasPrefix(got.Content, "Hello wide wide") || len([]rune(got.Content)) != 61 {
		t.Errorf("%+v", got)
	}
	var first, second *APIError
	if !errors.As(got.Err, &first) || first.Status != 500 || !errors.As(got.LookErr, &second) || second.Status != 403 {
		t.Errorf("%v; %v", got.Err, got.LookErr)
	}
	s.want(t, 1, 1, 1)
}

// gated is a service whose submits wait: arrived tells of each, and it goes on
// when the test says so.
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

// A submit that is cancelled in flight gets one short look, and the truth.
func TestCancelledInFlight(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		faults []simulator.Fault
		want   outcome
	}{
		"on the ticket":     {[]simulator.Fault{{Kind: "slow-committed"}}, told},
		"not there yet":     {[]simulator.Fault{{Kind: "slow"}}, toldUncertain},
		"shows late":        {[]simulator.Fault{{Kind: "slow-committed"}, {Kind: "late-list"}}, toldUncertain},
		"reading is denied": {[]simulator.Fault{{Kind: "slow-committed"}, {Kind: "list-denied"}}, toldUncertain},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newService(t, simulator.Options{Faults: tc.faults})
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan error)
			go func() {
				_, err := s.client(t).Submit(ctx, hello())
				done <- err
			}()
			for strings.HasSuffix(tc.faults[0].Kind, "committed") && len(s.Messages(testCase)) == 0 || s.Count(simulator.OpSubmit) == 0 {
				time.Sleep(time.Millisecond) //nolint:forbidigo // the simulator tells of no commit
			}
			cancel()
			wantOutcome(t, <-done, tc.want)
			if posts, looks := s.Count(simulator.OpSubmit), s.Count(simulator.OpList); posts != 1 || looks != 1 {
				t.Errorf("%d posts, %d looks", posts, looks)
			}
		})
	}
}

// Cancelled between looks: one more, and no other POST.
func TestCancelledBetweenLooks(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"lost-answer", "cut"} {
		s := newService(t, simulator.Options{Faults: []simulator.Fault{{Kind: kind}, {Kind: "late-list", Delay: time.Second}}})
		ctx, cancel := context.WithCancel(t.Context())
		s.clock.onSleep = func(d time.Duration) {
			if d == lookDelays[1] {
				s.clock.mu.Lock()
				s.clock.now = s.clock.now.Add(2 * time.Second)
				s.clock.mu.Unlock()
				cancel()
			}
		}
		_, err := s.client(t).Submit(ctx, hello())
		wantOutcome(t, err, map[string]outcome{"lost-answer": told, "cut": toldUncertain}[kind])
		if posts, looks := s.Count(simulator.OpSubmit), s.Count(simulator.OpList); posts != 1 || looks != 2 {
			t.Errorf("%d posts, %d looks", posts, looks)
		}
	}
}

// Cancelled before there was a connection, nothing was sent.
func TestCancelledWhileDialling(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	c := newClient(t, "http://127.0.0.1:1")
	c.transport.(*http.Transport).DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
		cancel()
		<-ctx.Done()
		return nil, ctx.Err()
	}
	_, err := c.Submit(ctx, hello())
	wantOutcome(t, err, toldNot)
	if !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// Whoever waits for an identical message can be cancelled, too.
func TestCancelledWhileWaitingForTheTurn(t *testing.T) {
	t.Parallel()
	s, url, arrived, open := gated(t, simulator.Options{})
	c := newClient(t, url, func(c *Config) { c.Clock = s.clock })
	var wait sync.WaitGroup
	wait.Go(func() {
		_, err := c.Submit(t.Context(), hello())
		wantOutcome(t, err, told)
	})
	<-arrived
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := c.Submit(ctx, hello())
	wantOutcome(t, err, toldNot)
	close(open)
	wait.Wait()
	s.want(t, 1, 1, 0)
}

// Identical messages go one at a time, others side by side.
func TestDistinctMessagesAreParallel(t *testing.T) {
	t.Parallel()
	s, url, arrived, open := gated(t, simulator.Options{})
	c := newClient(t, url, func(c *Config) { c.Clock = s.clock })
	var wait sync.WaitGroup
	for i := range 20 {
		wait.Go(func() {
			_, err := c.Submit(t.Context(), Submission{CaseID: testCase, Content: fmt.Sprint("Message ", i%10)})
			wantOutcome(t, err, told)
		})
	}
	for range 10 {
		<-arrived // deadlocks when distinct messages wait for each other
	}
	select {
	case <-arrived:
		t.Error("two identical messages at once")
	case <-time.After(50 * time.Millisecond):
	}
	close(open)
	wait.Wait()
	s.want(t, 20, 20, 0)
}

func window(content string, d time.Duration) Submission {
	return Submission{CaseID: testCase, Content: content, DeduplicateWindow: d}
}

func TestDeduplicateWindow(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		before  []simulator.Message // CreateTime counts from now
		fault   string
		want    outcome
		adopted bool
	}{
		"nothing there":           {want: told},
		"one is there":            {before: []simulator.Message{{Content: "Hello"}}, want: told, adopted: true},
		"among others":            {before: []simulator.Message{{Content: "a"}, {Content: "Hello"}, {Content: "b"}}, want: told, adopted: true},
		"an engineer's":           {before: []simulator.Message{{Content: "Hello", Type: 1}}, want: told},
		"with an attachment":      {before: []simulator.Message{{Content: "Hello", AccessoryIDs: []string{"a"}}}, want: told},
		"spaced in another way":   {before: []simulator.Message{{Content: "Hel lo"}}, want: toldNot},
		"other markup":            {before: []simulator.Message{{Content: "Hello<a>"}}, want: told},
		"escaped":                 {before: []simulator.Message{{Content: "Hello"}}, fault: "list-escapes", want: told, adopted: true},
		"denied":                  {fault: "list-denied", want: toldNot},
		"denied, one is there":    {before: []simulator.Message{{Content: "Hello"}}, fault: "list-denied", want: toldNot},
		"unreadable times":        {before: []simulator.Message{{Content: "Hello"}}, fault: "unreadable-times", want: toldNot},
		"unreadable, of others":   {before: []simulator.Message{{Content: "a"}}, fault: "unreadable-times", want: told},
		"no date":                 {before: []simulator.Message{{Content: "Hello"}}, fault: "no-date", want: toldNot},
		"times without a zone":    {before: []simulator.Message{{Content: "Hello"}}, fault: "zoneless-times", want: told, adopted: true},
		"a clock that is off":     {before: []simulator.Message{{Content: "Hello"}}, fault: "clock-skew", want: told, adopted: true},
		"a list that fails twice": {before: []simulator.Message{{Content: "Hello"}}, fault: "500?op=list&times=2", want: told, adopted: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newService(t, simulator.Options{})
			if tc.fault != "" {
				f, err := simulator.ParseFault(tc.fault)
				if err != nil {
					t.Fatal(err)
				}
				s.SetFaults(f)
			}
			_ = s.clock.Sleep(t.Context(), time.Minute)
			for _, m := range tc.before {
				s.AddMessage(testCase, m)
			}
			_ = s.clock.Sleep(t.Context(), 59*time.Minute)
			r, err := s.client(t).Submit(t.Context(), window("Hello", time.Hour))
			wantOutcome(t, err, tc.want)
			if got := r.ConfirmedBy == ByExisting; got != tc.adopted {
				t.Errorf("%+v", r)
			}
			posts := 0
			if tc.want == told && !tc.adopted {
				posts = 1
			}
			if n := s.Count(simulator.OpSubmit); n != posts {
				t.Errorf("%d posts, want %d", n, posts)
			}
		})
	}
}

// The window ends where it says.
func TestDeduplicateWindowEnds(t *testing.T) {
	t.Parallel()
	for age, adopted := range map[time.Duration]bool{10 * time.Minute: true, 59 * time.Minute: true, 61 * time.Minute: false, 8*time.Hour + time.Minute: false, 100 * time.Hour: false} {
		s := newService(t, simulator.Options{})
		s.AddMessage(testCase, simulator.Message{Content: "Hello", CreateTime: s.clock.Now().Add(-age)})
		r, err := s.client(t).Submit(t.Context(), window("Hello", time.Hour))
		if err != nil || (r.ConfirmedBy == ByExisting) != adopted {
			t.Errorf("%v: %+v %v", age, r, err)
		}
	}
}

// Identical messages side by side are one, though the list shows it late.
func TestDeduplicateSideBySide(t *testing.T) {
	t.Parallel()
	s := newService(t, simulator.Options{Faults: []simulator.Fault{{Kind: "late-list", Delay: time.Hour}}})
	c := s.client(t)
	var mu sync.Mutex
	by := map[Confirmation]int{}
	var wait sync.WaitGroup
	for range 50 {
		wait.Go(func() {
			r, err := c.Submit(t.Context(), window("Hello", time.Hour))
			wantOutcome(t, err, told)
			mu.Lock()
			defer mu.Unlock()
			by[r.ConfirmedBy]++
		})
	}
	wait.Wait()
	if by[ByResponse] != 1 || by[ByExisting] != 49 {
		t.Error(by)
	}
	s.want(t, 1, 1, 1)
}

// Texts that differ in their markup alone are two messages, whether the ticket
// shows the markup or not, at once and in the next run.
func TestDeduplicateKeepsMarkupApart(t *testing.T) {
	t.Parallel()
	texts := []string{"host <alpha> is down", "host <beta> is down"}
	for _, fault := range []string{"list-strips", "list-escapes", "late-list", "latency"} {
		s := newService(t, simulator.Options{Faults: []simulator.Fault{{Kind: fault, Delay: time.Millisecond}}})
		for run := range 2 {
			c := s.client(t)
			for _, text := range texts {
				r, err := c.Submit(t.Context(), window(text, time.Hour))
				if err != nil || (r.ConfirmedBy == ByExisting) != (run == 1) {
					t.Errorf("%s, run %d, %s: %+v %v", fault, run, text, r, err)
				}
			}
			_ = s.clock.Sleep(t.Context(), time.Minute)
		}
		if on := s.onTicket(testCase); on[texts[0]] != 1 || on[texts[1]] != 1 {
			t.Errorf("%s: %v", fault, on)
		}
	}
}

// What was adopted is as old as it is, for a shorter window, too.
func TestAdoptedCopyKeepsItsAge(t *testing.T) {
	t.Parallel()
	s := newService(t, simulator.Options{})
	s.AddMessage(testCase, simulator.Message{Content: "Hello", CreateTime: s.clock.Now().Add(-50 * time.Minute)})
	c := s.client(t)
	for _, tc := range []struct {
		window time.Duration
		want   Confirmation
	}{{time.Hour, ByExisting}, {time.Hour, ByExisting}, {10 * time.Minute, ByResponse}, {10 * time.Minute, ByExisting}} {
		r, err := c.Submit(t.Context(), window("Hello", tc.window))
		if err != nil || r.ConfirmedBy != tc.want {
			t.Errorf("%v: %+v %v", tc.window, r, err)
		}
	}
	s.want(t, 2, 1, 2)
}

// After an unconfirmed attempt in one run, the window settles it in the next.
func TestWindowSettlesAnUnconfirmedMessage(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"lost-answer", "cut"} {
		s := newService(t, simulator.Options{Faults: []simulator.Fault{{Kind: kind, Ordinals: []int{1}}, {Kind: "list-denied", Times: 1}}})
		_, err := s.client(t).Submit(t.Context(), hello())
		wantOutcome(t, err, toldUncertain)
		_, err = s.client(t).Submit(t.Context(), window("Hello", time.Hour))
		wantOutcome(t, err, told)
		if n := len(s.Messages(testCase)); n != 1 {
			t.Errorf("%s: %d messages", kind, n)
		}
	}
}

// An unconfirmed copy that may be on the ticket is not claimed by the next of
// its kind; two that are there are told apart from one.
func TestDoubtfulCopiesAreNotClaimed(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		first, second string
		want          outcome
	}{
		"both there":  {"lost-answer", "lost-answer", told},
		"one, first":  {"lost-answer", "cut", toldUncertain},
		"one, second": {"cut", "lost-answer", toldUncertain},
		"none":        {"cut", "cut", told}, // by the second attempt
	} {
		s := newService(t, simulator.Options{Faults: []simulator.Fault{
			{Kind: tc.first, Ordinals: []int{1}}, {Kind: tc.second, Ordinals: []int{2}}, {Kind: "list-denied", Times: 1},
		}})
		c := s.client(t)
		_, err := c.Submit(t.Context(), hello())
		wantOutcome(t, err, toldUncertain)
		_, err = c.Submit(t.Context(), hello())
		if got := outcomeOf(t, err); got != tc.want {
			t.Errorf("%s: %s: %v", name, got, err)
		}
	}
}

// A list page may be longer than any other answer.
func TestLongPagesAreRead(t *testing.T) {
	t.Parallel()
	s := newService(t, simulator.Options{Faults: []simulator.Fault{{Kind: "lost-answer"}}})
	for range 40 { // over 1 MiB
		s.AddMessage(testCase, simulator.Message{Content: strings.Repeat("\u6587", 10000), CreateTime: s.clock.Now().Add(-time.Hour)})
	}
	r, err := s.client(t).Submit(t.Context(), hello())
	if err != nil || r.ConfirmedBy != ByReadback {
		t.Errorf("%+v %v", r, err)
	}
}

// shifting is a service whose list grows between any two pages.
func TestGrowingList(t *testing.T) {
	t.Parallel()
	for _, newestFirst := range []bool{false, true} {
		for _, fault := range []string{"lost-answer", "cut"} {
			t.Run(fmt.Sprint(newestFirst, fault), func(t *testing.T) {
				t.Parallel()
				var s *service
				grow := 150
				s = newService(t, simulator.Options{NewestFirst: newestFirst, Observe: func(r simulator.Request) {
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
				s.SetFaults(simulator.Fault{Kind: fault, Ordinals: []int{1}})
				_, err := c.Submit(t.Context(), hello())
				wantOutcome(t, err, told)
				if n := s.onTicket(testCase)["Hello"]; n != 3 {
					t.Errorf("%d copies, want 3", n)
				}
			})
		}
	}
}

// A list that loses messages while it is read may have hidden a copy.
func TestShrinkingListIsReadAgain(t *testing.T) {
	t.Parallel()
	reads, posts := 0, 0
	c, _ := handler(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Date", newFakeClock().now.Format(http.TimeFormat))
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
			count, items = 150-min(reads, 2), 50-min(reads, 2) // falls in the first read only
			if reads > 2 {
				count, items = 150, 50
			}
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"count": count, "message_list": make([]struct{}, items)})
	})
	_, err := c.Submit(t.Context(), hello())
	wantOutcome(t, err, told)
	if reads != 2*4 || posts != 2 {
		t.Errorf("%d pages in three looks, %d posts; want the first look to take two reads", reads, posts)
	}
}
