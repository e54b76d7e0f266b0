// Package servicerequest is a client of Huawei Cloud Service Tickets (OSM), API v2.
//
// There are two layers. do makes one HTTP exchange. It authenticates each one anew,
// since a signature contains the date and a token may have been renewed. doIdempotent
// repeats calls that may be repeated freely: those that read, upload, delete or log in.
//
// Posting a message is not such a call: it is not idempotent, has no idempotency key
// and returns no ID. [Client.Post] makes one POST and says what came of it (see
// classify). Whether to post again is decided in package delivery, which compares what
// [Client.List] returned before and after.
//
// The facts about the service are those of its published API reference and of
// Huawei's own SDK.
package servicerequest

import (
	"bytes"
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"time"

	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/credentials"
)

// Limits on what is read from the network.
const (
	maxBodyBytes   = 1 << 20  // of an answer's body, unless the request allows more
	maxHeaderBytes = 64 << 10 // of an answer's header
)

// Config describes which service to call and how. The zero value of every field
// but Endpoint and Credentials is usable.
type Config struct {
	// Endpoint is the service's base URL, from [ParseEndpoint].
	Endpoint *url.URL
	// Credentials say where the caller's credentials come from.
	Credentials credentials.Source

	// Language is sent as X-Language, at most 32 characters. Empty: not sent,
	// and the service takes zh-cn.
	Language string
	// TimeZone is sent as X-Time-Zone, at most 32 characters. Empty: not sent,
	// and the service takes GMT+8.
	TimeZone string
	// Site is sent as X-Site: "0" is China, "1" International. Empty: not sent.
	Site string

	// RequestTimeout bounds one HTTP request, from dial to the body's last
	// byte. 0 is 30 seconds.
	RequestTimeout time.Duration

	// RootCAs are the certificates to trust; nil is the system's.
	RootCAs *x509.CertPool
	// Insecure accepts any server certificate.
	Insecure bool
	// UserAgent is the User-Agent header.
	UserAgent string

	// Clock is used to read the time, to wait and for deadlines. Nil is [SystemClock].
	Clock Clock

	// OnWait, if not nil, is called before each wait of a call that is repeated: one that
	// reads, uploads, deletes or logs in. reason is why, in a few words without
	// a secret or the text of a message. ctx is the context of the call.
	OnWait func(ctx context.Context, reason string, wait time.Duration)
}

// Client calls the service. It is safe for concurrent use. It keeps its connections
// and a token: share one per configuration.
type Client struct {
	config Config
	// transport, and no http.Client around it: redirects would re-send the body
	// (307 and 308) with the token, and there are no cookies to keep.
	transport http.RoundTripper
	auth      *credentials.Credentials
	clock     Clock
	zone      *time.Location // assumed for times without a zone; nil if unknown
	jitter    func() float64 // [0,1)
	limits    limitsMemory
	maxTicket int // bytes of a ticket or list; smaller in tests
}

// New makes a client. It dials nothing.
func New(config Config) *Client {
	if config.RequestTimeout == 0 {
		config.RequestTimeout = 30 * time.Second
	}
	if config.Clock == nil {
		config.Clock = SystemClock
	}
	c := &Client{
		config: config, transport: newTransport(config), clock: config.Clock, zone: zone(config.TimeZone), jitter: rand.Float64,
		maxTicket: maxTicketBytes,
	}
	c.auth = credentials.New(config.Credentials, c.callIssuer, c.clock.Now)
	return c
}

// request is a call to the service, or to an issuer of credentials, which it then names.
type request struct {
	credentials.Request
	// maxBody bounds the answer's body; 0 is maxBodyBytes.
	maxBody int
	// private: texts of messages in the answer must not get into an error.
	private bool
	// once: the transport must not repeat the request either.
	once bool
	// atHand: the request is made with the credentials that are at hand, or not at all.
	atHand bool
}

// request returns a call to the service. path is escaped, and without a leading slash.
func (c *Client) request(method, path string, query url.Values, body []byte) request {
	return request{Request: credentials.Request{Method: method, Base: c.config.Endpoint, Path: path, Query: query, Body: body, By: c.auth}}
}

// observation is what was observed of one attempt. Exactly one of err and status is
// set.
type observation struct {
	call request
	req  *http.Request // of the call
	err  error         // no answer arrived
	// connected reports whether a connection was obtained, so that bytes of the request
	// may have been sent. httptrace's WroteHeaders would not do: after a cancellation
	// the transport may still write them.
	connected bool

	status  int
	header  http.Header
	body    []byte // without compression
	bodyErr error  // the body broke off, is longer than allowed or cannot be unpacked
	// delimited reports whether the length or the end of the body was announced, so
	// that an empty body is known to be complete.
	delimited bool

	sent     time.Time // when the attempt began, by the local clock
	received time.Time // when the answer's header or the error came
	ended    time.Time // when the answer's body was read or the error came
}

// ErrExpired reports that the credentials had expired right before a POST that must not wait for others.
var ErrExpired = errors.New("the credentials have expired")

// do makes one HTTP exchange. An error means that preparing the request failed (no
// credentials, a broken URL), and nothing was sent. The observation has all other
// failures.
func (c *Client) do(ctx context.Context, r request) (observation, error) {
	target := *r.Base
	target.RawPath = r.Base.EscapedPath()
	if r.Path != "" {
		target.RawPath = strings.TrimSuffix(target.RawPath, "/") + "/" + r.Path
	}
	path, err := url.PathUnescape(target.RawPath)
	if err != nil {
		return observation{}, err
	}
	target.Path = path
	query := r.Base.Query()
	maps.Copy(query, r.Query)
	// Every server reads %20 as a space, but not every server reads + as one.
	target.RawQuery = strings.ReplaceAll(query.Encode(), "+", "%20")

	req, err := http.NewRequestWithContext(ctx, r.Method, target.String(), bytes.NewReader(r.Body))
	if err != nil {
		return observation{}, err
	}
	if r.once {
		// With GetBody, the transport repeats a request that it takes for unprocessed.
		// Over HTTP/2 it does so even after a stream error, when the service may have
		// processed the request.
		req.GetBody = nil
	}
	c.setHeaders(req, r)
	switch {
	case r.By == nil:
	case r.atHand:
		if !r.By.AuthenticateNow(req, r.Body) {
			return observation{}, ErrExpired
		}
	default:
		if err := r.By.Authenticate(ctx, req, r.Body); err != nil {
			return observation{}, c.redactError(err)
		}
	}

	// The time limit of the request begins here. A renewal has its own.
	ctx, cancel := c.clock.WithTimeout(ctx, cmp.Or(r.Timeout, c.config.RequestTimeout))
	defer cancel()
	o := observation{call: r, req: req, sent: c.clock.Now()}
	fresh := false // the connection carried no request before
	if r.Local {
		ctx = context.WithValue(ctx, localKey{}, true)
	}
	req = req.WithContext(httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(i httptrace.GotConnInfo) { o.connected, fresh = true, !i.Reused },
	}))
	resp, err := c.transport.RoundTrip(req)
	o.received = c.clock.Now()
	o.ended = o.received
	if err != nil {
		if (!o.connected || fresh) && isHandshakeAlert(err) {
			err = &handshakeError{err}
		}
		o.err = fmt.Errorf("%s %s: %w", r.Method, target.Redacted(), err)
		return o, nil
	}
	defer func() { _ = resp.Body.Close() }()
	o.status, o.header = resp.StatusCode, resp.Header
	o.delimited = resp.ContentLength >= 0 || len(resp.TransferEncoding) > 0 || resp.ProtoMajor >= 2
	if o.status == http.StatusSwitchingProtocols {
		return o, nil // the body is the connection itself, and reading it has no timeout
	}
	o.body, o.bodyErr = readBody(resp, cmp.Or(r.maxBody, maxBodyBytes))
	o.ended = c.clock.Now()
	return o, nil
}

func (c *Client) setHeaders(req *http.Request, r request) {
	if c.config.UserAgent != "" {
		req.Header.Set("User-Agent", c.config.UserAgent)
	}
	if r.Body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	maps.Copy(req.Header, r.Header)
	if r.Issuer != "" {
		return
	}
	for _, h := range []struct{ name, value string }{
		{"X-Language", c.config.Language},
		{"X-Time-Zone", c.config.TimeZone},
		{"X-Site", c.config.Site},
	} {
		if h.value != "" {
			req.Header.Set(h.name, h.value)
		}
	}
}

// casePath is the escaped path of a ticket. The ID is one segment, whatever characters it
// has.
func casePath(caseID string) string { return "v2/servicerequest/cases/" + escapeSegment(caseID) }

// escapeSegment escapes all characters but the unreserved ones. A path segment may
// contain others as they are, but the signature escapes them. A gateway that
// verifies the path as it arrives would then compute another signature.
func escapeSegment(s string) string {
	return strings.ReplaceAll(url.QueryEscape(s), "+", "%20")
}
