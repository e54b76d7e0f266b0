package servicerequest

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Bounds of the wait before another attempt.
const (
	backoffBase   = 500 * time.Millisecond
	backoffMax    = 30 * time.Second
	maxRetryAfter = 2 * time.Minute // a longer Retry-After is cut to this
)

// delay is the wait before attempt n+1. It is exponential with full jitter, so that
// parallel resources do not retry at the same moment. It is at least what the
// service asked for.
func (c *Client) delay(n int, o observation) time.Duration {
	ceiling := backoffMax
	if n < 7 { // 500 ms << 6 is over the maximum
		ceiling = min(backoffMax, backoffBase<<(n-1))
	}
	wait := time.Duration(c.jitter() * float64(ceiling))
	if o.err == nil {
		if asked, ok := retryAfter(o.header, o.received); ok {
			// Some jitter on top: all throttled resources got the same Retry-After.
			return asked + wait/4
		}
	}
	return wait
}

// retryAfter reads a Retry-After header: seconds, or a date. A date is compared with
// the answer's Date header, since the local clock may be off.
func retryAfter(h http.Header, received time.Time) (time.Duration, bool) {
	value := strings.TrimSpace(h.Get("Retry-After"))
	if seconds, err := strconv.ParseUint(value, 10, 63); err == nil || errors.Is(err, strconv.ErrRange) {
		if seconds > uint64(maxRetryAfter/time.Second) {
			return maxRetryAfter, true
		}
		return time.Duration(seconds) * time.Second, true // bounded above
	}
	at, err := http.ParseTime(value)
	if err != nil {
		return 0, false
	}
	from := received
	if date, ok := serviceDate(h); ok {
		from = date
	}
	return min(max(at.Sub(from), 0), maxRetryAfter), true
}

// serviceDate is the service's clock when it answered, to the second.
func serviceDate(h http.Header) (time.Time, bool) {
	date, err := http.ParseTime(h.Get("Date"))
	return date, err == nil
}

// answeredAt is the moment of an answer by the service's clock, else the local one.
func (o observation) answeredAt() time.Time {
	if date, ok := serviceDate(o.header); ok {
		return date
	}
	return o.received
}

// wait sleeps. If the context would end before, it fails at once instead.
func (c *Client) wait(ctx context.Context, d time.Duration) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < d {
		return context.DeadlineExceeded
	}
	return c.clock.Sleep(ctx, d)
}

// isPermanent reports whether a connection failed in a way that another attempt
// cannot change.
func isPermanent(err error) bool {
	var certificate *tls.CertificateVerificationError
	var noTLS tls.RecordHeaderError
	return errors.As(err, &certificate) || errors.As(err, &noTLS)
}

// idempotentAttempts is how often a call that may be repeated freely is made.
const idempotentAttempts = 4

// doIdempotent makes a call that changes nothing, or whose repetition is harmless.
// It repeats the call if the network or the service fails. It decodes the answer's
// JSON into the value that into points to, unless into is nil.
func (c *Client) doIdempotent(ctx context.Context, r request, into any) (observation, error) {
	renewed := false
	for attempt := 1; ; attempt++ {
		o, err := c.do(ctx, r)
		if err != nil {
			return o, err
		}
		if o.status == http.StatusUnauthorized && !renewed && !r.anonymous && c.auth.renew(o.request) {
			renewed = true
			continue
		}
		retry, err := c.decode(o, into)
		if err == nil || !retry || attempt >= idempotentAttempts || c.wait(ctx, c.delay(attempt, o)) != nil {
			return o, err
		}
	}
}

// decode reads the answer to an idempotent call. With an error it reports
// whether the call may succeed the next time.
func (c *Client) decode(o observation, into any) (retry bool, err error) {
	a := parseAnswer(o.body)
	switch {
	case o.err != nil:
		return !isPermanent(o.err), c.failure(o)
	case o.status/100 != 2:
		return o.status >= 500 || o.status == http.StatusTooManyRequests || unknownStatus[o.status], c.failure(o)
	case o.bodyErr != nil:
		return !errors.Is(o.bodyErr, errBodyTooLong), c.failure(o)
	case a.Code != "":
		return operationFailed[a.Code], c.failure(o)
	case into != nil && json.Unmarshal(o.body, into) != nil:
		return true, c.failure(o) // a captive portal, or cut off
	}
	return false, nil
}
