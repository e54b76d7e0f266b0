package servicerequest

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
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

// Wait returns how long to wait before a call is made again, after it failed or was throttled n times. The waits grow
// from 500 ms to 30 s, with full jitter, so that parallel calls do not come back at the same moment. They double after
// a failure. While the gateway throttles they grow by 500 ms: who waits longer than others leaves the gateway idle in the
// end. If the service asked to wait, the wait is at least that, and a quarter of the jitter on top, since all throttled
// calls got the same Retry-After. random returns a number in [0,1).
//
// It returns a NoTimeError, without its Err, if the service asks for more than the time until the context's deadline, or
// if almost nothing of that is left.
func Wait(ctx context.Context, clock Clock, n int, throttled bool, asked time.Duration, random func() float64) (time.Duration, *NoTimeError) {
	ceiling := backoffBase << min(max(n-1, 0), 6) // 500 ms << 6 is over the maximum
	if throttled {
		ceiling = backoffBase * time.Duration(max(n, 1))
	}
	ceiling = min(ceiling, backoffMax)
	wait := time.Duration(random() * float64(ceiling))
	if asked > 0 {
		wait = asked + wait/4
	}
	left, ok := Remaining(ctx, clock)
	switch {
	case !ok || wait <= left:
		return wait, nil
	case asked == 0 && left > backoffBase:
		return left / 2, nil
	}
	return wait, &NoTimeError{Wait: wait.Round(time.Second), Left: left.Round(time.Second), Asked: asked > 0}
}

// asked is how long the service asks to wait, by its Retry-After header: seconds, or a
// date. 0 is not at all. A date is compared with the answer's Date header, since the local
// clock may be off.
func (o observation) asked() time.Duration {
	value := strings.TrimSpace(o.header.Get("Retry-After"))
	seconds, err := strconv.ParseUint(value, 10, 63) // the largest number if it is out of range
	if err == nil || errors.Is(err, strconv.ErrRange) {
		return time.Duration(min(seconds, uint64(maxRetryAfter/time.Second))) * time.Second
	}
	at, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	return min(max(at.Sub(o.answeredAt()), 0), maxRetryAfter)
}

// answeredAt is the moment of an answer by the service's clock, else the local one.
func (o observation) answeredAt() time.Time {
	date, err := http.ParseTime(o.header.Get("Date"))
	if err != nil {
		return o.received
	}
	return date
}

// isPermanent reports whether a connection failed in a way that another attempt
// cannot change.
func isPermanent(err error) bool {
	var proxy *ProxyError
	if errors.As(err, &proxy) {
		return proxy.Status/100 == 4 && refuses(proxy.Status)
	}
	return errors.As(err, new(*tls.CertificateVerificationError)) || errors.As(err, new(tls.RecordHeaderError)) || IsHandshakeRefused(err)
}

const (
	// idempotentAttempts is how often a call that may be repeated freely is made. Calls
	// that were throttled do not count: the service did not try them.
	idempotentAttempts = 4
	// idempotentTimeout bounds a call, with its repetitions, whose context has no
	// deadline.
	idempotentTimeout = 5 * time.Minute
)

// bounded gives a context without a deadline one.
func (c *Client) bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	if _, ok := ctx.Deadline(); ok {
		return ctx, func() {}
	}
	return c.clock.WithTimeout(ctx, idempotentTimeout)
}

// doIdempotent makes a call that changes nothing, or whose repetition is harmless.
// It repeats the call if the network or the service fails, and while the service
// throttles it. It decodes the answer's JSON into the value that into points to,
// unless into is nil.
func (c *Client) doIdempotent(ctx context.Context, r request, into any) (observation, error) {
	ctx, cancel := c.bounded(ctx)
	defer cancel()
	renewed := false
	failed, throttled := 0, 0
	for {
		o, err := c.do(ctx, r)
		if err != nil {
			return o, err
		}
		if o.status == http.StatusUnauthorized && !renewed && r.By != nil && r.By.Renew(o.req) {
			renewed = true
			continue
		}
		renewed = o.status == http.StatusUnauthorized // two in a row are final
		if slices.Contains(r.Statuses, o.status) {
			return o, nil
		}
		problem, err := c.decode(o, into)
		if problem == final {
			return o, err
		}
		n, isThrottled := &failed, o.status == http.StatusTooManyRequests
		if isThrottled {
			n = &throttled
		}
		if *n++; failed >= idempotentAttempts || ctx.Err() != nil {
			return o, err
		}
		wait, noTime := Wait(ctx, c.clock, *n, isThrottled, o.asked(), c.jitter)
		if noTime != nil {
			noTime.Err = err
			return o, noTime
		}
		if c.config.OnWait != nil {
			c.config.OnWait(ctx, problem, wait)
		}
		if c.clock.Sleep(ctx, wait) != nil {
			return o, err
		}
	}
}

// final is the problem of a call that succeeded, and of one that would fail again.
const final = ""

// decode reads the answer to an idempotent call. problem is why the call has to be
// repeated, in a few words, or final.
func (c *Client) decode(o observation, into any) (problem string, err error) {
	a := parseAnswer(o.body)
	switch {
	case isPermanent(o.err):
		problem = final
	case o.err != nil && !o.connected:
		problem = "no connection"
	case o.err != nil:
		problem = "no answer"
	case o.status == http.StatusTooManyRequests:
		problem = "throttled"
	case refuses(o.status):
		problem = final
	case o.status/100 != 2:
		problem = fmt.Sprintf("HTTP %d", o.status)
	case errors.Is(o.bodyErr, errBodyTooLong):
		problem = final
	case o.bodyErr != nil:
		problem = "unreadable answer"
	case operationFailed[a.Code]:
		problem = "operation failed"
	case a.Code != "":
		problem = final
	case into != nil && json.Unmarshal(o.body, into) != nil:
		problem = "unreadable answer" // a captive portal, or cut off
	default:
		return final, nil
	}
	return problem, c.failure(o)
}
