package servicerequest

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
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
	deadlines map[*fakeContext]bool // those that have not passed
	// onSleep, if not nil, is called before each sleep.
	onSleep func(d time.Duration)
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
	if err := x.Context.Err(); err != nil { // AfterFunc may come later
		x.end(err)
	}
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
	if err := ctx.Err(); err != nil {
		x.end(err)
	}
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
	config := Config{Endpoint: must(ParseEndpoint(endpoint)), Credentials: credentials.Token(testToken), Clock: newFakeClock(), UserAgent: "test"}
	for _, f := range change {
		f(&config)
	}
	c := must(New(config))
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

// each calls do with 0 to n-1, a limited number at a time.
func each(n, parallel int, do func(int)) {
	var next atomic.Int32
	var wait sync.WaitGroup
	for range parallel {
		wait.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				do(i)
			}
		})
	}
	wait.Wait()
}
