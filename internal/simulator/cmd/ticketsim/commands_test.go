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

const someURL = "http://127.0.0.1:1"

func TestThread(t *testing.T) {
	s := start(t, simulator.Options{})
	at := func(h int) simulator.Message {
		return simulator.Message{CreateTime: time.Date(2026, 1, 2, h, 0, 0, 0, time.UTC)}
	}
	s.AddCase(simulator.Case{ID: "case/1&3", Status: 17, Description: "It is slow"})
	m := at(3)
	m.ReplierName, m.Content, m.AccessoryIDs = "Ada", "Hello\n\n  indented\n", []string{"a.txt"}
	s.AddMessage("case/1&3", m)
	m = at(4)
	m.Type, m.Content = 1, "Answer"
	s.AddMessage("case/1&3", m)

	want := `case/1&3 (awaiting feedback): It is slow

#1  Ada (customer)  2026-01-02T03:00:00Z
    [attached: a.txt]
    Hello

      indented

#2  engineer  2026-01-02T04:00:00Z
    Answer
`
	if got := done(t, "thread", "-url", s.URL(), "case/1&3"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	s.AddCase(simulator.Case{ID: "case/1&3", Status: 99})
	if got := done(t, "thread", "-url", s.URL(), "case/1&3"); !strings.HasPrefix(got, "case/1&3 (status 99)\n") {
		t.Errorf("an unknown status:\n%s", got)
	}
}

// What fails although the arguments are right: exit 1, and nothing on standard
// output.
func TestFailures(t *testing.T) {
	s := start(t, simulator.Options{})
	other := httptest.NewServer(http.NotFoundHandler())
	defer other.Close()
	silent := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer silent.Close()
	for _, c := range []struct {
		want string // in the error
		args []string
	}{
		{`unknown ticket "other"`, []string{"thread", "-url", s.URL(), "other"}},
		{"status 404: the answer is not from ticketsim", []string{"requests", "-url", other.URL}},
		{"status 200: the answer is not from ticketsim", []string{"close", "-url", silent.URL, "case-123"}},
		{"is not a loopback address", []string{"-addr", "0.0.0.0:0"}},
		{"nowhere", []string{"-addr-file", "/nowhere/url"}},
		{"nowhere", []string{"-agency", "a:b", "-pod-token-file", "/nowhere/token"}},
	} {
		r := ticketsim(t, c.args...)
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
	if err := awaitServer(ctx, invocation{server: server.URL}); err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("%v, want %s", err, want)
	}
}

// Wrong arguments: exit 2, a hint, and nothing was asked of a server.
func TestUsageErrors(t *testing.T) {
	for _, c := range []struct {
		want string // the error's first line
		args []string
	}{
		{`ticketsim: unknown command "other"`, []string{"other"}},
		{"ticketsim: wrong number of arguments; flags come before them", []string{"-ecs-agency", "other"}},
		{"ticketsim: flag provided but not defined: -other", []string{"-other"}},
		{`ticketsim: invalid value "=x" for flag -case: must begin with an ID`, []string{"-case", "=x"}},
		{`ticketsim: invalid value "n:p" for flag -user: `, []string{"-user", "n:p"}},
		{`ticketsim: invalid value ":p:d" for flag -user: `, []string{"-user", ":p:d"}},
		{`ticketsim: invalid value "n::d" for flag -user: `, []string{"-user", "n::d"}},
		{`ticketsim: invalid value "AK" for flag -access-key: must have two parts with : between them`, []string{"-access-key", "AK"}},
		{`ticketsim: invalid value ":x" for flag -agency: `, []string{"-agency", ":x"}},
		{`ticketsim: invalid value "x" for flag -oidc-provider: must have two parts with = between them`, []string{"-oidc-provider", "x"}},
		{"ticketsim: -oidc-provider, -pod-token-file and -ecs-agency require -agency", []string{"-oidc-provider", "ci=cloud"}},
		{"ticketsim: -oidc-provider, -pod-token-file and -ecs-agency require -agency", []string{"-pod-token-file", "x"}},
		{"ticketsim: -oidc-provider, -pod-token-file and -ecs-agency require -agency", []string{"-ecs-agency"}},

		{"ticketsim requests: -url is required", []string{"requests"}},
		{"ticketsim thread: -url is required", []string{"thread", "case-123"}},
		{`ticketsim wait: invalid value "127.0.0.1:1" for flag -url: `, []string{"wait", "-url", "127.0.0.1:1"}},
		{`ticketsim wait: invalid value "ftp://x" for flag -url: `, []string{"wait", "-url", "ftp://x"}},
		{`ticketsim wait: invalid value "http://" for flag -url: `, []string{"wait", "-url", "http://"}},
		{`ticketsim wait: invalid value "http://x?y" for flag -url: `, []string{"wait", "-url", "http://x?y"}},
		{"ticketsim thread: wrong number of arguments; flags come before them; usage: ticketsim thread -url URL CASE", []string{"thread", "-url", someURL}},
		{"ticketsim close: wrong number of arguments", []string{"close", "-url", someURL, "case-123", "x"}},
		{"ticketsim reply: wrong number of arguments", []string{"reply", "-url", someURL, "case-123"}},
		{`ticketsim id-token: invalid value "1" for flag -lifetime: `, []string{"id-token", "-url", someURL, "-lifetime", "1"}},
	} {
		ended, end := context.WithCancel(t.Context())
		end() // what should be refused does not serve for ever
		r := within(ended, c.args...)
		if r.code != exitUsage || r.out != "" || !strings.HasPrefix(r.err, c.want) || !strings.HasSuffix(r.err, "-h\" for help.\n") {
			t.Errorf("%q: got %+v, want %s", c.args, r, c.want)
		}
	}
}

// Help goes to standard output, and says what there is to say.
func TestHelp(t *testing.T) {
	var kinds, names []string
	for _, k := range simulator.FaultKinds() {
		kinds = append(kinds, "\n  "+k.Name+" ")
	}
	for _, c := range commands() {
		names = append(names, "\n  "+c.name+" ")
	}
	for _, c := range append(commands(), serveCommand()) {
		args, want := []string{c.name}, []string{"Usage: " + c.title() + " " + c.usage + "\n", "  -url URL\n"}
		switch c.name {
		case "":
			args, want = nil, append(names, "Usage: ticketsim [flags]\n", "\n  requests  ", "  -agency ACCOUNT_ID:NAME\n", "Exit status: 0", "TICKETSIM_TOKEN")
		case "faults":
			want = append(want, kinds...)
		}
		for _, flag := range []string{"-h", "--help"} {
			out := done(t, append(args, flag)...)
			for _, w := range want {
				if !strings.Contains(out, w) {
					t.Errorf("%s %s: no %q in\n%s", c.title(), flag, w, out)
				}
			}
			for line := range strings.Lines(out) {
				if strings.TrimRight(line, " \t\n") != strings.TrimSuffix(line, "\n") {
					t.Errorf("%s %s: space at the end of %q", c.title(), flag, line)
				}
			}
		}
	}
}
