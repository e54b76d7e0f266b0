package servicerequest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"
	"unicode/utf8"
)

// checkOffsets are when the ticket is checked after an attempt whose outcome is
// unknown. A message counts as absent only if the last check misses it: lists
// may lag behind writes.
var checkOffsets = []time.Duration{0, 2 * time.Second, 6 * time.Second}

// timeoutOffsets are added after a timeout on either side: the service may
// still be at work.
var timeoutOffsets = []time.Duration{14 * time.Second, 30 * time.Second}

const (
	// extraChecks follow a last check that could not read the ticket.
	extraChecks   = 3
	extraCheckGap = 4 * time.Second
	// finalCheckTimeout bounds the check that follows a cancellation.
	finalCheckTimeout = 5 * time.Second
)

// Submit puts one message on its ticket, once.
//
// The error is an *APIError when the service refused the message, a
// *NotSubmittedError when it is not on the ticket, and an *UnconfirmedError when it
// may be. With an idempotency key, nothing was sent if the error is a *SearchError
// or a *KeyConflictError. When the context ends during an attempt, Submit checks
// the ticket once more, for at most 5 seconds, before it returns.
func (c *Client) Submit(ctx context.Context, s Submission) (Receipt, error) {
	body, err := s.body()
	if err != nil {
		return Receipt{}, &NotSubmittedError{Err: err}
	}
	if s.Notify == nil {
		s.Notify = func(Event) {}
	}
	d := &delivery{
		client: c, submission: s, own: newOwnText(s.Content), ticket: c.ledger.ticket(s.CaseID),
		request: request{method: http.MethodPost, path: casePath(s.CaseID, "message"), body: body, once: true, private: s.Secret},
	}
	locks := d.own.prefixes
	if key := s.IdempotencyKey; key != "" {
		if err := cmp.Or(CheckIdempotencyKey(key), CheckKeyInContent(key, s.Content)); err != nil {
			return Receipt{}, &NotSubmittedError{Err: fmt.Errorf("the idempotency key %w", err)}
		}
		locks = append([]string{"key " + key}, locks...)
	}
	if err := d.ticket.lock(ctx, locks); err != nil {
		return Receipt{}, d.notSubmitted(err)
	}
	defer d.ticket.unlock(locks)
	// Without credentials there is no need to list the ticket.
	if err := c.auth.prepare(ctx); err != nil {
		return Receipt{}, d.notSubmitted(err)
	}
	return d.run(ctx)
}

// delivery is the delivery of one message.
type delivery struct {
	client     *Client
	submission Submission
	own        *ownText
	ticket     *ticket
	baseline   *baseline
	request    request

	attempts int         // POSTs so far
	retries  int         // POSTs after the first, except one after renewed credentials
	renewed  bool        // the credentials were renewed
	unknown  observation // the last attempt whose outcome was unknown
	inDoubt  string      // why that outcome was unknown; empty: there was none
	resent   string      // as Receipt has it
}

// run posts until an outcome is final:
//
//	after               that ended         next
//	a POST              submitted          the end: a receipt
//	                    rejected           the end: the service's refusal
//	                    not executed       wait, then a POST; the end when retries are used up
//	                    unknown            checks
//	a check             present            the end: a receipt
//	the last check      absent             a POST at once; the end when retries are used up
//	                    unclear            the end: unconfirmed
//	a wait or a check   cancelled          one short check: a receipt or unconfirmed
//
// Once an outcome was unknown, each further POST comes right after a check that
// found the message absent, whatever the wait was for. Nothing else leads to
// another POST then: the zero outcome is unknown, the zero presence is unclear,
// and the transport is kept from repeating by itself (see request.once).
func (d *delivery) run(ctx context.Context) (Receipt, error) {
	defer d.leave()
	if existing, found, err := d.prepare(ctx); err != nil || found {
		return existing, err
	}
	for {
		o, outcome, reason, err := d.post(ctx)
		if err != nil { // without credentials nothing was sent
			return Receipt{}, d.notSubmitted(err)
		}
		switch outcome {
		case submitted:
			return d.confirm(ByResponse, o), nil
		case rejected:
			return Receipt{}, d.refused(o)
		case unknown, unknownRefused:
			d.unknown, d.inDoubt = o, reason
		}
		next := d.next(ctx, o, outcome)
		if next.err == nil && next.wait > 0 {
			d.notify(StepRetrying, reason, next.wait)
		}
		if d.inDoubt != "" {
			switch found, err := d.watch(ctx, o, next.checks); found {
			case present:
				return d.confirm(ByCheck, d.unknown), nil
			case unclear:
				return Receipt{}, d.unconfirmed(err)
			}
		}
		if next.err != nil {
			return Receipt{}, next.err
		}
		if d.inDoubt == "" {
			if err := d.client.wait(ctx, next.wait); err != nil {
				return Receipt{}, d.notSubmitted(fmt.Errorf("%w; the last attempt: %w", err, d.client.failure(o)))
			}
		}
	}
}

// leave ends the delivery, if it was admitted.
func (d *delivery) leave() {
	if d.baseline != nil {
		d.ticket.leave(d.client.clock.Now(), d.attempts > 0, d.inDoubt != "")
	}
}

// post makes one attempt.
func (d *delivery) post(ctx context.Context) (observation, outcome, string, error) {
	d.baseline.sent.add(d.own, sentText{possible: 1})
	d.notify(StepSubmitting, "", 0)
	o, err := d.client.do(ctx, d.request)
	if err != nil {
		d.baseline.sent.add(d.own, sentText{possible: -1})
		return o, unknown, "", err
	}
	d.attempts++
	outcome, reason := classifySubmit(o)
	switch outcome {
	case rejected, notExecuted, unauthenticated:
		d.baseline.sent.add(d.own, sentText{possible: -1})
	default:
		d.resent = d.inDoubt
	}
	return o, outcome, reason, nil
}

// nextStep says what follows an attempt that was neither accepted nor rejected.
type nextStep struct {
	wait   time.Duration   // from the end of the attempt to the next POST
	checks []time.Duration // when to check the ticket, from the end of the attempt
	err    error           // why no other POST may follow
}

// submitDelay is the wait before POST n+1.
func (c *Client) submitDelay(n int, o observation) time.Duration {
	return Backoff(n, o.asked(), c.jitter)
}

func (d *delivery) next(ctx context.Context, o observation, outcome outcome) nextStep {
	var n nextStep
	if outcome == unknown || outcome == unknownRefused {
		n.checks = checkOffsets
		if isTimeout(o) {
			n.checks = slices.Concat(checkOffsets, timeoutOffsets)
		}
	}
	switch {
	case outcome == unauthenticated && (d.renewed || !d.client.auth.renew(o.request)), outcome == unknownRefused:
		n.err = d.refused(o)
		return n
	case outcome == unauthenticated:
		d.renewed = true
		n.checks = checkOffsets[:1]
		return n
	case d.retries >= d.client.config.MaxRetries || isPermanent(o.err):
		n.err = d.notSubmitted(d.client.failure(o))
		return n
	}
	d.retries++
	n.wait = d.client.submitDelay(d.retries, o)
	if left, ok := Remaining(ctx, d.client.clock); ok && left < n.wait {
		n.err = d.notSubmitted(&NoTimeError{
			Wait: n.wait.Round(time.Second), Left: left.Round(time.Second), Asked: o.asked() > 0, Err: d.client.failure(o),
		})
		return n
	}
	if len(n.checks) == 0 || n.wait > n.checks[len(n.checks)-1] {
		n.checks = append(slices.Clip(n.checks), n.wait)
	}
	return n
}

// watch checks the ticket at each of the offsets from the end of an attempt.
// Any check can find the message; only the last can find it absent.
func (d *delivery) watch(ctx context.Context, o observation, offsets []time.Duration) (presence, error) {
	if len(offsets) == 0 { // no POST follows: the result of the last check still holds
		return absent, nil
	}
	extra := extraChecks
	for i := 0; ; i++ {
		wait := offsets[i] - d.client.clock.Now().Sub(o.ended)
		if err := d.client.wait(ctx, max(wait, 0)); err != nil {
			return d.finalCheck(ctx)
		}
		found, err := d.check(ctx, d.inDoubt)
		last := i == len(offsets)-1
		switch {
		case found == present || IsRefusal(err) || errors.Is(err, errNoBaseline):
			return found, err
		case ctx.Err() != nil:
			return d.finalCheck(ctx)
		case last && found == unclear && !errors.Is(err, errInDoubt) && extra > 0:
			extra--
			offsets = append(slices.Clip(offsets), offsets[i]+extraCheckGap)
		case last:
			return found, err
		}
	}
}

// finalCheck checks the ticket once more after the user has cancelled or the time
// is up. One check can confirm the message but cannot rule it out.
func (d *delivery) finalCheck(ctx context.Context) (presence, error) {
	why := "timed out"
	if errors.Is(ctx.Err(), context.Canceled) {
		why = "cancelled"
	}
	ctx, cancel := d.client.clock.WithTimeout(context.WithoutCancel(ctx), finalCheckTimeout)
	defer cancel()
	found, err := d.check(ctx, why)
	if found == absent {
		found, err = unclear, errors.New(why+"; a check of the ticket did not find the message, but it may still arrive")
	}
	return found, err
}

// check lists the ticket once and compares.
func (d *delivery) check(ctx context.Context, reason string) (presence, error) {
	key := d.submission.IdempotencyKey
	if key == "" && d.baseline.shown == nil {
		return unclear, errNoBaseline
	}
	d.notify(StepChecking, reason, 0)
	l, err := d.client.listStable(ctx, d.submission.CaseID, d.submission.GroupID)
	switch {
	case err != nil:
		return unclear, err
	case key != "":
		return d.baseline.judgeKey(l, d.own, key)
	}
	return d.baseline.judge(l, d.own)
}

// confirm counts one more copy on the ticket and makes its receipt.
func (d *delivery) confirm(by Confirmation, o observation) Receipt {
	r := Receipt{
		ConfirmedBy: by, SubmittedAt: o.answeredAt(), Resent: d.resent,
		RequestID: d.client.clean(o.header.Get("X-Request-Id")),
	}
	d.baseline.sent.add(d.own, sentText{confirmed: 1})
	d.useKey(r)
	d.notify(StepConfirmed, "", 0)
	return r
}

// refused returns the service's refusal as an error. After an attempt whose outcome
// was unknown, the error also says that the ticket was checked.
func (d *delivery) refused(o observation) error {
	if d.inDoubt != "" {
		return d.notSubmitted(d.client.failure(o))
	}
	return d.client.failure(o)
}

func (d *delivery) notSubmitted(err error) error {
	return &NotSubmittedError{Attempts: d.attempts, Checked: d.inDoubt != "", Err: d.client.redactError(err)}
}

func (d *delivery) unconfirmed(checkErr error) error {
	d.baseline.sent.add(d.own, sentText{doubtful: 1})
	d.useKey(Receipt{})
	e := &UnconfirmedError{
		CaseID: d.submission.CaseID, IdempotencyKey: d.submission.IdempotencyKey, Length: utf8.RuneCountInString(d.submission.Content),
		Began: d.unknown.sent, CheckErr: checkErr,
	}
	if d.attempts > 0 {
		e.Err = d.client.failure(d.unknown)
	}
	if errors.Is(checkErr, errNoBaseline) && d.baseline.why != nil {
		e.CheckErr = fmt.Errorf("%w: %w", errNoBaseline, d.client.redactError(d.baseline.why))
	}
	e.Denied = IsPermissionDenied(e.CheckErr)
	return e
}

func (d *delivery) notify(step Step, reason string, wait time.Duration) {
	attempt := d.attempts
	if step == StepSubmitting {
		attempt++
	}
	d.submission.Notify(Event{Step: step, Attempt: attempt, Reason: reason, Wait: wait})
}
