package servicerequest

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/simulator"
)

func TestBackoffIsExponentialWithFullJitter(t *testing.T) {
	t.Parallel()
	for n, ceiling := range map[int]time.Duration{
		0: 500 * time.Millisecond, 1: 500 * time.Millisecond, 2: time.Second, 3: 2 * time.Second, 6: 16 * time.Second, 7: 30 * time.Second,
		8: 30 * time.Second, 1000: 30 * time.Second,
	} {
		for jitter, want := range map[float64]time.Duration{0: 0, 0.5: ceiling / 2, 0.999: ceiling * 999 / 1000} {
			random := func() float64 { return jitter }
			if got := Backoff(n, 0, random); (got - want).Abs() > time.Microsecond {
				t.Errorf("after %d attempts, at %v: %v, want %v", n, jitter, got, want)
			}
			// The wait is at least what the service asks for. Throttled clients spread above it.
			if got := Backoff(n, 7*time.Second, random); (got - 7*time.Second - want/4).Abs() > time.Microsecond {
				t.Errorf("after %d attempts, at %v, asked for 7 s: %v", n, jitter, got)
			}
		}
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
		ok          bool
	}{
		{"", "", 0, false},
		{"0", "", 0, true},
		{"7", "", 7 * time.Second, true},
		{" 7 ", "", 7 * time.Second, true},
		{"120", "", 2 * time.Minute, true},
		{"121", "", 2 * time.Minute, true},
		{"9223372036854775807", "", 2 * time.Minute, true},
		{"99999999999999999999999", "", 2 * time.Minute, true},
		{"-1", "", 0, false},
		{"+1", "", 0, false},
		{"1.5", "", 0, false},
		{"soon", "", 0, false},
		{at(9 * time.Second), at(0), 9 * time.Second, true},
		{at(time.Hour), at(0), 2 * time.Minute, true},
		{at(-time.Hour), at(0), 0, true},
		{at(9 * time.Second), "", 2 * time.Minute, true}, // without a Date our clock counts
		{"Mon, 01 Jan 0001 00:00:00 GMT", at(0), 0, true},
		{"Fri, 31 Dec 9999 23:59:59 GMT", at(0), 2 * time.Minute, true},
	} {
		h := http.Header{}
		h.Set("Retry-After", tc.value)
		h.Set("Date", tc.date)
		if got, ok := retryAfter(h, received); got != tc.want || ok != tc.ok {
			t.Errorf("%q, Date %q: %v %v, want %v %v", tc.value, tc.date, got, ok, tc.want, tc.ok)
		}
	}
}

func TestRetryAfterIsWaitedFor(t *testing.T) {
	t.Parallel()
	s := newService(t, simulator.Options{Faults: []simulator.Fault{{Kind: "429", Ordinals: []int{1}, RetryAfter: "11"}}})
	began := s.clock.Now()
	r, err := s.client(t).Submit(t.Context(), hello())
	wantResult(t, r, err, gotReceipt)
	s.want(t, 1, 2, 1)
	if waited := s.clock.Now().Sub(began); waited < 11*time.Second || waited > 12*time.Second {
		t.Errorf("waited %v", waited)
	}
}

func TestMaxRetries(t *testing.T) {
	t.Parallel()
	for _, most := range []int{0, 1, 5} {
		s := newService(t, simulator.Options{Faults: []simulator.Fault{{Kind: "429"}}})
		r, err := s.client(t, func(c *Config) { c.MaxRetries = most }).Submit(t.Context(), hello())
		wantResult(t, r, err, gotNotSent)
		s.want(t, 0, most+1, 1)
		var not *NotSubmittedError
		if errors.As(err, &not); not.Attempts != most+1 || not.Checked {
			t.Errorf("%+v", not)
		}
		var api *APIError
		if !errors.As(err, &api) || api.Status != 429 {
			t.Errorf("the last answer is not in %v", err)
		}
	}
}

// Without retries an unknown outcome is still checked.
func TestNoRetriesStillChecks(t *testing.T) {
	t.Parallel()
	for kind, want := range map[string]result{"lost-answer": gotReceipt, "cut": gotNotSent} {
		s := newService(t, simulator.Options{Faults: []simulator.Fault{{Kind: kind}}})
		r, err := s.client(t, func(c *Config) { c.MaxRetries = 0 }).Submit(t.Context(), hello())
		wantResult(t, r, err, want)
		if n := s.Count(simulator.OpSubmit); n != 1 {
			t.Errorf("%s: %d submits", kind, n)
		}
		var not *NotSubmittedError
		if errors.As(err, &not) && !not.Checked {
			t.Error("it does not tell that it checked")
		}
	}
}

// If the ticket was checked, the error says so, whatever the last attempt ended with.
func TestCheckedIsNotForgotten(t *testing.T) {
	t.Parallel()
	s := newService(t, simulator.Options{Faults: []simulator.Fault{{Kind: "cut", Ordinals: []int{1}}, {Kind: "429"}}})
	_, err := s.client(t, func(c *Config) { c.MaxRetries = 1 }).Submit(t.Context(), hello())
	var not *NotSubmittedError
	if !errors.As(err, &not) || !not.Checked || not.Attempts != 2 {
		t.Errorf("%+v %v", not, err)
	}
}

// A refusal says nothing about the earlier attempt, which was checked.
func TestARefusalAfterACheckTellsBoth(t *testing.T) {
	t.Parallel()
	for kind, status := range map[string]int{"401": 401, "403": 403} {
		s := newService(t, simulator.Options{Faults: []simulator.Fault{{Kind: "cut", Ordinals: []int{1}}, {Kind: kind, Ordinals: []int{2}}}})
		_, err := s.client(t).Submit(t.Context(), hello())
		var not *NotSubmittedError
		var api *APIError
		if !errors.As(err, &not) || !not.Checked || not.Attempts != 2 || !errors.As(err, &api) || api.Status != status {
			t.Errorf("%s: %v, want that the ticket was checked, and the service's refusal", kind, err)
		}
	}
}

// If the deadline is before the end of a wait, there is no wait.
func TestWaitBeyondTheDeadlineEndsAtOnce(t *testing.T) {
	t.Parallel()
	s := newService(t, simulator.Options{Faults: []simulator.Fault{{Kind: "429", RetryAfter: "60"}}})
	ctx, cancel := s.clock.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	before := s.clock.Now()
	r, err := s.client(t).Submit(ctx, hello())
	wantResult(t, r, err, gotNotSent)
	var late *NoTimeError
	if !errors.As(err, &late) || late.Wait < time.Minute || late.Left > 30*time.Second || !late.Asked || !strings.Contains(err.Error(), "429") {
		t.Errorf("%v", err)
	}
	s.want(t, 0, 1, 1)
	if s.clock.Now() != before {
		t.Error("it waited")
	}
}

func TestCancelledWhileWaiting(t *testing.T) {
	t.Parallel()
	s := newService(t, simulator.Options{Faults: []simulator.Fault{{Kind: "429"}}})
	ctx, cancel := context.WithCancel(t.Context())
	s.clock.onSleep = func(time.Duration) { cancel() }
	r, err := s.client(t).Submit(ctx, hello())
	wantResult(t, r, err, gotNotSent)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	s.want(t, 0, 1, 1)
}

// A wait by the machine's clock ends with the context.
func TestSystemClockIsCancelled(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(time.Millisecond, cancel)
	if err := (systemClock{}).Sleep(ctx, time.Hour); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if err := (systemClock{}).Sleep(t.Context(), time.Nanosecond); err != nil {
		t.Error(err)
	}
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
		r, err := newClient(t, "https://"+server.Listener.Addr().String()).Submit(t.Context(), hello())
		server.Close()
		wantResult(t, r, err, gotNotSent)
		if !tc.is(err) || connections.Load() != 2 {
			t.Errorf("%s: %v, after %d connections", name, err, connections.Load())
		}
	}
}

func TestRefusedConnectionIsRetried(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(nil)
	server.Close()
	clock := newFakeClock()
	var events []Event
	s := hello()
	s.Notify = func(e Event) { events = append(events, e) }
	r, err := newClient(t, server.URL, func(c *Config) { c.Clock = clock }).Submit(t.Context(), s)
	wantResult(t, r, err, gotNotSent)
	var not *NotSubmittedError
	if errors.As(err, &not); not.Attempts != 6 || not.Checked {
		t.Errorf("%+v", not)
	}
	if len(clock.sleeps) != 8 || len(events) != 11 || events[1].Step != StepRetrying || events[1].Reason != "no connection" {
		t.Errorf("%v %+v", clock.sleeps, events)
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
		{simulator.Fault{Kind: "500", Times: 2}, 3},
		{simulator.Fault{Kind: "429", Times: 3}, 4},
		{simulator.Fault{Kind: "html", Times: 1}, 2},
		{simulator.Fault{Kind: "cut", Times: 1}, 2},
		{simulator.Fault{Kind: "truncated", Times: 1}, 2},
		{simulator.Fault{Kind: "failed", Times: 1}, 2},
		{simulator.Fault{Kind: "500"}, idempotentAttempts},
		{simulator.Fault{Kind: "403"}, 1},
		{simulator.Fault{Kind: "redirect"}, 1},
		{simulator.Fault{Kind: "401"}, 1},
	} {
		tc.fault.Operation = simulator.OpList
		s := newService(t, simulator.Options{Faults: []simulator.Fault{tc.fault}})
		_, err := s.client(t).list(t.Context(), testCase, "")
		if n := s.Count(simulator.OpList); n != tc.want || (err == nil) != (tc.fault.Times > 0) {
			t.Errorf("%+v: %d requests, %v", tc.fault, n, err)
		}
	}
}
