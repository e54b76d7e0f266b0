package servicerequest

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/credentials"
	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/simulator"
)

const (
	testCase  = "TT201801020526"
	testToken = "token-for-tests-7f3a"
)

// must is what a call returns that fails only if the test is wrong.
func must[T any](got T, err error) T {
	if err != nil {
		panic(err)
	}
	return got
}

// fakeClock stands still. Sleeping moves it, for everyone at once.
type fakeClock struct {
	mu        sync.Mutex
	now       time.Time
	sleeps    []time.Duration
	deadlines map[*fakeContext]context.CancelCauseFunc // those that have not passed
	// onSleep, if not nil, is called before each sleep.
	onSleep func(d time.Duration)
}

// fakeContext ends with its parent, or when its clock reaches the deadline. That is the
// cause, then.
type fakeContext struct {
	context.Context
	deadline time.Time
}

func (x *fakeContext) Deadline() (time.Time, bool) { return x.deadline, true }

func (x *fakeContext) Err() error {
	if x.Context.Err() == nil {
		return nil
	}
	return context.Cause(x.Context)
}

func (c *fakeClock) WithTimeout(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	inner, end := context.WithCancelCause(ctx)
	c.mu.Lock()
	x := &fakeContext{inner, c.now.Add(d)}
	if earlier, ok := ctx.Deadline(); ok && earlier.Before(x.deadline) {
		x.deadline = earlier
	}
	c.deadlines[x] = end
	c.mu.Unlock()
	c.advance(0) // the deadline may have passed
	return x, func() {
		c.mu.Lock()
		delete(c.deadlines, x)
		c.mu.Unlock()
		end(context.Canceled)
	}
}

func newFakeClock() *fakeClock {
	// Not a whole second, so that cutting times to the second has an effect.
	return &fakeClock{
		now:       time.Date(2026, 3, 1, 12, 0, 0, 700_000_000, time.UTC),
		deadlines: map[*fakeContext]context.CancelCauseFunc{},
	}
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
	for x, end := range c.deadlines {
		if !x.deadline.After(c.now) {
			end(context.DeadlineExceeded)
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
	config := Config{Endpoint: must(ParseEndpoint(endpoint)), Credentials: credentials.Token(testToken), Clock: newFakeClock(), UserAgent: "test"}
	for _, f := range change {
		f(&config)
	}
	c := New(config)
	t.Cleanup(c.transport.(*http.Transport).CloseIdleConnections) // bound now: a test may replace the transport
	return c
}

// handler is a service whose answers come from a function, and a client for it.
func handler(t testing.TB, h http.HandlerFunc, change ...func(*Config)) (*Client, *httptest.Server) {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return newClient(t, server.URL, change...), server
}

// faults reads faults as flags have them.
func faults(t testing.TB, texts ...string) []simulator.Fault {
	t.Helper()
	var list []simulator.Fault
	for _, text := range texts {
		list = append(list, must(simulator.ParseFault(text)))
	}
	return list
}

func hello() Post { return Post{CaseID: testCase, Content: "Hello"} }

// post posts a message, and fails unless that has the outcome.
func post(t testing.TB, c *Client, p Post, want Outcome) Attempt {
	t.Helper()
	a, err := c.Post(t.Context(), p)
	if err != nil || a.Outcome != want || (a.Err == nil) != (want == Submitted) || a.Reason == "" {
		t.Errorf("%v (%s), %v; want %v: %v", a.Outcome, a.Reason, err, want, a.Err)
	}
	return a
}

// each calls do with 0 to n-1, all at the same time.
func each(n int, do func(int)) {
	var wait sync.WaitGroup
	for i := range n {
		wait.Go(func() { do(i) })
	}
	wait.Wait()
}
