package delivery

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/servicerequest"
)

const testCase = "TT201801020526"

// fakeTicket is a ticket in memory. A test misbehaves with functions. It lives in a
// synctest bubble, so its times are not real.
type fakeTicket struct {
	mu       sync.Mutex
	messages []fakeMessage
	posts    int
	lists    int

	// onPost decides what comes of the nth POST; nil accepts it.
	onPost func(n int, p servicerequest.Post) fate
	// onList changes the nth list, or makes it fail; nil is an honest list. ctx is the caller's.
	onList func(ctx context.Context, n int, l *servicerequest.Listing) error
	// show changes a submitted text in lists; nil shows it as it is.
	show func(text string, age time.Duration) string
	lag  time.Duration // until a message shows
}

type fakeMessage struct {
	content  string
	engineer bool
	came     time.Time
	ours     bool // submitted, so that show changes it
}

// fate is what comes of a POST.
type fate struct {
	attempt servicerequest.Attempt
	stored  bool
	late    time.Duration // stored so long after the answer
	took    time.Duration // until the answer
	err     error         // nothing was sent
	unmade  bool          // there were no credentials for it
}

// slow is the fate with an answer that takes so long.
func (f fate) slow(took time.Duration) fate {
	f.took = took
	return f
}

// retryAfter is the fate with an answer that asks to wait so long.
func (f fate) retryAfter(wait time.Duration) fate {
	f.attempt.RetryAfter = wait
	return f
}

// later is the fate whose message is stored so long after the answer.
func (f fate) later(late time.Duration) fate {
	f.late = late
	return f
}

func lostAnswer(stored bool) fate {
	return fate{attempt: servicerequest.Attempt{Reason: "no answer", Err: errBroken}, stored: stored}
}

var (
	errBroken  = errors.New("connection reset")
	accepted   = fate{attempt: servicerequest.Attempt{Outcome: servicerequest.Submitted}, stored: true}
	throttled  = fate{attempt: servicerequest.Attempt{Outcome: servicerequest.Throttled, Reason: "throttled", Err: errBroken}}
	rejected   = fate{attempt: servicerequest.Attempt{Outcome: servicerequest.Rejected, Err: errBroken}}
	notSent    = fate{attempt: servicerequest.Attempt{Outcome: servicerequest.NotExecuted, Reason: "no connection", Err: errBroken}}
	expired    = fate{attempt: servicerequest.Attempt{Outcome: servicerequest.Unauthenticated, Err: errBroken}}
	unmade     = fate{attempt: expired.attempt, unmade: true}
	errDenied  = &servicerequest.APIError{Status: 403}
	errFailing = &servicerequest.APIError{Status: 502}
)

func (f *fakeTicket) Post(ctx context.Context, p servicerequest.Post) (servicerequest.Attempt, error) {
	began := time.Now()
	f.mu.Lock()
	f.posts++
	n := f.posts
	f.mu.Unlock()
	got := accepted
	if f.onPost != nil {
		got = f.onPost(n, p)
	}
	if got.err != nil {
		return servicerequest.Attempt{}, got.err
	}
	time.Sleep(got.took)
	if got.stored {
		f.mu.Lock()
		f.messages = append(f.messages, fakeMessage{content: p.Content, came: time.Now().Add(got.late), ours: true})
		f.mu.Unlock()
	}
	if got.unmade {
		return got.attempt, nil
	}
	got.attempt.Began, got.attempt.Ended, got.attempt.AnsweredAt = began, time.Now(), time.Now()
	return got.attempt, nil
}

func (f *fakeTicket) List(ctx context.Context, _, _ string) (servicerequest.Listing, error) {
	f.mu.Lock()
	f.lists++
	n := f.lists
	now := time.Now()
	l := servicerequest.Listing{Began: now}
	for _, m := range f.messages {
		if m.came.Add(f.lag).After(now) {
			continue
		}
		shown := servicerequest.Message{Content: m.content, Created: m.came}
		if m.engineer {
			shown.Type = servicerequest.AuthorEngineer
		}
		if m.ours && f.show != nil {
			shown.Content = f.show(m.content, now.Sub(m.came))
		}
		l.Messages = append(l.Messages, shown)
	}
	f.mu.Unlock()
	if err := ctx.Err(); err != nil || f.onList == nil {
		return l, err
	}
	return l, f.onList(ctx, n, &l)
}

func (f *fakeTicket) add(content string) { f.addAs(content, false) }

func (f *fakeTicket) addAs(content string, engineer bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.messages = append(f.messages, fakeMessage{content: content, engineer: engineer, came: time.Now()})
}

// onTicket counts the messages of each content.
func (f *fakeTicket) onTicket() map[string]int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := map[string]int{}
	for _, m := range f.messages {
		n[m.content]++
	}
	return n
}

func (f *fakeTicket) count(content string) int { return f.onTicket()[content] }

// deliverer is a new run against the ticket.
func (f *fakeTicket) deliverer() *Deliverer {
	return New(f, Config{MaxRetries: 5, Random: func() float64 { return 0.5 }})
}

// want fails unless the ticket has so many messages after so many requests.
func (f *fakeTicket) want(t testing.TB, messages, posts, lists int) {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	if got := [3]int{len(f.messages), f.posts, f.lists}; got != [3]int{messages, posts, lists} {
		t.Errorf("%d messages after %d posts and %d lists, want %d, %d, %d", got[0], got[1], got[2], messages, posts, lists)
	}
}

// result tells how a delivery ended.
type result string

const (
	gotReceipt     result = "receipt"
	gotResent      result = "receipt with a warning"
	gotExisting    result = "existing"
	gotRefused     result = "refused"
	gotNotPosted   result = "not posted"
	gotNotChecked  result = "not there when last checked"
	gotUnconfirmed result = "unconfirmed"
	gotNotSearched result = "not searched"
	gotConflict    result = "key conflict"
)

func resultOf(r Receipt, err error) result {
	var not *NotPostedError
	var unconfirmed *UnconfirmedError
	var search *SearchError
	var conflict *KeyConflictError
	switch {
	case err == nil && r.ConfirmedBy == ByExisting:
		return gotExisting
	case err == nil && r.Resent != "":
		return gotResent
	case err == nil:
		return gotReceipt
	case errors.As(err, &unconfirmed): // which may wrap the others
		return gotUnconfirmed
	case errors.As(err, &search):
		return gotNotSearched
	case errors.As(err, &conflict):
		return gotConflict
	case errors.As(err, &not) && not.Checked:
		return gotNotChecked
	case errors.As(err, &not) && not.Refused:
		return gotRefused
	case errors.As(err, &not):
		return gotNotPosted
	}
	panic(fmt.Sprintf("an error of no known kind: %T %v", err, err))
}

// deliver delivers a message and fails unless it ends as wanted.
func deliver(t testing.TB, d *Deliverer, m Message, want result) (Receipt, []Copies, error) {
	t.Helper()
	m.CaseID = testCase
	r, copies, err := d.Deliver(t.Context(), m)
	if got := resultOf(r, err); got != want {
		t.Errorf("%.60q ended as %q, want %q: %v", Keyed(m.Key, m.Content), got, want, err)
	}
	return r, copies, err
}

// each calls do with 0 to n-1, a limited number at a time.
func each(n, parallel int, do func(int)) {
	var next atomic.Int32
	var wait sync.WaitGroup
	for range parallel {
		wait.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				do(i)
			}
		})
	}
	wait.Wait()
}
