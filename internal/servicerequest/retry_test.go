package servicerequest

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/credentials"
	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/simulator"
)

func TestWaitsGrowWithFullJitter(t *testing.T) {
	t.Parallel()
	clock := newFakeClock()
	for _, tc := range []struct {
		n         int
		throttled bool
		ceiling   time.Duration
	}{
		{0, false, 500 * time.Millisecond}, {1, false, 500 * time.Millisecond}, {2, false, time.Second}, {3, false, 2 * time.Second}, {6, false, 16 * time.Second},
		{7, false, 30 * time.Second}, {100_000, false, 30 * time.Second},
		{1, true, 500 * time.Millisecond}, {2, true, time.Second}, {3, true, 1500 * time.Millisecond}, {60, true, 30 * time.Second}, {100_000, true, 30 * time.Second},
	} {
		for jitter, want := range map[float64]time.Duration{0: 0, 0.5: tc.ceiling / 2, 0.999: tc.ceiling * 999 / 1000} {
			random := func() float64 { return jitter }
			if got, err := Wait(t.Context(), clock, tc.n, tc.throttled, 0, random); (got-want).Abs() > time.Microsecond || err != nil {
				t.Errorf("%+v, at %v: %v (%v), want %v", tc, jitter, got, err, want)
			}
			// The wait is at least what the service asks for. Throttled clients spread above it.
			if got, err := Wait(t.Context(), clock, tc.n, tc.throttled, 7*time.Second, random); (got-7*time.Second-want/4).Abs() > time.Microsecond || err != nil {
				t.Errorf("%+v, at %v, asked for 7 s: %v (%v)", tc, jitter, got, err)
			}
		}
	}
}

// What the service asks for is not begun if it does not fit. A wait of our own is shortened, until almost no time is left.
func TestWaitsFitIntoTheTimeLeft(t *testing.T) {
	t.Parallel()
	clock, random := newFakeClock(), func() float64 { return 0.5 }
	ctx, cancel := clock.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if _, err := Wait(ctx, clock, 1, true, 20*time.Second, random); err == nil || err.Wait != 20*time.Second || err.Left != 10*time.Second || !err.Asked {
		t.Errorf("asked for 20 s of 10: %+v", err)
	}
	if got, err := Wait(ctx, clock, 100, false, 0, random); got != 5*time.Second || err != nil {
		t.Errorf("15 s of 10: %v, %+v", got, err)
	}
	clock.advance(9800 * time.Millisecond)
	if _, err := Wait(ctx, clock, 100, false, 0, random); err == nil || err.Asked {
		t.Errorf("15 s of 200 ms: %+v", err)
	}
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	received := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	// The service's clock is ten minutes ahead of ours.
	date := received.Add(10 * time.Minute)
	at := func(d time.Duration) string { return date.Add(d).Format(http.TimeFormat) }
	for _, tc := range []struct {
		value, date string
		want        time.Duration
	}{
		{"", "", 0},
		{"0", "", 0},
		{"7", "", 7 * time.Second},
		{" 7 ", "", 7 * time.Second},
		{"120", "", 2 * time.Minute},
		{"121", "", 2 * time.Minute},
		{"99999999999999999999999", "", 2 * time.Minute},
		{"-1", "", 0},
		{"soon", "", 0},
		{at(9 * time.Second), at(0), 9 * time.Second},
		{at(time.Hour), at(0), 2 * time.Minute},
		{at(-time.Hour), at(0), 0},
		{at(9 * time.Second), "", 2 * time.Minute}, // without a Date our clock counts
		{"Mon, 01 Jan 0001 00:00:00 GMT", at(0), 0},
		{"Fri, 31 Dec 9999 23:59:59 GMT", at(0), 2 * time.Minute},
	} {
		h := http.Header{}
		h.Set("Retry-After", tc.value)
		h.Set("Date", tc.date)
		if got := (observation{header: h, received: received}).asked(); got != tc.want {
			t.Errorf("%q, Date %q: %v, want %v", tc.value, tc.date, got, tc.want)
		}
	}
}

// Being throttled is not a failure: it is waited for until the deadline.
func TestThrottledReadsWait(t *testing.T) {
	t.Parallel()
	s := newService(t, simulator.Options{Faults: faults(t, "429?op=list&times=20&retry_after=7", "500?op=list&times=3")})
	reasons := map[string]int{}
	c := s.client(t, func(c *Config) {
		c.OnWait = func(_ context.Context, reason string, d time.Duration) {
			reasons[reason]++
			if reason == "throttled" && d < 7*time.Second {
				t.Errorf("waits %v", d)
			}
		}
	})
	c.jitter = func() float64 { return 0.5 }
	if _, err := c.List(t.Context(), testCase, ""); err != nil {
		t.Fatal(err)
	}
	if n := s.Count(simulator.OpList); n != 24 {
		t.Errorf("%d requests", n)
	}
	if want := map[string]int{"throttled": 20, "HTTP 500": 3}; !maps.Equal(reasons, want) {
		t.Errorf("%v, want %v", reasons, want)
	}
}

// A read without a deadline is tried for five minutes; one with a deadline until
// that, and a wait beyond it ends at once.
func TestThrottledReadsEnd(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		deadline time.Duration // 0 is none
		asked    time.Duration
		requests int
		waited   time.Duration
	}{
		"no deadline": {0, 2 * time.Minute, 3, 4 * time.Minute},
		"a deadline":  {100 * time.Second, 30 * time.Second, 4, 90 * time.Second},
		"a short one": {10 * time.Second, 30 * time.Second, 1, 0},
	} {
		s := newService(t, simulator.Options{Faults: faults(t, fmt.Sprintf("429?op=list&retry_after=%.0f", tc.asked.Seconds()))})
		c := s.client(t)
		c.jitter = func() float64 { return 0 }
		ctx, cancel := t.Context(), func() {}
		if tc.deadline > 0 {
			ctx, cancel = s.clock.WithTimeout(ctx, tc.deadline)
		}
		began := s.clock.Now()
		_, err := c.List(ctx, testCase, "")
		cancel()
		var noTime *NoTimeError
		var api *APIError
		if !errors.As(err, &noTime) || !errors.As(err, &api) || api.Cause() != CauseThrottled || !noTime.Asked || noTime.Wait != tc.asked {
			t.Errorf("%s: %v", name, err)
		}
		if n, waited := s.Count(simulator.OpList), s.clock.Now().Sub(began); n != tc.requests || waited != tc.waited {
			t.Errorf("%s: %d requests in %v", name, n, waited)
		}
	}
}

// Each page is repeated by itself: a page that was read is not read again.
func TestThrottledPageIsReadAgainAlone(t *testing.T) {
	t.Parallel()
	s := newService(t, simulator.Options{Faults: faults(t, "429@2,3,4,5,6,7?op=list")})
	for range 150 {
		s.AddMessage(testCase, simulator.Message{Content: "x"})
	}
	l, err := s.client(t).List(t.Context(), testCase, "")
	if err != nil || len(l.Messages) != 150 {
		t.Errorf("%d messages, %v", len(l.Messages), err)
	}
	first := 0
	for _, r := range s.Requests() {
		if strings.Contains(r.RawQuery, "offset=0&") {
			first++
		}
	}
	if n := s.Count(simulator.OpList); first > 2 || n > 6+4 {
		t.Errorf("%d requests, %d for the first page", n, first)
	}
}

func TestCancelledWhileWaiting(t *testing.T) {
	t.Parallel()
	s := newService(t, simulator.Options{Faults: faults(t, "429?op=list")})
	ctx, cancel := context.WithCancel(t.Context())
	s.clock.onSleep = func(time.Duration) { cancel() }
	_, err := s.client(t).List(ctx, testCase, "")
	if n := s.Count(simulator.OpList); !errors.As(err, new(*APIError)) || n != 1 {
		t.Errorf("%d requests, %v", n, err)
	}
}

// A wait by the machine's clock ends with the context.
func TestSystemClockIsCancelled(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		if err := (systemClock{}).Sleep(ctx, time.Hour); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		if err := (systemClock{}).Sleep(t.Context(), time.Hour); err != nil {
			t.Error(err)
		}
	})
}

// The time limit holds until the last byte of the body.
func TestTimeoutInTheBody(t *testing.T) {
	t.Parallel()
	clock := newFakeClock()
	c, _ := handler(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Length", "9")
		_, _ = io.WriteString(w, "{")
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}, func(c *Config) { c.Clock = clock })
	c.transport = late{c.transport.(*http.Transport), clock}
	a := post(t, c, hello(), Unknown)
	if !a.TimedOut || !strings.Contains(a.Err.Error(), "the answer is cut off (context deadline exceeded)") || a.Ended.Sub(a.Began) != 30*time.Second {
		t.Errorf("%+v", a)
	}
}

// late is a transport after whose answers 30 seconds pass.
type late struct {
	*http.Transport
	clock *fakeClock
}

func (l late) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := l.Transport.RoundTrip(r)
	l.clock.advance(30 * time.Second)
	return resp, err
}

// A failure that another attempt cannot change is not retried.
func TestPermanentFailures(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		start func(*httptest.Server)
		is    func(error) bool
	}{
		"certificate": {(*httptest.Server).StartTLS, func(err error) bool { var e *tls.CertificateVerificationError; return errors.As(err, &e) }},
		"no TLS":      {(*httptest.Server).Start, func(err error) bool { var e tls.RecordHeaderError; return errors.As(err, &e) }},
	} {
		var connections atomic.Int32
		server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
		server.Config.ErrorLog = quiet
		server.Config.ConnState = func(_ net.Conn, s http.ConnState) {
			if s == http.StateNew {
				connections.Add(1)
			}
		}
		tc.start(server)
		c := newClient(t, "https://"+server.Listener.Addr().String())
		a := post(t, c, hello(), NotExecuted)
		_, err := c.List(t.Context(), testCase, "")
		server.Close()
		if !a.Permanent || !tc.is(a.Err) || !tc.is(err) || !PreventsPost(err) || connections.Load() != 2 {
			t.Errorf("%s: %v, %v after %d connections", name, a.Err, err, connections.Load())
		}
	}
}

func TestWhatAnErrorMeans(t *testing.T) {
	t.Parallel()
	none := &credentials.Error{Err: &APIError{Status: 403}}
	for err, want := range map[error]struct{ refusal, denied, prevents bool }{
		none:                                         {prevents: true},
		&NoTimeError{Err: none}:                      {prevents: true},
		&handshakeError{errors.New("no")}:            {prevents: true},
		&APIError{Status: 302}:                       {refusal: true, prevents: true},
		&ProxyError{Status: 407}:                     {prevents: true},
		&ProxyError{Status: 408}:                     {},
		&ProxyError{Status: 429}:                     {},
		&ProxyError{Status: 302}:                     {},
		&APIError{Status: 403}:                       {refusal: true, denied: true},
		&APIError{Status: 404}:                       {refusal: true},
		&APIError{Status: 200, Code: "OSM.01010002"}: {refusal: true, denied: true},
		&APIError{Status: 200, Code: "OSM.01010015"}: {refusal: true},
		&APIError{Status: 200, Code: "OSM.01010014"}: {},
		&APIError{Status: 503}:                       {},
		&NoTimeError{Err: &APIError{Status: 429}}:    {},
		errListShrank:                                {},
		context.DeadlineExceeded:                     {},
	} {
		if r, d, p := IsRefusal(err), IsPermissionDenied(err), PreventsPost(err); r != want.refusal || d != want.denied || p != want.prevents {
			t.Errorf("%v: refusal %t, denied %t, prevents a post %t; want %+v", err, r, d, p, want)
		}
	}
}

// A call that changes nothing is repeated while the service fails, and not
// when it refuses.
func TestIdempotentCallsAreRepeated(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		fault simulator.Fault
		want  int // requests
	}{
		{simulator.Fault{Kind: "html", Times: 1}, 2},
		{simulator.Fault{Kind: "cut", Times: 1}, 2},
		{simulator.Fault{Kind: "truncated", Times: 1}, 2},
		{simulator.Fault{Kind: "200", Code: "OSM.01010014", Times: 1}, 2},
		{simulator.Fault{Kind: "500"}, idempotentAttempts},
		{simulator.Fault{Kind: "403"}, 1},
		{simulator.Fault{Kind: "307", Location: "https://elsewhere.example"}, 1},
		{simulator.Fault{Kind: "401"}, 1},
	} {
		tc.fault.Operation = simulator.OpList
		s := newService(t, simulator.Options{Faults: []simulator.Fault{tc.fault}})
		_, err := s.client(t).List(t.Context(), testCase, "")
		if n := s.Count(simulator.OpList); n != tc.want || (err == nil) != (tc.fault.Times > 0) {
			t.Errorf("%+v: %d requests, %v", tc.fault, n, err)
		}
	}
}
