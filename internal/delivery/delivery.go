// Package delivery puts one message on a ticket, once.
//
// The service makes that difficult. A POST is not idempotent, has no idempotency key and returns no ID. Blind retries
// duplicate messages; no retries lose them. So each POST ends in one outcome (see [servicerequest.Outcome]), and what
// follows depends on it alone:
//
//	after               that ended            next
//	a POST              submitted             the end: a receipt
//	                    rejected              the end: refused
//	                    throttled             wait, then a POST, as long as there is time
//	                    not executed          wait, then a POST; the end when retries are used up
//	                    unauthenticated       a POST with renewed credentials; two in a row are final
//	                    unknown               checks of the ticket
//	                    unknown, refused      checks; no POST follows
//	a check             present               the end: a receipt
//	the last check      absent                a POST at once; the end when retries are used up
//	                    unclear               the end: unconfirmed
//	a wait or a check   cancelled             one short check: a receipt or unconfirmed
//
// Once an outcome was unknown, each further POST comes right after a check that found the message absent, whatever the
// wait was for.
//
// A check compares the ticket with what it was before the first POST, the baseline. No page documents how the service
// shows a text, when, and in which order, so nothing rests on that. The message is present if there is one copy more
// than this run can account for. It is absent only if everything new on the ticket is explained. What cannot be
// explained is never taken for nothing: it is unclear. Identical messages are legitimate, so copies are counted, and
// look-alikes go one at a time.
//
// A message with an idempotency key begins with it, in square brackets, and no other message on the ticket may begin
// so. The ticket is searched before the first POST. A message that begins with the key and shows the same text is this
// message, and nothing is sent. One with another text, or one that may be this message with its key changed, is an
// error. So a key holds across runs, with and without a state. It is not a lock: two runs that search at the same time may
// both post. So the ticket is listed once more in the end, and copies are reported.
package delivery

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/servicerequest"
)

// Service is what delivery needs of the ticket service.
type Service interface {
	// Post makes one POST. An error means that nothing was sent.
	Post(ctx context.Context, p servicerequest.Post) (servicerequest.Attempt, error)
	// List reads a ticket's whole list. It repeats what may be repeated.
	List(ctx context.Context, caseID, groupID string) (servicerequest.Listing, error)
}

// Config says how to deliver. The zero value is usable.
type Config struct {
	// MaxRetries is the maximum number of further POSTs for a message, each after one that was not executed or whose
	// message a check found absent. POSTs after one that was throttled do not count: the context's deadline bounds them.
	MaxRetries int
	Clock      servicerequest.Clock // nil is the machine's
	Random     func() float64       // in [0,1), for the jitter of waits; nil is math/rand's
}

// Deliverer delivers messages to one service. It is safe for concurrent use, and remembers what each ticket had and what
// it has sent: share one per provider configuration.
type Deliverer struct {
	service    Service
	maxRetries int
	clock      servicerequest.Clock
	random     func() float64

	mu      sync.Mutex
	tickets map[string]*ticket
}

// New makes a Deliverer. It makes no call.
func New(service Service, config Config) *Deliverer {
	d := &Deliverer{service: service, maxRetries: config.MaxRetries, random: config.Random, tickets: map[string]*ticket{}}
	d.clock = cmp.Or(config.Clock, servicerequest.SystemClock)
	if d.random == nil {
		d.random = rand.Float64
	}
	return d
}

// Deliver puts one message on its ticket, once.
//
// The error is a *NotPostedError when the message is not on the ticket, and an *UnconfirmedError when it may be. With a
// key, nothing was sent if the error is a *SearchError or a *KeyConflictError. When the context ends during an attempt,
// Deliver checks the ticket once more, for at most 5 seconds, before it returns.
//
// The last delivery under way on a ticket also returns which messages with keys the ticket then has more than once,
// beside its receipt or its error.
func (d *Deliverer) Deliver(ctx context.Context, m Message) (Receipt, []Copies, error) {
	if m.Key != "" {
		if err := CheckKey(m.Key); err != nil {
			return Receipt{}, nil, &NotPostedError{Err: fmt.Errorf("the idempotency key %w", err)}
		}
	}
	if m.Notify == nil {
		m.Notify = func(Event) {}
	}
	d.mu.Lock()
	t := d.tickets[m.CaseID]
	if t == nil {
		t = &ticket{locks: map[string]chan struct{}{}, keys: map[string]keyUse{}, wake: func() {}}
		d.tickets[m.CaseID] = t
	}
	t.arrived++
	t.wake()
	d.mu.Unlock()
	one := &delivery{Deliverer: d, message: m, own: newOwnText(m.Key, m.Content), ticket: t}
	r, err := one.deliver(ctx)
	return r, one.countCopies(ctx), err
}

// delivery is the delivery of one message.
type delivery struct {
	*Deliverer
	message  Message
	own      *ownText
	ticket   *ticket
	baseline *baseline

	attempts  int                    // POSTs so far
	last      error                  // how the last of them failed
	retries   int                    // of MaxRetries
	throttles int                    // POSTs that were throttled
	renewed   bool                   // after the last attempt the credentials were renewed
	expired   int                    // how often they had expired before an attempt
	relist    bool                   // they have just expired: a list renews them
	searched  time.Time              // when the listing was read that was last searched for the key
	unknown   servicerequest.Attempt // the last attempt whose outcome was unknown
	doubt     string                 // why that outcome was unknown; empty: there was none
	resent    string                 // as Receipt has it
}

func (d *delivery) deliver(ctx context.Context) (Receipt, error) {
	unlock, err := d.lock(ctx)
	if err != nil {
		return Receipt{}, d.notPosted(err, false)
	}
	defer unlock()
	r, err := d.prepare(ctx)
	if err == nil && r.ConfirmedBy == "" {
		r, err = d.run(ctx)
	}
	d.ended(r, err)
	return r, err
}

// prepare gives the delivery its baseline. With a key it searches the ticket for the message: the receipt is that of an
// existing one, or empty.
func (d *delivery) prepare(ctx context.Context) (Receipt, error) {
	d.mu.Lock()
	use := d.ticket.keys[d.message.Key]
	d.mu.Unlock()
	switch confirmed := use.receipt.ConfirmedBy != ""; {
	case (confirmed || use.pending) && use.own.digest != d.own.digest:
		return Receipt{}, d.conflict(use.own.form, use.own.sent, use.secret, false)
	case confirmed:
		return d.adopt(use.receipt), nil
	}
	if d.own.key != "" {
		d.notify(StepChecking, "searching for the idempotency key", 0)
	}
	l, err := d.enter(ctx, use.listings)
	switch {
	case err != nil:
		return Receipt{}, d.notListed(ctx, err)
	case d.own.key == "":
		return Receipt{}, nil
	}
	return d.search(l, use.pending)
}

// searchAgain searches the ticket before another POST if the last search is too old: while the gateway throttled this
// run, or credentials were renewed, another one may have posted the message.
func (d *delivery) searchAgain(ctx context.Context) (Receipt, error) {
	if d.own.key == "" || d.doubt != "" || !d.relist && d.clock.Now().Sub(d.searched) <= searchMaxAge {
		return Receipt{}, nil
	}
	d.notify(StepChecking, "searching for the idempotency key again", 0)
	l, err := d.latest(ctx, 0)
	if err != nil {
		return Receipt{}, d.notListed(ctx, err)
	}
	d.relist = false
	return d.search(l, false)
}

// search searches a listing for the key. pending says that an earlier delivery with it was unconfirmed.
func (d *delivery) search(l *listing, pending bool) (Receipt, error) {
	d.searched = l.ended // not when it began: another list that takes long would be no better
	switch f := l.search(d.own); {
	case f.copies > 0:
		return d.adopt(Receipt{PostedAt: l.Messages[f.first].Created, Copies: f.copies, Cut: f.match == cut}), nil
	case f.conflict >= 0:
		s := l.texts[f.conflict]
		return Receipt{}, d.conflict(cmp.Or(s.unwrapped, s.form), l.Messages[f.conflict].Content, false, !s.hasKey(d.own))
	case l.Partial != nil:
		return Receipt{}, d.notSearched(l.Partial)
	case pending:
		return Receipt{}, d.unconfirmed(errPending)
	}
	return Receipt{}, nil
}

var errPending = errors.New("the ticket does not show the message, but an earlier one of this run with the same idempotency key may still arrive")

// adopt makes the receipt for a message that is on the ticket already.
func (d *delivery) adopt(existing Receipt) Receipt {
	r := Receipt{ConfirmedBy: ByExisting, Attempts: d.attempts, PostedAt: existing.PostedAt, Copies: existing.Copies, Cut: existing.Cut}
	d.notify(StepConfirmed, "", 0)
	return r
}

// confirm makes the receipt for one more copy on the ticket.
func (d *delivery) confirm(by Confirmation, a servicerequest.Attempt) Receipt {
	r := Receipt{ConfirmedBy: by, PostedAt: a.AnsweredAt, Resent: d.resent, RequestID: a.RequestID}
	d.notify(StepConfirmed, "", 0)
	return r
}

// notPosted reports that the message is not on the ticket.
func (d *delivery) notPosted(err error, refused bool) error {
	return &NotPostedError{Attempts: d.attempts, Refused: refused, Checked: d.doubt != "", Err: err}
}

// notListed reports that there is no list to search, so that there is no POST either.
func (d *delivery) notListed(ctx context.Context, err error) error {
	if ctx.Err() != nil || servicerequest.PreventsPost(err) {
		return d.notPosted(err, false)
	}
	return d.notSearched(err)
}

func (d *delivery) notSearched(err error) error {
	if d.last != nil {
		err = fmt.Errorf("%w; the last attempt: %w", err, d.last)
	}
	return &SearchError{CaseID: d.message.CaseID, Key: d.message.Key, Attempts: d.attempts, Err: err}
}

func (d *delivery) unconfirmed(checkErr error) error {
	return &UnconfirmedError{
		CaseID: d.message.CaseID, Key: d.message.Key, Length: utf8.RuneCountInString(d.own.sent),
		Began: d.unknown.Began, Err: d.unknown.Err, CheckErr: checkErr,
	}
}

// conflict reports that another message has the key: shown, as it is and in the form in which it is compared.
func (d *delivery) conflict(form, shown string, secret, changed bool) error {
	e := &KeyConflictError{CaseID: d.message.CaseID, Key: d.message.Key, Attempts: d.attempts, Changed: changed}
	if !d.message.Secret && !secret {
		e.Content, e.Shown = servicerequest.FirstWords(d.own.sent), servicerequest.FirstWords(shown)
		e.Length, e.ShownLength = utf8.RuneCountInString(d.own.sent), utf8.RuneCountInString(shown)
		e.Part = part(d.own.form, oneForm(form))
	}
	return e
}

// ended records how the delivery ended: what this run knows of the text, and of the key.
func (d *delivery) ended(r Receipt, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	t, use := d.ticket, keyUse{own: d.own, secret: d.message.Secret, receipt: r, pending: errors.As(err, new(*UnconfirmedError)), listings: d.ticket.listings}
	if d.baseline != nil {
		t.underWay--
	}
	if d.attempts > 0 {
		t.lastAttempt = d.clock.Now()
	}
	switch {
	case use.pending:
		d.baseline.sent.of(d.own).doubtful++
	case r.ConfirmedBy == ByResponse, r.ConfirmedBy == ByCheck:
		d.baseline.sent.of(d.own).confirmed++
		if d.own.key != "" {
			t.accepted = append(t.accepted, d.own)
		}
	case r.ConfirmedBy == "" && d.doubt == "": // it says nothing about the key
		return
	}
	if d.own.key != "" {
		t.keys[d.own.key] = use
	}
}

func (d *delivery) notify(step Step, reason string, wait time.Duration) {
	attempt := d.attempts
	if step == StepPosting {
		attempt++
	}
	d.message.Notify(Event{Step: step, Attempt: attempt, Reason: reason, Wait: wait})
}
