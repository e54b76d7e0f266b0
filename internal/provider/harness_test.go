package provider

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"maps"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/simulator"
)

const (
	testCase  = "TT201801020526"
	testToken = "token-for-tests-7f3a"
)

// userSettings are the developer's own settings, as name=value. TestAccSite alone uses them.
var userSettings []string

// TestMain removes the developer's own settings from the environment.
func TestMain(m *testing.M) {
	for _, s := range settings {
		for _, name := range s.env {
			if value := os.Getenv(name); value != "" {
				userSettings = append(userSettings, name+"="+value)
			}
			_ = os.Unsetenv(name)
		}
	}
	code := m.Run()
	if built != "" {
		_ = os.RemoveAll(built)
	}
	os.Exit(code)
}

// must is what a call returns that fails only if the test is wrong.
func must[T any](got T, err error) T {
	if err != nil {
		panic(err)
	}
	return got
}

// fixture is a simulated service. A provider in this process (see newProtocol) uses the
// same clock. Waiting moves that clock, so no test sleeps.
type fixture struct {
	*simulator.Server
	clock *clock
}

func newFixture(t testing.TB, options simulator.Options) *fixture {
	t.Helper()
	clock := &clock{}
	options.Tokens = append(options.Tokens, testToken)
	if options.Clock == nil {
		options.Clock = clock.Now
	}
	server := must(simulator.Start("", options))
	t.Cleanup(func() { _ = server.Close() })
	server.AddCase(simulator.Case{ID: testCase, Description: "Checkout is slow"})
	return &fixture{Server: server, clock: clock}
}

// config is a provider block for the service, with more arguments if given,
// and what follows it.
func (f *fixture) config(body string, arguments ...string) string {
	return fmt.Sprintf("provider \"servicerequest\" {\n  endpoint = %q\n  token    = %q\n  %s\n}\n%s",
		f.URL(), testToken, strings.Join(arguments, "\n  "), body)
}

// env is the environment of a CLI whose configuration leaves the service to it, with more variables if given.
func (f *fixture) env(more ...string) []string {
	return append([]string{"SERVICEREQUEST_ENDPOINT=" + f.URL(), "SERVICEREQUEST_TOKEN=" + testToken}, more...)
}

// contents are the texts on the ticket, in order.
func (f *fixture) contents() []string {
	var texts []string
	for _, m := range f.Messages(testCase) {
		texts = append(texts, m.Content)
	}
	return texts
}

// requests are the requests of an operation that came.
func (f *fixture) requests(operation string) []simulator.Request {
	return slices.DeleteFunc(f.Requests(), func(r simulator.Request) bool { return r.Operation != operation })
}

// posts are the submit requests that came.
func (f *fixture) posts() []simulator.Request { return f.requests(simulator.OpSubmit) }

// bodies are what the requests of an operation sent.
func (f *fixture) bodies(operation string) []string {
	var bodies []string
	for _, r := range f.requests(operation) {
		bodies = append(bodies, string(r.Body))
	}
	return bodies
}

// wantPosts fails unless exactly so many submits came, and lists of tickets: one
// for each ticket that a run submits to. No other request may have come.
func (f *fixture) wantPosts(t *testing.T, posts, lists int) {
	t.Helper()
	want := map[string]int{simulator.OpSubmit: posts, simulator.OpList: lists}
	maps.DeleteFunc(want, func(_ string, n int) bool { return n == 0 })
	f.wantCounts(t, want)
}

// wantCounts fails unless exactly these requests came.
func (f *fixture) wantCounts(t *testing.T, want map[string]int) {
	t.Helper()
	got := map[string]int{}
	for _, r := range f.Requests() {
		got[r.Operation]++
	}
	if !maps.Equal(got, want) {
		for _, r := range f.Requests() {
			t.Logf("%s %s %d %s", r.Method, r.Path, r.Status, r.Fault)
		}
		t.Fatalf("requests %v, want %v", got, want)
	}
}

// wantSubmits fails unless so many submits came.
func (f *fixture) wantSubmits(t *testing.T, want int) {
	t.Helper()
	if got := f.Count(simulator.OpSubmit); got != want {
		t.Errorf("%d submits, want %d", got, want)
	}
}

// wantContents fails unless the ticket has exactly these texts, in any order.
func (f *fixture) wantContents(t *testing.T, want ...string) {
	t.Helper()
	got := f.contents()
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("the ticket has %q, want %q", got, want)
	}
}

func wantValue(t *testing.T, name string, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		g, _ := json.MarshalIndent(got, "", " ")
		w, _ := json.MarshalIndent(want, "", " ")
		t.Errorf("%s is %s\nwant %s", name, g, w)
	}
}

// clock is real time plus the durations that were slept.
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

// WithTimeout gives a context a deadline by this clock. It ends after d of real time.
func (c *clock) WithTimeout(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	deadline := c.Now().Add(d)
	if earlier, ok := ctx.Deadline(); ok && earlier.Before(deadline) {
		deadline = earlier
	}
	ctx, cancel := context.WithTimeout(ctx, d)
	return withDeadline{ctx, deadline}, cancel
}

type withDeadline struct {
	context.Context
	deadline time.Time
}

func (w withDeadline) Deadline() (time.Time, bool) { return w.deadline, true }

// pemOf is the certificate of a server.
func pemOf(server *httptest.Server) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}))
}

func readText(t *testing.T, name string) string {
	t.Helper()
	content, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// writeFile makes a file, and the folders that it needs, and returns its path.
func writeFile(t *testing.T, folder, name, content string) string {
	t.Helper()
	file := filepath.Join(folder, name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o700), os.WriteFile(file, []byte(content), 0o600)); err != nil {
		t.Fatal(err)
	}
	return file
}

// glob are the files of a pattern, of which there is at least one.
func glob(t *testing.T, pattern string) []string {
	t.Helper()
	names := must(filepath.Glob(pattern))
	if len(names) == 0 {
		t.Fatalf("no file is %s", pattern)
	}
	return names
}

func copyTree(t *testing.T, from, to string) {
	t.Helper()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
}

// headerOf is a header; absent is the empty string.
func headerOf(r simulator.Request, name string) string {
	return strings.Join(r.Header.Values(name), ", ")
}
