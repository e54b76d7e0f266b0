package servicerequest

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/simulator"
)

func gzipped(s string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = io.WriteString(w, s)
	_ = w.Close() // a buffer takes everything
	return b.String()
}

// write answers with a status, headers (name, value, …) and a body.
func write(status int, body string, headers ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		for i := 0; i < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// raw answers with these bytes, and closes the connection.
func raw(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			panic(err)
		}
		_, _ = io.WriteString(conn, text)
		_ = conn.Close()
	}
}

// What HTTP can do to a POST, and what came of it. What a body says, and what else a
// status means, is tested with TestClassify.
func TestPostOutcomes(t *testing.T) {
	t.Parallel()
	hang := func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	}
	for name, tc := range map[string]struct {
		passes   time.Duration // before the handler answers
		handler  http.HandlerFunc
		want     Outcome
		timedOut bool
		asked    time.Duration
		text     string // in the error
	}{
		"empty":                    {handler: write(200, ""), want: Submitted},
		"chunked, and empty":       {handler: raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), want: Submitted},
		"no length, and an object": {handler: raw("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{}"), want: Submitted},
		"no length, and nothing":   {handler: raw("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"), text: "the answer is empty"},
		"gzip":                     {handler: write(200, gzipped(`{"error_code":""}`), "Content-Encoding", "gzip"), want: Submitted},
		"gzip, and a refusal":      {handler: write(200, gzipped(`{"error_code":"OSM.01010015"}`), "Content-Encoding", "X-GZIP"), want: Rejected, text: "OSM.01010015"},
		"gzip of nothing":          {handler: write(200, gzipped(""), "Content-Encoding", "gzip"), want: Submitted},
		"nothing, marked as gzip":  {handler: write(200, "", "Content-Encoding", "gzip"), want: Submitted},
		"gzip that is none":        {handler: write(200, "{}", "Content-Encoding", "gzip"), text: "the answer is not the gzip that it claims to be"},
		"gzip, cut":                {handler: write(200, gzipped(`{}`)[:20], "Content-Encoding", "gzip"), text: "the answer is cut off"},
		"gzip without end":         {handler: write(200, gzipped(strings.Repeat(" ", maxBodyBytes+1)), "Content-Encoding", "gzip"), text: "the answer is longer than any"},
		"Brotli":                   {handler: write(200, "\x0b\x02\x80{}\x03", "Content-Encoding", "br"), text: "the answer is compressed with br"},
		"identity":                 {handler: write(200, "{}", "Content-Encoding", "identity"), want: Submitted},
		"a byte order mark":        {handler: write(200, "\ufeff{}"), want: Submitted},
		"only a byte order mark":   {handler: write(200, "\ufeff"), text: "the answer is not JSON"},
		"a captive portal":         {handler: write(200, "\n<!DOCTYPE HTML><p>Sign in"), text: "the answer is an HTML page, body: <!DOCTYPE HTML>"},
		"a part of a page":         {handler: write(200, "<h1>Sign in</h1>", "Content-Type", "text/html; charset=x"), text: "the answer is an HTML page"},
		"a long page":              {handler: write(403, "<html>\n<body>Blocked by\x1b[31m policy</body></html>"+strings.Repeat(" filler", 100)), want: Rejected, text: "the answer is an HTML page, body: <html> <body>Blocked by [31m policy</body></html>" + strings.Repeat(" filler", 21) + " fil…"},
		"a text":                   {handler: write(200, "OK"), text: "the answer is not JSON, body: OK"},
		"half an object":           {handler: write(200, `{"error_code":"`), text: "the answer is cut off"},
		"another object":           {handler: write(200, `{"status":"ok"}`), text: "the answer is not what the service answers to this call"},
		"a member twice":           {handler: write(200, `{"error_code":"","error_code":""}`), text: "the answer is an object with a member twice"},
		"a body that breaks off":   {handler: raw("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}"), text: "the answer is cut off (unexpected EOF)"},
		"a body without end":       {handler: write(200, strings.Repeat(" ", maxBodyBytes+1)), text: "the answer is longer than any"},
		"a header without end":     {handler: write(200, "", "X-Long", strings.Repeat("x", 2*maxHeaderBytes))},
		"no answer":                {handler: raw("")},
		"switching protocols":      {handler: raw("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n"), text: "HTTP 101"},
		"our timeout":              {passes: 30 * time.Second, handler: hang, timedOut: true, text: "deadline exceeded"},
		"a proxy's timeout":        {passes: 12 * time.Second, handler: raw(""), timedOut: true},
		"request timeout":          {handler: write(408, ""), timedOut: true},
		"client closed request":    {handler: write(499, ""), timedOut: true},
		"internal error":           {handler: write(500, `{"error_code":"OSM.0004","error_msg":"x"}`), text: "HTTP 500 Internal Server Error, OSM.0004, x"},
		"bad gateway":              {handler: write(502, "<html>", "Retry-After", "5"), asked: 5 * time.Second, text: "HTTP 502 Bad Gateway, the answer is an HTML page"},
		"gateway timeout":          {handler: write(504, ""), timedOut: true},
		"throttled":                {handler: write(429, "", "Retry-After", "7"), want: Throttled, asked: 7 * time.Second},
		"redirected":               {handler: write(307, "", "Location", "https://elsewhere.example/x?secret"), want: UnknownRefused, text: "redirect to https://elsewhere.example,"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			clock := newFakeClock()
			c, _ := handler(t, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("X-Request-Id", "id-1")
				clock.advance(tc.passes)
				tc.handler(w, r)
			}, func(c *Config) { c.Clock = clock })
			a := post(t, c, hello(), tc.want)
			if a.TimedOut != tc.timedOut || a.RetryAfter != tc.asked || a.Permanent || a.Began.IsZero() || a.Ended.Before(a.Began) {
				t.Errorf("%+v", a)
			}
			if !strings.Contains(fmt.Sprint(a.Err), tc.text) {
				t.Errorf("%v, want %q", a.Err, tc.text)
			}
			var api *APIError
			if errors.As(a.Err, &api) && api.RequestID != a.RequestID {
				t.Errorf("request ID %q", a.RequestID)
			}
		})
	}
}

func TestPostToTheService(t *testing.T) {
	t.Parallel()
	for _, jsonAnswers := range []bool{false, true} {
		s := newService(t, simulator.Options{JSONAnswers: jsonAnswers})
		c := s.client(t, func(c *Config) { c.Language, c.TimeZone, c.Site = "en-us", "GMT+1", "1" })
		a := post(t, c, Post{CaseID: testCase, Content: "a < b & \"c\"\n", AccessoryIDs: []string{"one", "two"}, GroupID: "group"}, Submitted)
		r := s.Requests()[0]
		want := Attempt{
			Outcome: Submitted, Reason: "accepted", RequestID: r.RequestID, Began: s.clock.now, Ended: s.clock.now, AnsweredAt: s.clock.now.Truncate(time.Second),
		}
		if a != want {
			t.Errorf("%+v, want %+v", a, want)
		}
		if body := string(r.Body); body != `{"group_id":"group","message":{"content":"a < b & \"c\"\n","accessory_ids":["one","two"]}}` {
			t.Error(body)
		}
		// No header with which Go's transport would repeat the request, and none that asks
		// for a compressed answer.
		r.Header.Del("Content-Length")
		if want := (http.Header{
			"Content-Type": {"application/json"}, "User-Agent": {"test"}, "X-Auth-Token": {testToken},
			"X-Language": {"en-us"}, "X-Time-Zone": {"GMT+1"}, "X-Site": {"1"},
		}); !reflect.DeepEqual(r.Header, want) {
			t.Errorf("%v, want %v", r.Header, want)
		}
	}
}

// Without an answer the connection decides: it is refused, or it never comes about.
func TestPostWithoutAConnection(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(nil)
	server.Close()
	if a := post(t, newClient(t, server.URL), hello(), NotExecuted); a.Permanent || a.TimedOut {
		t.Errorf("%+v", a)
	}
	ctx, cancel := context.WithCancel(t.Context())
	c := newClient(t, "http://127.0.0.1:1")
	c.transport.(*http.Transport).DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
		cancel()
		<-ctx.Done()
		return nil, ctx.Err()
	}
	if a, err := c.Post(ctx, hello()); err != nil || a.Outcome != NotExecuted || !errors.Is(a.Err, context.Canceled) {
		t.Errorf("%+v %v", a, err)
	}
}

// A post that is cancelled in flight may be on the ticket.
func TestPostCancelledInFlight(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	c, _ := handler(t, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		cancel()
		<-r.Context().Done()
	})
	if a, err := c.Post(ctx, hello()); err != nil || a.Outcome != Unknown || a.TimedOut || !errors.Is(a.Err, context.Canceled) {
		t.Errorf("%+v %v", a, err)
	}
}

// With TLS 1.3 a missing client certificate shows only after the request was written,
// but the server has not read it. That holds for the first request of a connection
// only, and not for an alert that can come later.
func TestPostWithoutAClientCertificate(t *testing.T) {
	t.Parallel()
	for name, version := range map[string]uint16{"TLS 1.2": tls.VersionTLS12, "TLS 1.3": tls.VersionTLS13} {
		server, protocol := tlsServer(t, func(s *httptest.Server) {
			s.TLS = &tls.Config{MinVersion: version, MaxVersion: version, ClientAuth: tls.RequireAnyClientCert}
		})
		c := newClient(t, server.URL, func(c *Config) { c.Insecure = true })
		for range 20 {
			a := post(t, c, hello(), NotExecuted)
			if !a.Permanent {
				t.Errorf("%s: %v", name, a.Err)
			}
		}
		if _, err := c.List(t.Context(), testCase, ""); !PreventsPost(err) {
			t.Errorf("%s: %v", name, err)
		}
		if protocol() != "" {
			t.Errorf("%s: the server read a request", name)
		}
	}
}

// roundTripper is a transport that is a function.
type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// On a connection that carried a request before, an alert is not the handshake's.
func TestAlertAfterTheHandshake(t *testing.T) {
	t.Parallel()
	for reused, want := range map[bool]Outcome{false: NotExecuted, true: Unknown} {
		c := newClient(t, "http://127.0.0.1:1")
		c.transport = roundTripper(func(r *http.Request) (*http.Response, error) {
			httptrace.ContextClientTrace(r.Context()).GotConn(httptrace.GotConnInfo{Reused: reused})
			return nil, &net.OpError{Op: "remote error", Err: testAlert(40)}
		})
		if a := post(t, c, hello(), want); a.Permanent == reused {
			t.Errorf("reused %t: permanent %t", reused, a.Permanent)
		}
	}
}

type testAlert uint8

func (testAlert) Error() string { return "an alert" }

func TestIsHandshakeAlert(t *testing.T) {
	t.Parallel()
	remote := func(a testAlert) error { return fmt.Errorf("broken: %w", &net.OpError{Op: "remote error", Err: a}) }
	for code := range 256 {
		want := code == 40 || code >= 42 && code <= 49 || code == 70 || code == 71 || code >= 109 && code <= 116 || code == 120
		if got := isHandshakeAlert(remote(testAlert(code))); got != want {
			t.Errorf("alert %d: %t", code, got)
		}
	}
	for _, err := range []error{
		nil, io.EOF, testAlert(116), &net.OpError{Op: "read", Err: testAlert(116)}, &net.OpError{Op: "local error", Err: testAlert(116)},
		&net.OpError{Op: "remote error", Err: errors.New("tls: certificate required")}, &net.OpError{Op: "remote error"},
	} {
		if isHandshakeAlert(err) {
			t.Errorf("%#v is no alert of the handshake", err)
		}
	}
	if !isHandshakeAlert(&net.OpError{Op: "proxyconnect", Err: remote(116)}) {
		t.Error("a wrapped alert was not found")
	}
}

// Neither an answer that echoes the request nor a broken list reveals a secret text. An
// error page of a proxy in place of the list is still shown.
func TestSecretContentStaysOutOfErrors(t *testing.T) {
	t.Parallel()
	secret := Post{CaseID: testCase, Content: "the password is 12345", Secret: true}
	for _, answer := range []string{
		`{"error_code":"APIGW.0201","error_msg":"no backend for the password is 12345"}`, "<pre>the password is 12345",
		`{"content":"the password is`, "the password is 12345",
	} {
		for _, status := range []int{200, 502} {
			c, _ := handler(t, write(status, answer))
			if a, err := c.Post(t.Context(), secret); err != nil || a.Err == nil || strings.Contains(a.Err.Error(), "password") {
				t.Errorf("%v, %v", a.Err, err)
			}
		}
	}
	for _, list := range []string{
		`{"count":1,"message_list":[{"content":"the password`, ` ["the password`, "\ufeff\ufeff{\"the password\"", "\x00[\"the password\"", "<h1>Sign in</h1>",
	} {
		for _, status := range []int{200, 403} {
			c, _ := handler(t, write(status, list))
			_, listErr := c.List(t.Context(), testCase, "")
			_, caseErr := c.Case(t.Context(), testCase, "")
			for _, err := range []error{listErr, caseErr} {
				if err == nil || strings.Contains(err.Error(), "password") || strings.Contains(list, "Sign in") != strings.Contains(err.Error(), "Sign in") {
					t.Errorf("%v", err)
				}
			}
		}
	}
}
