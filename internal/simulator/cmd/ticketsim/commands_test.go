package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/simulator"
)

func TestThread(t *testing.T) {
	s := start(t, simulator.Options{Tokens: []string{"t"}})
	at := func(h int) simulator.Message {
		return simulator.Message{CreateTime: time.Date(2026, 1, 2, h, 0, 0, 0, time.UTC)}
	}
	s.AddCase(simulator.Case{ID: "case/123", Status: 17, Description: "It is slow", GroupID: "g"})
	m := at(3)
	m.ReplierName, m.Content, m.AccessoryIDs = "Ada", "Hello\n\n  indented\n", []string{"a.txt"}
	s.AddMessage("case/123", m)
	m = at(4)
	m.Type, m.Content = 1, "Answer"
	s.AddMessage("case/123", m)

	want := `case/123 (awaiting feedback): It is slow

#1  Ada (customer)  2026-01-02T03:00:00Z
    [attached: a.txt]
    Hello

      indented

#2  engineer  2026-01-02T04:00:00Z
    Answer
`
	if got := done(t, "thread", "-url", s.URL(), "-token", "t", "-group", "g", "case/123"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	t.Setenv("TICKETSIM_TOKEN", "t")
	if got := done(t, "thread", "-url", s.URL(), "-group", "g", "case/123"); got != want {
		t.Errorf("with the token of the environment:\n%s", got)
	}
	s.AddCase(simulator.Case{ID: "case/123", Status: 99})
	if got := done(t, "thread", "-url", s.URL(), "case/123"); !strings.HasPrefix(got, "case/123 (status 99)\n") {
		t.Errorf("an unknown status:\n%s", got)
	}
}

func TestReplyText(t *testing.T) {
	for _, c := range []struct{ name, arg, in, want, err string }{
		{"argument", "a\nb\n", "unread", "a\nb\n", ""},
		{"standard input", "-", "a\n\n b\r\n\n", "a\n\n b", ""},
		{"begins with a dash", "-5 °C", "unread", "-5 °C", ""},
		{"longest", "-", strings.Repeat("ü", 10000) + "\n", strings.Repeat("ü", 10000), ""},
		{"too long", "-", strings.Repeat("x", 10001), "", "the text must have 1 to 10000 characters"},
		{"empty", "-", "\n", "", "the text must have 1 to 10000 characters"},
		{"invalid UTF-8", "-", "\xff", "", "the text is not valid UTF-8"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := start(t, simulator.Options{})
			s.AddCase(simulator.Case{ID: "a/b"})
			r := ticketsim(t, c.in, "reply", "-url", s.URL(), "-name", "Ada", "a/b", c.arg)
			m := s.Messages("a/b")
			if c.err != "" {
				if r.code != exitFailed || r.err != "ticketsim reply: "+c.err+"\n" || len(m) != 0 {
					t.Errorf("got %+v, %d messages", r, len(m))
				}
				return
			}
			if r.code != exitDone || len(m) != 1 || m[0].Content != c.want || m[0].ReplierName != "Ada" || m[0].Type != 1 {
				t.Errorf("got %+v, %+v", r, m)
			}
		})
	}
}

// What fails although the arguments are right: exit 1, and nothing on standard
// output.
func TestFailures(t *testing.T) {
	s := start(t, simulator.Options{Tokens: []string{"t"}})
	s.AddCase(simulator.Case{ID: "shared", GroupID: "g"})
	s.AddMessage("shared", simulator.Message{Content: "x"})
	other := httptest.NewServer(http.NotFoundHandler())
	defer other.Close()
	empty := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusBadGateway)
		_, _ = w.Write([]byte("{}"))
	}))
	defer empty.Close()
	for _, c := range []struct {
		want string // in the error
		args []string
	}{
		{"APIGW.0301 Incorrect IAM token", []string{"thread", "-url", s.URL(), "-token", "u", "-group", "g", "shared"}},
		{"OSM.01010002 No permission for the operation", []string{"thread", "-url", s.URL(), "-token", "t", "shared"}},
		{"OSM.01010015 The case does not exist", []string{"thread", "-url", s.URL(), "-token", "t", "other"}},
		{`ticket "shared" already exists`, []string{"add", "-url", s.URL(), "shared"}},
		{`unknown ticket "other"`, []string{"close", "-url", s.URL(), "other"}},
		{`unknown ticket "other"`, []string{"reopen", "-url", s.URL(), "other"}},
		{`unknown ticket "other"`, []string{"reply", "-url", s.URL(), "other", "text"}},
		{"status 404: the answer is not from ticketsim", []string{"requests", "-url", other.URL}},
		{"status 502", []string{"faults", "-url", empty.URL}},
		{"is not a loopback address", []string{"-addr", "0.0.0.0:0"}},
		{"nowhere", []string{"-addr-file", "/nowhere/url"}},
	} {
		r := ticketsim(t, "", c.args...)
		if r.code != exitFailed || r.out != "" || !strings.Contains(r.err, c.want) || strings.Contains(r.err, "for help") {
			t.Errorf("%q: got %+v, want %s", c.args, r, c.want)
		}
	}
}

// wait outlasts connections that are refused and cut, and errors.
func TestWait(t *testing.T) {
	s := simulator.New(simulator.Options{})
	var attempts atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch attempts.Add(1) {
		case 1:
			panic(http.ErrAbortHandler)
		case 2:
			w.WriteHeader(http.StatusServiceUnavailable)
		default:
			s.ServeHTTP(w, r)
		}
	}))
	defer server.Close()
	done(t, "wait", "-url", server.URL)
	if n := attempts.Load(); n != 3 {
		t.Errorf("%d attempts", n)
	}
	server.Close()
	if r := ticketsim(t, "", "wait", "-url", server.URL, "-timeout", "1ms"); r.code != exitFailed || r.out != "" {
		t.Errorf("a server that is gone: %+v", r)
	}
}

// When the time is up, wait reports the last attempt that this did not cut short.
func TestWaitFails(t *testing.T) {
	ctx, timeUp := context.WithCancel(t.Context())
	defer timeUp()
	var attempts atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if attempts.Add(1) > 1 {
			timeUp()
			<-r.Context().Done()
		}
		http.NotFound(w, r)
	}))
	defer server.Close()
	const want = "the server does not answer: status 404: the answer is not from ticketsim"
	if err := awaitServer(ctx, client{server.URL}); err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("%v, want %s", err, want)
	}
}
