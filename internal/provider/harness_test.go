package provider

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"

	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/simulator"
)

const (
	testCase  = "TT201801020526"
	testToken = "token-for-tests-7f3a"
)

// TestMain takes the developer's own settings away from the tests.
func TestMain(m *testing.M) {
	for _, s := range settings {
		for _, name := range s.env {
			_ = os.Unsetenv(name)
		}
	}
	for _, name := range append(append([]string{}, maxRetriesEnv...), insecureEnv...) {
		_ = os.Unsetenv(name)
	}
	code := m.Run()
	if built != "" {
		_ = os.RemoveAll(built)
	}
	os.Exit(code)
}

// fixture is a provider that the CLI reaches, and the service behind it. Both
// go by one clock, which waiting moves: no test sleeps.
type fixture struct {
	*simulator.Server
	clock     *clock
	providers map[string]func() (tfprotov6.ProviderServer, error)
}

func newFixture(t *testing.T, options simulator.Options) *fixture {
	t.Helper()
	clock := &clock{}
	options.Tokens = append(options.Tokens, testToken)
	if options.Clock == nil {
		options.Clock = clock.Now
	}
	server, err := simulator.Start("", options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	server.AddCase(simulator.Case{ID: testCase, Description: "Checkout is slow"})
	return &fixture{
		Server: server, clock: clock,
		providers: map[string]func() (tfprotov6.ProviderServer, error){
			"servicerequest": func() (tfprotov6.ProviderServer, error) {
				return newServer(&serviceRequestProvider{version: "test", clock: clock}), nil
			},
		},
	}
}

// config is a provider block for the service, with more arguments if given,
// and what follows it.
func (f *fixture) config(body string, arguments ...string) string {
	return fmt.Sprintf("provider \"servicerequest\" {\n  endpoint = %q\n  token    = %q\n  %s\n}\n%s",
		f.URL(), testToken, strings.Join(arguments, "\n  "), body)
}

// contents are the texts on the ticket, in order.
func (f *fixture) contents() []string {
	var texts []string
	for _, m := range f.Messages(testCase) {
		texts = append(texts, m.Content)
	}
	return texts
}

// posts are the submit requests that came.
func (f *fixture) posts() []simulator.Request {
	var posts []simulator.Request
	for _, r := range f.Requests() {
		if r.Operation == simulator.OpSubmit {
			posts = append(posts, r)
		}
	}
	return posts
}

// wantPosts fails unless exactly so many requests came, and all are submits.
func (f *fixture) wantPosts(t *testing.T, want int) {
	t.Helper()
	if got := len(f.Requests()); got != want || f.Count(simulator.OpSubmit) != want {
		for _, r := range f.Requests() {
			t.Logf("%s %s %d %s", r.Method, r.Path, r.Status, r.Fault)
		}
		t.Fatalf("%d requests, %d of them submits; want %d submits alone", got, f.Count(simulator.OpSubmit), want)
	}
}

// clock is real time plus what was slept.
type clock struct {
	mu    sync.Mutex
	slept time.Duration
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.slept)
}

func (c *clock) Sleep(ctx context.Context, d time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.slept += d
	return ctx.Err()
}

// header is the header that a test expects; absent is the empty string.
func headerOf(r simulator.Request, name string) string {
	return strings.Join(r.Header.Values(name), ", ")
}
