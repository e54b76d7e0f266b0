package servicerequest

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/simulator"
)

const (
	testCase  = "TT201801020526"
	testToken = "token-for-tests-7f3a"
)

// fakeClock stands still. Sleeping moves it, for everyone at once.
type fakeClock struct {
	mu        sync.Mutex
	now       time.Time
	sleeps    []time.Duration
	deadlines map[*fakeContext]bool // those that have not passed
	// onSleep, if not nil, is called before each sleep.
	onSleep func(d time.Duration)
	// realTimeouts makes WithTimeout wait for the machine's clock.
	realTimeouts bool
}

// fakeContext ends when its clock reaches the deadline, or with its parent.
type fakeContext struct {
	context.Context
	deadline time.Time
	done     chan struct{}
	mu       sync.Mutex
	err      error
}

func (x *fakeContext) Deadline() (time.Time, bool) { return x.deadline, true }
func (x *fakeContext) Done() <-chan struct{}       { return x.done }

func (x *fakeContext) Err() error {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.err
}

func (x *fakeContext) end(err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.err == nil {
		x.err = err
		close(x.done)
	}
}

func (c *fakeClock) WithTimeout(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	if c.realTimeouts {
		return context.WithTimeout(ctx, d)
	}
	x := &fakeContext{Context: ctx, done: make(chan struct{})}
	c.mu.Lock()
	x.deadline = c.now.Add(d)
	if earlier, ok := ctx.Deadline(); ok && earlier.Before(x.deadline) {
		x.deadline = earlier
	}
	if c.deadlines == nil {
		c.deadlines = map[*fakeContext]bool{}
	}
	c.deadlines[x] = true
	c.mu.Unlock()
	c.advance(0) // the deadline may have passed
	stop := context.AfterFunc(ctx, func() { x.end(ctx.Err()) })
	return x, func() {
		stop()
		c.mu.Lock()
		delete(c.deadlines, x)
		c.mu.Unlock()
		x.end(context.Canceled)
	}
}

func newFakeClock() *fakeClock {
	// Not a whole second, so that cutting times to the second has an effect.
	return &fakeClock{now: time.Date(2026, 3, 1, 12, 0, 0, 700_000_000, time.UTC)}
}

func (c *fakeClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *fakeClock) Sleep(ctx context.Context, d time.Duration) error {
	if c.onSleep != nil {
		c.onSleep(d)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	c.mu.Lock()
	c.sleeps = append(c.sleeps, d)
	c.mu.Unlock()
	c.advance(d)
	return nil
}

// advance moves the clock without a sleep, and ends the contexts whose deadline it
// reaches.
func (c *fakeClock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
	for x := range c.deadlines {
		if !x.deadline.After(c.now) {
			x.end(context.DeadlineExceeded)
			delete(c.deadlines, x)
		}
	}
}

// service is a simulated service that uses the clock of its clients.
type service struct {
	*simulator.Server
	clock *fakeClock
}

func newService(t testing.TB, o simulator.Options) *service {
	t.Helper()
	s := &service{clock: newFakeClock()}
	o.Tokens, o.Clock = append(o.Tokens, testToken), s.clock.Now
	var err error
	if s.Server, err = simulator.Start("", o); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	s.AddCase(simulator.Case{ID: testCase})
	return s
}

// client is a new client of the service.
func (s *service) client(t testing.TB, change ...func(*Config)) *Client {
	t.Helper()
	return newClient(t, s.URL(), append([]func(*Config){func(c *Config) { c.Clock = s.clock }}, change...)...)
}

func newClient(t testing.TB, endpoint string, change ...func(*Config)) *Client {
	t.Helper()
	u, err := ParseEndpoint(endpoint)
	if err != nil {
		t.Fatal(err)
	}
	config := Config{Endpoint: u, Credentials: Token(testToken), MaxRetries: 5, Clock: newFakeClock(), UserAgent: "test"}
	for _, f := range change {
		f(&config)
	}
	c, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.transport.(*http.Transport).CloseIdleConnections)
	return c
}

// handler is a service whose answers come from a function, and a client for it.
func handler(t testing.TB, h http.HandlerFunc, change ...func(*Config)) (*Client, *httptest.Server) {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return newClient(t, server.URL, change...), server
}

func mustURL(t testing.TB, s string) *url.URL {
	t.Helper()
	u, err := ParseEndpoint(s)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// onTicket counts the messages of each content on the ticket.
func (s *service) onTicket(caseID string) map[string]int {
	n := map[string]int{}
	for _, m := range s.Messages(caseID) {
		n[m.Content]++
	}
	return n
}

// want fails unless the ticket has this number of messages, and the service got this
// number of submits and lists.
func (s *service) want(t testing.TB, messages, submits, lists int) {
	t.Helper()
	got := [3]int{len(s.Messages(testCase)), s.Count(simulator.OpSubmit), s.Count(simulator.OpList)}
	if got != [3]int{messages, submits, lists} {
		t.Errorf("%d messages after %d submits and %d lists, want %d, %d, %d", got[0], got[1], got[2], messages, submits, lists)
	}
	if others := len(s.Requests()) - got[1] - got[2]; others != 0 {
		t.Errorf("%d other requests", others)
	}
}

// result tells how Submit ended.
type result string

const (
	gotReceipt     result = "receipt"
	gotWarning     result = "receipt with a warning" // sent again
	gotRejected    result = "rejected"
	gotNotSent     result = "not submitted"
	gotUnconfirmed result = "unconfirmed"
	gotNotSearched result = "not searched"
	gotConflict    result = "key conflict"
)

func resultOf(t testing.TB, r Receipt, err error) result {
	t.Helper()
	var api *APIError
	var not *NotSubmittedError
	var uncertain *UnconfirmedError
	var search *SearchError
	var conflict *KeyConflictError
	switch {
	case err == nil && r.Resent != "":
		return gotWarning
	case err == nil:
		return gotReceipt
	case errors.As(err, &uncertain): // which may wrap the others
		return gotUnconfirmed
	case errors.As(err, &search):
		return gotNotSearched
	case errors.As(err, &conflict):
		return gotConflict
	case errors.As(err, &not):
		return gotNotSent
	case errors.As(err, &api):
		return gotRejected
	}
	t.Fatalf("an error of no known kind: %T %v", err, err)
	return ""
}

func wantResult(t testing.TB, r Receipt, err error, want result) {
	t.Helper()
	if got := resultOf(t, r, err); got != want {
		t.Errorf("got %q, want %q: %v", got, want, err)
	}
}

func hello() Submission { return Submission{CaseID: testCase, Content: "Hello"} }
