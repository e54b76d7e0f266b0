package servicerequest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// lookDelays are the waits before each look at the ticket. All of them must
// miss the message before it counts as "not there": a write may show late.
var lookDelays = []time.Duration{0, 2 * time.Second, 4 * time.Second}

// lastLook bounds the look that follows a cancellation.
const lastLook = 5 * time.Second

// Submission is a message to put on a ticket.
type Submission struct {
	CaseID       string   // 1 to 64 characters
	Content      string   // 1 to 10,000 characters
	AccessoryIDs []string // at most 10, each 1 to 64 characters; nil is not sent, empty is sent as []
	GroupID      string   // at most 64 characters; empty is not sent

	// DeduplicateWindow makes an identical message of the customer's that is at
	// most this old stand for this one, which is then not sent. 0 is off.
	DeduplicateWindow time.Duration

	// Notify, if not nil, is called before each step, from the caller's goroutine.
	Notify func(Event)
}

// Event is a step of a submission, for logs and progress. It holds neither the
// content nor a secret.
type Event struct {
	Step    Step
	Attempt int           // the number of the POST, from 1
	Reason  string        // why a retry or a look is needed
	Wait    time.Duration // before a retry
}

// Step names an event.
type Step string

// The steps, in the order of their coming.
const (
	StepSubmitting Step = "submitting"
	StepLooking    Step = "looking"
	StepRetrying   Step = "retrying"
	StepSubmitted  Step = "submitted"
)

// Confirmation is how it is known that a message is on its ticket.
type Confirmation string

// The ways to know.
const (
	ByResponse Confirmation = "response" // the service accepted it
	ByReadback Confirmation = "readback" // the answer was lost, and the message was found on the ticket
	ByExisting Confirmation = "existing" // an identical message was there already: nothing was sent
)

// Receipt tells of a message that is on its ticket.
type Receipt struct {
	ConfirmedBy Confirmation
	// SubmittedAt is by the service's clock where that is known.
	SubmittedAt time.Time
	// RequestID is the service's X-Request-Id, if it gave one.
	RequestID string
}

// submitBody is the request's JSON. Its optional members are left out when
// unset; an empty list is not unset.
type submitBody struct {
	GroupID string `json:"group_id,omitempty"`
	Message struct {
		Content      string   `json:"content"`
		AccessoryIDs []string `json:"accessory_ids,omitzero"`
	} `json:"message"`
}

func (s Submission) body() ([]byte, error) {
	b := submitBody{GroupID: s.GroupID}
	b.Message.Content, b.Message.AccessoryIDs = s.Content, s.AccessoryIDs
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false) // the text arrives as it was written
	if err := e.Encode(b); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n")), nil
}

// Submit puts one message on its ticket, once.
//
// It returns a receipt, or an *APIError when the service refused the message,
// a *NotSubmittedError when it surely did not get it, or an *UnconfirmedError
// when the message may be on the ticket. When the context ends during an
// attempt, Submit takes one more look, of at most 5 seconds, before it returns.
func (c *Client) Submit(ctx context.Context, s Submission) (Receipt, error) {
	body, err := s.body()
	if err != nil {
		return Receipt{}, &NotSubmittedError{Err: err}
	}
	if s.Notify == nil {
		s.Notify = func(Event) {}
	}
	a := &attempts{
		client: c, submission: s, matcher: newMatcher(s, c.config.TimeZone),
		request: request{method: http.MethodPost, path: casePath(s.CaseID, "message"), body: body},
	}
	if a.kind, err = c.copies.take(ctx, s, a.matcher); err != nil {
		return Receipt{}, &NotSubmittedError{Err: err}
	}
	defer a.kind.giveBack()

	if s.DeduplicateWindow > 0 {
		if receipt, err := a.adopt(ctx); err != nil || receipt != nil {
			return value(receipt), err
		}
	}
	return a.run(ctx)
}

func value(r *Receipt) Receipt {
	if r == nil {
		return Receipt{}
	}
	return *r
}

// attempts are the attempts to submit one message.
type attempts struct {
	client     *Client
	submission Submission
	matcher    matcher
	request    request
	kind       *kind

	made    int  // POSTs so far
	retries int  // of them, after a wait
	looked  bool // the last one was looked for, and is not there
	renewed bool // the credentials, once
}

// run posts until a verdict is final. Its only ways back to a POST are the
// verdict "not executed", and "unknown" with the message not on the ticket.
func (a *attempts) run(ctx context.Context) (Receipt, error) {
	c := a.client
	if a.kind.began.IsZero() {
		a.kind.began = c.clock.Now()
	}
	for {
		a.notify(StepSubmitting, "", 0)
		o, err := c.do(ctx, a.request)
		if err != nil { // no credentials: nothing was sent
			return Receipt{}, a.notSubmitted(err)
		}
		a.made++
		v, reason := classify(o)
		a.looked = v == unknown
		switch v {
		case submitted:
			return a.confirm(ByResponse, o.answeredAt(), o.header.Get("X-Request-Id")), nil
		case rejected:
			return Receipt{}, c.failure(o)
		case unknown:
			receipt, err := a.resolve(ctx, o, reason)
			if receipt != nil || err != nil {
				return value(receipt), err
			}
		}
		if o.status == http.StatusUnauthorized {
			if a.renewed || !c.auth.renew(o.request) {
				return Receipt{}, c.failure(o)
			}
			a.renewed = true
			continue
		}
		if err := a.waitForNext(ctx, o, reason); err != nil {
			return Receipt{}, err
		}
	}
}

// waitForNext returns when another attempt may be made, or why none will be.
func (a *attempts) waitForNext(ctx context.Context, o observation, reason string) error {
	c := a.client
	if a.retries >= c.config.MaxRetries || hopeless(o.err) {
		return a.notSubmitted(c.failure(o))
	}
	a.retries++
	wait := c.delay(a.retries, o)
	if ctx.Err() == nil {
		a.notify(StepRetrying, reason, wait)
	}
	if err := c.wait(ctx, wait); err != nil {
		return a.notSubmitted(fmt.Errorf("%w; the last attempt: %w", err, c.failure(o)))
	}
	return nil
}

// resolve finds out what became of an attempt that ended unknown: a receipt
// when the message is on the ticket, neither receipt nor error when it is
// not, an *UnconfirmedError when that cannot be told.
func (a *attempts) resolve(ctx context.Context, o observation, reason string) (*Receipt, error) {
	for _, delay := range lookDelays {
		if a.client.wait(ctx, delay) != nil {
			return a.resolveCancelled(ctx, o)
		}
		a.notify(StepLooking, reason, 0)
		found, at, err := a.look(ctx)
		switch {
		case found == there:
			return a.found(at), nil
		case ctx.Err() != nil:
			return a.resolveCancelled(ctx, o)
		case found == cannotTell:
			return nil, a.unconfirmed(o, err)
		}
	}
	return nil, nil
}

// resolveCancelled takes one short look after the user cancelled, or the time
// was up. It can still find the message; that the message will not show later
// is more than one look can tell.
func (a *attempts) resolveCancelled(ctx context.Context, o observation) (*Receipt, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastLook)
	defer cancel()
	a.notify(StepLooking, "cancelled", 0)
	found, at, err := a.look(ctx)
	switch found {
	case there:
		return a.found(at), nil
	case notThere:
		err = errors.New("cancelled; one look at the ticket did not show the message, but it may show later")
	}
	return nil, a.unconfirmed(o, err)
}

// look reads the ticket for a copy that is not accounted for. It tells why
// when it cannot tell.
func (a *attempts) look(ctx context.Context) (finding, time.Time, error) {
	elapsed := func(l listing) time.Duration { return l.received.Sub(a.kind.began) + clockSlack }
	for range 3 {
		s, l, err := a.read(ctx, elapsed)
		if err != nil {
			return cannotTell, time.Time{}, err
		}
		found := a.kind.judge(s)
		switch {
		case found == cannotTell:
			return found, time.Time{}, errInDoubt
		case found == there && !l.stable && a.kind.confirmed+a.kind.doubtful > 0:
			continue // one of our earlier copies may have been counted twice
		}
		return found, s.newest, nil
	}
	return cannotTell, time.Time{}, errUnstable
}

var (
	errInDoubt  = errors.New("the ticket has a message like this one, but its time or its full text cannot be read for certain")
	errUnstable = errors.New("the ticket kept growing while it was read, so that copies could not be counted")
)

// read counts the messages like ours that are at most so old by the service's
// clock when it listed them.
func (a *attempts) read(ctx context.Context, age func(listing) time.Duration) (sighting, listing, error) {
	var candidates []candidate
	l, err := a.client.eachMessage(ctx, a.submission.CaseID, a.submission.GroupID, func(m Message) {
		if c, ok := a.matcher.candidate(m); ok {
			candidates = append(candidates, c)
		}
	})
	if err != nil {
		return sighting{}, l, err
	}
	var in period
	if !l.date.IsZero() {
		in = period{l.date.Add(-age(l)), l.date.Add(clockSlack)}
	}
	return a.matcher.count(candidates, in), l, nil
}

// adopt looks for a message that stands for this one. It returns neither
// receipt nor error when there is none.
func (a *attempts) adopt(ctx context.Context) (*Receipt, error) {
	window := a.submission.DeduplicateWindow
	now := a.client.clock.Now()
	// What this client submitted just now may not show yet.
	if !a.kind.last.IsZero() && now.Sub(a.kind.last) <= window {
		return a.adopted(a.kind.lastAt), nil
	}
	a.notify(StepLooking, "deduplicate_window", 0)
	s, _, err := a.read(ctx, func(listing) time.Duration { return window })
	switch {
	case err != nil:
		return nil, a.notSubmitted(fmt.Errorf("the ticket could not be searched for an identical message: %w", err))
	case s.low > 0:
		return a.adopted(s.newest), nil
	case s.high > 0:
		return nil, a.notSubmitted(errInDoubt)
	}
	return nil, nil
}

func (a *attempts) adopted(at time.Time) *Receipt {
	a.kind.last, a.kind.lastAt = a.client.clock.Now(), at
	return &Receipt{ConfirmedBy: ByExisting, SubmittedAt: at}
}

// found is the receipt for a copy that a look has shown.
func (a *attempts) found(at time.Time) *Receipt {
	r := a.confirm(ByReadback, at, "")
	return &r
}

// confirm accounts for one more copy on the ticket.
func (a *attempts) confirm(by Confirmation, at time.Time, requestID string) Receipt {
	a.kind.confirmed++
	a.kind.last, a.kind.lastAt = a.client.clock.Now(), at
	a.notify(StepSubmitted, "", 0)
	return Receipt{ConfirmedBy: by, SubmittedAt: at, RequestID: a.client.clean(requestID)}
}

func (a *attempts) notSubmitted(err error) error {
	return &NotSubmittedError{Attempts: a.made, Looked: a.looked, Err: a.client.redactError(err)}
}

func (a *attempts) unconfirmed(o observation, lookErr error) error {
	a.kind.doubtful++
	return &UnconfirmedError{
		CaseID: a.submission.CaseID, Content: FirstWords(a.submission.Content), Began: o.sent,
		Err: a.client.failure(o), LookErr: a.client.redactError(lookErr),
	}
}

func (a *attempts) notify(step Step, reason string, wait time.Duration) {
	attempt := a.made
	if step == StepSubmitting {
		attempt++
	}
	a.submission.Notify(Event{Step: step, Attempt: attempt, Reason: reason, Wait: wait})
}

// answeredAt is the moment of an answer by the service's clock, else the local one.
func (o observation) answeredAt() time.Time {
	if date, ok := serviceDate(o.header); ok {
		return date
	}
	return o.received
}

// FirstWords is the beginning of a content, at most 60 characters on one
// line, enough to recognise it.
func FirstWords(s string) string {
	const limit = 60
	s = printable(s)
	if runes := []rune(s); len(runes) > limit {
		return string(runes[:limit]) + "…"
	}
	return s
}
