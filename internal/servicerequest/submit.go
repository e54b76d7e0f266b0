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

// lookDelays are the waits before each look at the ticket. The last must miss
// the message, too, before it counts as "not there": a write may show late.
var lookDelays = []time.Duration{0, 2 * time.Second, 4 * time.Second}

// moreLooks are taken while the ticket cannot be read.
const moreLooks = 3

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

	// Secret keeps the content out of every error.
	Secret bool

	// Notify, if not nil, is called at each step, from the caller's goroutine.
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
	StepSubmitted  Step = "submitted" // now, or before: the receipt says it
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
		client: c, submission: s, matcher: newMatcher(s, c.zone),
		request: request{method: http.MethodPost, path: casePath(s.CaseID, "message"), body: body, once: true, private: s.Secret},
	}
	if a.kind, err = c.copies.take(ctx, s, a.matcher); err != nil {
		return Receipt{}, &NotSubmittedError{Unsearched: s.DeduplicateWindow > 0, Err: err}
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

	began   time.Time // by the local clock
	made    int       // POSTs so far
	retries int       // of them, after a wait
	looked  bool      // one was looked for
	renewed bool      // the credentials, once
}

// run posts until a verdict is final:
//
//	after        that ended          next
//	a POST       submitted           the end: a receipt
//	             rejected            the end: the service's error
//	             not executed        wait, then a POST; the end when retries are used up
//	             unknown             look
//	a look       there               the end: a receipt
//	             not there           look again; after the last look wait, then a POST
//	             cannot tell         look again; after the last look the end: unconfirmed
//	             denied              the end: unconfirmed
//	any wait     cancelled           after a POST that was not executed, or a last look,
//	                                 the end: not submitted
//	             in between          one short look: there is a receipt, all else unconfirmed
//
// So a POST follows only a POST that was not executed, or a last look that read
// the ticket and missed the message. Nothing else leads back to one: the zero
// verdict is unknown, the zero finding cannot tell, and the transport is kept
// from repeating by itself (see request.once).
func (a *attempts) run(ctx context.Context) (Receipt, error) {
	c := a.client
	a.began = c.clock.Now()
	if a.kind.began.IsZero() {
		a.kind.began = a.began
	}
	for {
		a.notify(StepSubmitting, "", 0)
		o, err := c.do(ctx, a.request)
		if err != nil { // no credentials: nothing was sent
			return Receipt{}, a.notSubmitted(err)
		}
		a.made++
		v, reason := classify(o)
		a.looked = a.looked || v == unknown
		switch v {
		case submitted:
			return a.confirm(ByResponse, o.answeredAt(), o.header.Get("X-Request-Id")), nil
		case rejected:
			return Receipt{}, a.refused(o)
		case unknown:
			receipt, err := a.resolve(ctx, o, reason)
			if receipt != nil || err != nil {
				return value(receipt), err
			}
		}
		if o.status == http.StatusUnauthorized {
			if a.renewed || !c.auth.renew(o.request) {
				return Receipt{}, a.refused(o)
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
	last := len(lookDelays) - 1
	for n := 0; ; n++ {
		if a.client.wait(ctx, lookDelays[min(n, last)]) != nil {
			return a.resolveCancelled(ctx, o)
		}
		a.notify(StepLooking, reason, 0)
		found, at, err := a.look(ctx)
		switch {
		case found == there:
			return a.found(at), nil
		case ctx.Err() != nil:
			return a.resolveCancelled(ctx, o)
		case denied(err):
			return nil, a.unconfirmed(o, err)
		case n < last:
		case found == notThere:
			return nil, nil
		case n == last+moreLooks || errors.Is(err, errInDoubt):
			return nil, a.unconfirmed(o, err)
		}
	}
}

// resolveCancelled takes one short look after the user cancelled, or the time
// was up. It can still find the message; that the message will not show later
// is more than one look can tell.
func (a *attempts) resolveCancelled(ctx context.Context, o observation) (*Receipt, error) {
	why := "cancelled"
	if !errors.Is(ctx.Err(), context.Canceled) { // past its end, or too near to it for a wait
		why = "the time was up"
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastLook)
	defer cancel()
	a.notify(StepLooking, why, 0)
	found, at, err := a.look(ctx)
	switch found {
	case there:
		return a.found(at), nil
	case notThere:
		err = errors.New(why + "; one look at the ticket did not show the message, but it may show later")
	}
	return nil, a.unconfirmed(o, err)
}

// look reads the ticket for a copy that is not accounted for. It tells why
// when it cannot tell.
func (a *attempts) look(ctx context.Context) (finding, time.Time, error) {
	candidates, l, err := a.read(ctx)
	if err != nil {
		return cannotTell, time.Time{}, err
	}
	shown := func(began time.Time) tally {
		in := l.period(elapsed(began, l.received) + clockSlack)
		in.anyZone = true
		return a.matcher.count(candidates, in).ofKind()
	}
	all := shown(a.kind.began)
	found := a.kind.judge(all, shown(a.began))
	if found == there && a.client.copies.ambiguous(a.submission, a.matcher) {
		found = cannotTell
	}
	if found == cannotTell {
		err = errInDoubt
	}
	return found, all.newest, err
}

var (
	errInDoubt = errors.New("the ticket has a message like this one, but whether it is the same cannot be told for certain from the time, text, spacing and attachments that it shows")
	errMoving  = errors.New("the ticket changed while it was read, or did not list all that it counts, so that copies could not be counted")
)

// read lists the messages like ours. It reads anew while a change of the list
// may have shown one of them twice, or hidden it.
func (a *attempts) read(ctx context.Context) ([]candidate, listing, error) {
	for range 3 {
		var candidates []candidate
		twice := false
		l, err := a.client.eachPage(ctx, a.submission.CaseID, a.submission.GroupID, func(p page) (more bool) {
			for i, m := range p.Messages {
				if c, ok := a.matcher.candidate(m); ok {
					candidates = append(candidates, c)
					twice = twice || i < p.moved
				}
			}
			return true
		})
		if err != nil {
			return nil, l, err
		}
		if !twice && !l.shrunk && l.seen >= l.count {
			return candidates, l, nil
		}
	}
	return nil, listing{}, errMoving
}

// period is the time up to the list, by the service's clock.
func (l listing) period(age time.Duration) period {
	if l.date.IsZero() {
		return period{}
	}
	return period{from: l.date.Add(-age), to: l.date.Add(clockSlack)}
}

// elapsed is the time between two moments of the local clock, and rather too
// long: the monotonic clock may stand still while the machine sleeps, and the
// other may be set.
func elapsed(from, to time.Time) time.Duration {
	return max(to.Sub(from), to.Round(0).Sub(from.Round(0)))
}

// adopt looks for a message that stands for this one. It returns neither
// receipt nor error when there is none.
func (a *attempts) adopt(ctx context.Context) (*Receipt, error) {
	window, text := a.submission.DeduplicateWindow, a.matcher.text
	// What this client submitted just now may not show yet.
	if s, ok := a.kind.texts[digest(text)]; ok && elapsed(s.known, a.client.clock.Now()) <= window {
		return a.adopted(s.created, s.known), nil
	}
	a.notify(StepLooking, "deduplicate_window", 0)
	candidates, l, err := a.read(ctx)
	if err != nil {
		return nil, a.unsearched(fmt.Errorf("the ticket could not be searched for an identical message: %w", err))
	}
	shown := a.matcher.count(candidates, l.period(window))
	found := func(at time.Time) (*Receipt, error) {
		return a.adopted(at, l.received.Add(at.Sub(l.date))), nil
	}
	// Without its markup a copy may as well be one of another text's.
	others := a.kind.others(text)
	switch {
	case shown[exact].low > 0 && !a.client.copies.ambiguous(a.submission, a.matcher):
		return found(shown[exact].newest)
	case shown[stripped].low > others:
		return found(shown[stripped].newest)
	case shown[exact].high > 0, shown[stripped].high > others, shown[respaced].high > others, shown[perhaps].high > 0:
		return nil, a.unsearched(errInDoubt)
	}
	return nil, nil
}

// adopted is the receipt for a copy that was there before. Its age counts for
// the windows of other submissions, so known is not now.
func (a *attempts) adopted(at, known time.Time) *Receipt {
	a.kind.settle(a.matcher.text, ByExisting, known, at)
	a.notify(StepSubmitted, "", 0)
	return &Receipt{ConfirmedBy: ByExisting, SubmittedAt: at}
}

// found is the receipt for a copy that a look has shown.
func (a *attempts) found(at time.Time) *Receipt {
	r := a.confirm(ByReadback, at, "")
	return &r
}

// confirm accounts for one more copy on the ticket.
func (a *attempts) confirm(by Confirmation, at time.Time, requestID string) Receipt {
	a.kind.settle(a.matcher.text, by, a.client.clock.Now(), at)
	a.notify(StepSubmitted, "", 0)
	return Receipt{ConfirmedBy: by, SubmittedAt: at, RequestID: a.client.clean(requestID)}
}

// refused is the service's refusal. After a look that missed an earlier attempt
// it is not all that is to be told.
func (a *attempts) refused(o observation) error {
	if a.looked {
		return a.notSubmitted(a.client.failure(o))
	}
	return a.client.failure(o)
}

func (a *attempts) notSubmitted(err error) error {
	return &NotSubmittedError{Attempts: a.made, Looked: a.looked, Err: a.client.redactError(err)}
}

func (a *attempts) unsearched(err error) error {
	return &NotSubmittedError{Unsearched: true, Err: a.client.redactError(err)}
}

func (a *attempts) unconfirmed(o observation, lookErr error) error {
	a.kind.doubtful++
	content := FirstWords(a.submission.Content)
	if a.submission.Secret {
		content = ""
	}
	return &UnconfirmedError{
		CaseID: a.submission.CaseID, Content: content, Began: o.sent,
		Err: a.client.failure(o), LookErr: a.client.redactError(lookErr), Denied: forbidden(lookErr),
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
func FirstWords(s string) string { return shorten(s, 60) }
