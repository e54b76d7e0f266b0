package servicerequest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"time"
)

// Post is a message to post.
type Post struct {
	CaseID       string   // 1 to 64 characters
	Content      string   // 1 to 10,000 characters
	AccessoryIDs []string // at most 10, each 1 to 64 characters; nil is not sent, empty is sent as []
	GroupID      string   // at most 64 characters; empty is not sent
	Secret       bool     // keeps the content out of every error
	// Checked says that the ticket was checked just now. Then the POST does not wait for new
	// credentials, which may take minutes: without any at hand, it is Unauthenticated.
	Checked bool
}

// Outcome is what one POST of a message came to.
type Outcome int

const (
	// Unknown means that the message may be on the ticket. It is the zero value, so
	// that a case that the code does not handle leads to a check, not to another POST.
	Unknown Outcome = iota
	// UnknownRefused is like Unknown, but the answer is a refusal that no page
	// documents, so the message is not sent again.
	UnknownRefused
	// Submitted means that the service accepted the message.
	Submitted
	// Rejected means that the service refused the message. Another POST would not help.
	Rejected
	// Unauthenticated means that the gateway refused the credentials before the backend
	// had the message. They have been renewed, so another POST may succeed.
	Unauthenticated
	// Throttled means that the gateway refused the POST before the backend had it
	// (HTTP 429).
	Throttled
	// NotExecuted means that no byte of the request was written to the service.
	NotExecuted
)

func (o Outcome) String() string {
	return [...]string{"unknown", "unknown, with a refusal", "submitted", "rejected", "unauthenticated", "throttled", "not executed"}[o]
}

// Attempt is one POST of a message and what came of it.
type Attempt struct {
	Outcome    Outcome
	Reason     string        // the outcome in a few words, for logs and progress; never empty
	Err        error         // describes the answer or the failure; nil if Submitted
	RequestID  string        // the service's X-Request-Id, if it gave one
	Began      time.Time     // by the local clock; zero if no request was made
	Ended      time.Time     // by the local clock: when the answer's body was read, or the failure came
	AnsweredAt time.Time     // by the service's clock if its answer told the time, else by the local one
	RetryAfter time.Duration // how long the service asks to wait; 0 is not at all
	TimedOut   bool          // the time ran out on either side: the service may still be at work
	Permanent  bool          // another POST would fail in the same way, such as on an untrusted certificate
}

// Login gets the credentials of the first call, which may take longer than that call has. It
// does nothing if there are some.
func (c *Client) Login(ctx context.Context) error {
	if err := c.auth.Ready(ctx); err != nil {
		return c.redactError(err)
	}
	return nil
}

// Post posts a message once. Whatever came of that is in the attempt. An error means
// that nothing was sent: no credentials could be had, or no request could be built.
func (c *Client) Post(ctx context.Context, p Post) (Attempt, error) {
	body, err := p.body()
	if err != nil {
		return Attempt{}, err
	}
	r := c.request(http.MethodPost, casePath(p.CaseID)+"/message", nil, body)
	r.once, r.private, r.atHand = true, p.Secret, p.Checked
	o, err := c.do(ctx, r)
	if errors.Is(err, ErrExpired) {
		return Attempt{Outcome: Unauthenticated, Reason: err.Error(), Err: err, Ended: c.clock.Now()}, nil
	}
	if err != nil {
		return Attempt{}, err
	}
	outcome, reason := classify(o)
	if outcome == Unauthenticated && !c.auth.Renew(o.req) {
		outcome = Rejected // another attempt would send the same credentials
	}
	a := Attempt{
		Outcome: outcome, Reason: reason, RequestID: c.clean(o.header.Get("X-Request-Id")),
		Began: o.sent, Ended: o.ended, AnsweredAt: o.answeredAt(),
		RetryAfter: o.asked(), TimedOut: isTimeout(o), Permanent: isPermanent(o.err),
	}
	if outcome != Submitted {
		a.Err = c.failure(o)
	}
	return a, nil
}

// body is the request's JSON. Its optional members are left out when unset; an empty list
// is not unset.
func (p Post) body() ([]byte, error) {
	var b struct {
		GroupID string `json:"group_id,omitempty"`
		Message struct {
			Content      string   `json:"content"`
			AccessoryIDs []string `json:"accessory_ids,omitzero"`
		} `json:"message"`
	}
	b.GroupID, b.Message.Content, b.Message.AccessoryIDs = p.GroupID, p.Content, p.AccessoryIDs
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false) // the text arrives as it was written
	if err := e.Encode(b); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n")), nil
}

// slowAttempt is the duration from which an attempt without an answer counts as a
// timeout: a proxy or the gateway gave up waiting.
const slowAttempt = 10 * time.Second

// isTimeout reports whether the time ran out on either side.
func isTimeout(o observation) bool {
	var network net.Error
	switch o.status {
	case 0:
		return errors.As(o.err, &network) && network.Timeout() || o.ended.Sub(o.sent) >= slowAttempt
	case http.StatusOK:
		return errors.As(o.bodyErr, &network) && network.Timeout()
	}
	return o.status == http.StatusRequestTimeout || o.status == statusClientClosedRequest || o.status == http.StatusGatewayTimeout
}
