package delivery

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/credentials"
	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/servicerequest"
)

// inMemory runs a test with a ticket of its own, in a bubble where no time passes.
func inMemory(t *testing.T, test func(t *testing.T, f *fakeTicket)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { test(t, &fakeTicket{}) })
}

// subtest is inMemory as a subtest.
func subtest(t *testing.T, name string, test func(t *testing.T, f *fakeTicket)) {
	t.Helper()
	t.Run(name, func(t *testing.T) { inMemory(t, test) })
}

// fates are what comes of the first, second, ... POST. The last one is for all that follow.
func fates(list ...fate) func(int, servicerequest.Post) fate {
	return func(n int, _ servicerequest.Post) fate { return list[min(n, len(list))-1] }
}

// listsFail makes these lists fail.
func listsFail(err error, first, last int) func(context.Context, int, *servicerequest.Listing) error {
	return func(_ context.Context, n int, _ *servicerequest.Listing) error {
		if n < first || n > last {
			return nil
		}
		return err
	}
}

func hello() Message { return Message{CaseID: testCase, Content: "Hello"} }

func deploy() Message {
	return Message{CaseID: testCase, Content: "Release is live", Key: "deploy 4711"}
}

const deployed = "[deploy 4711] Release is live"

// A ticket is listed once before, and once after where there are keys, however many messages there are.
func TestRequests(t *testing.T) {
	for _, tc := range []struct {
		messages int
		key      string
		lists    int
	}{{1, "", 1}, {10, "", 1}, {100, "", 1}, {1, "message %d", 2}, {10, "message %d", 2}, {100, "message %d", 2}} {
		subtest(t, fmt.Sprintf("%d %s", tc.messages, tc.key), func(t *testing.T, f *fakeTicket) {
			f.onPost = fates(accepted.slow(time.Second)) // so that the next has begun when one ends
			d := f.deliverer()
			each(tc.messages, 10, func(i int) {
				m := Message{Content: fmt.Sprint("Message ", i)}
				if tc.key != "" {
					m.Key = fmt.Sprintf(tc.key, i)
				}
				deliver(t, d, m, gotReceipt)
			})
			f.want(t, tc.messages, tc.messages, tc.lists)
		})
	}
}

// clockWithHook calls hook, once, before it sets a deadline.
type clockWithHook struct {
	servicerequest.Clock
	hook func()
}

func (c *clockWithHook) WithTimeout(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	if hook := c.hook; hook != nil {
		c.hook = nil // hook sets deadlines, too
		hook()
	}
	return c.Clock.WithTimeout(ctx, d)
}

// A delivery that is about to list the ticket does not if another one has just done so.
func TestListIsNotMadeTwice(t *testing.T) {
	inMemory(t, func(t *testing.T, f *fakeTicket) {
		clock := &clockWithHook{Clock: servicerequest.SystemClock}
		d := New(f, Config{Clock: clock})
		clock.hook = func() { deliver(t, d, Message{Content: "The other one"}, gotReceipt) }
		deliver(t, d, hello(), gotReceipt)
		f.want(t, 2, 2, 1)
	})
}

// What follows each outcome: how it ends, and after which requests.
func TestOutcomes(t *testing.T) {
	stopped, unavailable := throttled.retryAfter(20*time.Second), lostAnswer(false).retryAfter(20*time.Second)
	certificate := notSent
	certificate.attempt.Permanent = true
	for name, tc := range map[string]struct {
		fates                  []fate
		want                   result
		messages, posts, lists int
		took                   time.Duration
	}{
		"accepted":                       {[]fate{accepted}, gotReceipt, 1, 1, 1, 0},
		"rejected":                       {[]fate{rejected}, gotRefused, 0, 1, 1, 0},
		"lost, and stored":               {[]fate{lostAnswer(true)}, gotReceipt, 1, 1, 2, 0},
		"lost":                           {[]fate{lostAnswer(false), accepted}, gotResent, 1, 2, 4, 6 * time.Second},
		"lost, and refused the next":     {[]fate{lostAnswer(false), rejected}, gotNotChecked, 0, 2, 4, 6 * time.Second},
		"timed out, and stored late":     {[]fate{timedOut(true).later(20 * time.Second)}, gotReceipt, 1, 1, 6, 30 * time.Second},
		"timed out":                      {[]fate{timedOut(false), accepted}, gotResent, 1, 2, 6, 30 * time.Second},
		"refused, as nobody documents":   {[]fate{refusedUnknown(false)}, gotNotChecked, 0, 1, 4, 6 * time.Second},
		"so refused, and stored":         {[]fate{refusedUnknown(true)}, gotReceipt, 1, 1, 2, 0},
		"never sent":                     {[]fate{notSent, notSent, accepted}, gotReceipt, 1, 3, 1, 750 * time.Millisecond},
		"never sent, retries used up":    {[]fate{notSent}, gotNotPosted, 0, 6, 1, 7750 * time.Millisecond},
		"never sent, nor ever will be":   {[]fate{certificate}, gotNotPosted, 0, 1, 1, 0},
		"throttled more than retries":    {append(slices.Repeat([]fate{throttled}, 9), accepted), gotReceipt, 1, 10, 1, 11250 * time.Millisecond},
		"throttled, with Retry-After":    {[]fate{stopped, accepted}, gotReceipt, 1, 2, 1, 20062500 * time.Microsecond},
		"lost, then throttled":           {[]fate{lostAnswer(false), stopped, accepted}, gotResent, 1, 3, 5, 26062500 * time.Microsecond},
		"lost, with Retry-After":         {[]fate{unavailable, accepted}, gotResent, 1, 2, 5, 20062500 * time.Microsecond},
		"as long as the checks take":     {[]fate{lostAnswer(false).retryAfter(6*time.Second - 62500*time.Microsecond), accepted}, gotResent, 1, 2, 4, 6 * time.Second},
		"credentials expired":            {[]fate{expired, accepted}, gotReceipt, 1, 2, 1, 0},
		"expired again later":            {[]fate{expired, throttled, expired, accepted}, gotReceipt, 1, 4, 1, 250 * time.Millisecond},
		"expired before the attempt":     {[]fate{lostAnswer(false), unmade, expired, accepted}, gotResent, 1, 4, 6, 6 * time.Second},
		"always expired before it":       {[]fate{lostAnswer(false), unmade}, gotNotChecked, 0, 5, 7, 6 * time.Second},
		"credentials refused twice":      {[]fate{expired, expired}, gotRefused, 0, 2, 1, 0},
		"lost, then credentials expired": {[]fate{lostAnswer(false), expired, accepted}, gotResent, 1, 3, 5, 6 * time.Second},
		"no credentials":                 {[]fate{{err: errBroken}}, gotNotPosted, 0, 1, 1, 0},
	} {
		subtest(t, name, func(t *testing.T, f *fakeTicket) {
			answer, doubt, made := fates(tc.fates...), false, 0
			f.onPost = func(n int, p servicerequest.Post) fate {
				if p.Checked != doubt {
					t.Errorf("POST %d may wait for new credentials: %t", n, !p.Checked)
				}
				got := answer(n, p)
				doubt = doubt || got.attempt.Outcome == servicerequest.Unknown
				if !got.unmade && got.err == nil {
					made++
				}
				return got
			}
			began := time.Now()
			_, _, err := deliver(t, f.deliverer(), hello(), tc.want)
			var notPosted *NotPostedError
			if errors.As(err, &notPosted) && notPosted.Attempts != made {
				t.Errorf("%d attempts, want %d", notPosted.Attempts, made)
			}
			if name == "always expired before it" && notPosted.Refused {
				t.Error("nobody refused anything")
			}
			f.want(t, tc.messages, tc.posts, tc.lists)
			if took := time.Since(began); took != tc.took {
				t.Errorf("it took %v, want %v", took, tc.took)
			}
		})
	}
}

// The steps of a delivery, as logs have them. A check confirms the attempt whose outcome was unknown, not a later one.
func TestEvents(t *testing.T) {
	inMemory(t, func(t *testing.T, f *fakeTicket) {
		lost := lostAnswer(true).later(10 * time.Second)
		lost.attempt.RequestID = "of the lost one"
		f.onPost = fates(expired, notSent, lost, throttled.retryAfter(20*time.Second))
		var events []Event
		m := hello()
		m.Notify = func(e Event) { events = append(events, e) }
		if r, _, _ := deliver(t, f.deliverer(), m, gotReceipt); r.ConfirmedBy != ByCheck || r.RequestID != lost.attempt.RequestID {
			t.Errorf("%+v", r)
		}
		check := "{checking the ticket 3 no answer 0s} "
		want := "[{posting 1  0s} {posting 2  0s} {retrying 2 no connection 250ms} {posting 3  0s} " + check + check + check +
			"{posting 4  0s} {checking the ticket 4 no answer 0s} {confirmed 4  0s}]"
		if got := fmt.Sprint(events); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	})
}

// While a message with a key is throttled, or waits for credentials or a connection, another run may post it. So the
// ticket is searched again before a POST, if the last search is more than 10 seconds old.
func TestKeyIsSearchedAgain(t *testing.T) {
	const long = 11 * time.Second // until the gateway lets the next POST through, or new credentials come
	for name, tc := range map[string]struct {
		first  fate
		other  string // what another run posts meanwhile
		want   result
		posts  int
		lists  int
		copies int
	}{
		"throttled, nobody else":  {throttled.retryAfter(long), "", gotReceipt, 2, 3, 1},
		"throttled for 10 s":      {throttled.retryAfter(long - time.Second), deployed, gotReceipt, 2, 2, 2},
		"throttled":               {throttled.retryAfter(long), deployed, gotExisting, 1, 2, 1},
		"no connection":           {notSent.retryAfter(long), deployed, gotExisting, 1, 2, 1},
		"throttled, another text": {throttled.retryAfter(long), "[deploy 4711] Release is down", gotConflict, 1, 2, 1},
		"credentials are renewed": {expired.slow(long), deployed, gotExisting, 1, 2, 1},
		"they expired before it":  {unmade, deployed, gotExisting, 1, 2, 1},
		"the same, nobody else":   {unmade, "", gotReceipt, 3, 3, 1},
		"and cannot be searched":  {throttled.retryAfter(long), "", gotNotSearched, 1, 2, 0},
	} {
		subtest(t, name, func(t *testing.T, f *fakeTicket) {
			f.onPost = func(n int, p servicerequest.Post) fate {
				if !p.Checked {
					t.Error("a POST may wait for new credentials")
				}
				switch {
				case n == 2 && tc.first.unmade: // no reason to search for a third time
					return throttled
				case n > 1:
					return accepted
				}
				if tc.other != "" {
					f.add(tc.other)
				}
				return tc.first
			}
			if tc.want == gotNotSearched {
				f.onList = listsFail(errDenied, 2, 2)
			}
			d := New(f, Config{MaxRetries: 5, Random: func() float64 { return 0 }})
			r, _, err := deliver(t, d, deploy(), tc.want)
			f.want(t, tc.copies, tc.posts, tc.lists)
			// What another run posted meanwhile is no lie about what was sent.
			var conflict *KeyConflictError
			var search *SearchError
			switch {
			case errors.As(err, &conflict):
				r.Attempts = conflict.Attempts
			case errors.As(err, &search):
				r.Attempts = search.Attempts
				if !errors.Is(err, errDenied) || !errors.Is(err, errBroken) {
					t.Errorf("%v does not say why both failed, the search and the attempt", err)
				}
			}
			if tc.want != gotReceipt && (r.Attempts == 0) != tc.first.unmade {
				t.Errorf("%d attempts", r.Attempts)
			}
		})
	}
}

// A listing that another message of this run has searched is as old as it is.
func TestSharedListingIsSearchedAgain(t *testing.T) {
	inMemory(t, func(t *testing.T, f *fakeTicket) {
		f.onPost = func(n int, p servicerequest.Post) fate {
			switch {
			case strings.HasPrefix(p.Content, "[first key]"):
				time.Sleep(time.Minute) // it is under way all the time
				return accepted
			case n > 2:
				return accepted
			}
			f.add(deployed)
			return throttled.retryAfter(3 * time.Second)
		}
		d := New(f, Config{MaxRetries: 5, Random: func() float64 { return 0 }})
		var wait sync.WaitGroup
		wait.Go(func() {
			m := hello()
			m.Key = "first key"
			deliver(t, d, m, gotReceipt)
		})
		time.Sleep(9 * time.Second)
		deliver(t, d, deploy(), gotExisting)
		wait.Wait()
	})
}

// Lists that fail or say little, before the first POST and after a lost answer.
func TestLists(t *testing.T) {
	type answer struct {
		err    error
		change func(*servicerequest.Listing)
		until  int // the last list that is changed; 0: all are
	}
	errCut := errors.New("cut off")
	honest, fails, denied, noCredentials := answer{}, answer{err: errFailing}, answer{err: errDenied}, answer{err: &credentials.Error{Err: errCut}}
	isCut := answer{change: func(l *servicerequest.Listing) { l.Partial = errCut }}
	countsLess := answer{change: func(l *servicerequest.Listing) { l.Surplus = 1 }}
	loses := answer{change: func(l *servicerequest.Listing) { l.Messages = l.Messages[1:] }}
	someoneElse := answer{change: func(l *servicerequest.Listing) {
		l.Messages = append(l.Messages, servicerequest.Message{Content: "Someone else's"})
	}}
	once := answer{change: someoneElse.change, until: 2}
	for name, tc := range map[string]struct {
		before, after          answer
		stored                 bool
		unkeyed, keyed         result
		why                    error
		posts, lists, keyLists int // with a key nothing is posted, if the ticket cannot be searched
	}{
		"no list before":        {fails, honest, true, gotUnconfirmed, gotNotSearched, errFailing, 1, 1, 1},
		"not whole before":      {isCut, honest, true, gotUnconfirmed, gotNotSearched, errCut, 1, 1, 1},
		"no credentials":        {noCredentials, honest, true, gotNotPosted, gotNotPosted, errCut, 0, 1, 1},
		"denied before":         {denied, honest, true, gotUnconfirmed, gotNotSearched, errDenied, 1, 1, 1},
		"denied after":          {honest, denied, true, gotUnconfirmed, gotUnconfirmed, errDenied, 1, 2, 2},
		"no list after":         {honest, fails, true, gotUnconfirmed, gotUnconfirmed, errFailing, 1, 7, 7},
		"the list lost a text":  {honest, loses, true, gotUnconfirmed, gotReceipt, errLost, 1, 7, 3},
		"it counts less":        {honest, countsLess, true, gotUnconfirmed, gotReceipt, errSurplus, 1, 7, 3},
		"it always counts less": {countsLess, countsLess, true, gotReceipt, gotReceipt, nil, 1, 2, 3},
		"it is not whole":       {honest, isCut, true, gotUnconfirmed, gotReceipt, errCut, 1, 7, 3},
		"not whole, not there":  {honest, isCut, false, gotUnconfirmed, gotUnconfirmed, errCut, 1, 7, 7},
		"someone else's is new": {honest, someoneElse, false, gotUnconfirmed, gotUnconfirmed, errNotExplained, 1, 4, 4},
		"and is gone again":     {honest, once, false, gotUnconfirmed, gotUnconfirmed, errLost, 1, 7, 7},
	} {
		for _, key := range []string{"", "deploy 4711"} {
			subtest(t, name+" "+key, func(t *testing.T, f *fakeTicket) {
				f.add("Before")
				f.onPost = fates(lostAnswer(tc.stored))
				f.onList = func(_ context.Context, n int, l *servicerequest.Listing) error {
					a := tc.after
					if n == 1 {
						a = tc.before
					}
					if a.change != nil && (a.until == 0 || n <= a.until) {
						a.change(l)
					}
					return a.err
				}
				m, want, lists, posts := hello(), tc.unkeyed, tc.lists, tc.posts
				if m.Key = key; key != "" {
					if want, lists = tc.keyed, tc.keyLists; want == gotNotSearched {
						posts = 0
					}
				}
				began := time.Now()
				_, _, err := deliver(t, f.deliverer(), m, want)
				if err != nil && !errors.Is(err, tc.why) {
					t.Errorf("%v does not say why", err)
				}
				if f.posts != posts || f.lists != lists {
					t.Errorf("%d posts and %d lists, want %d and %d", f.posts, f.lists, posts, lists)
				}
				if took := time.Since(began); lists == 7 && took != 18*time.Second {
					t.Errorf("it took %v", took)
				}
			})
		}
	}
}

// A wait that is longer than the time left is not begun.
func TestNoTimeLeft(t *testing.T) {
	inMemory(t, func(t *testing.T, f *fakeTicket) {
		f.onPost = fates(throttled.retryAfter(90 * time.Second))
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		_, _, err := f.deliverer().Deliver(ctx, hello())
		var noTime *servicerequest.NoTimeError
		if !errors.As(err, &noTime) || noTime.Wait != 90*time.Second || noTime.Left != time.Minute || !noTime.Asked || !errors.Is(err, errBroken) || ctx.Err() != nil {
			t.Errorf("%v, %+v", err, noTime)
		}
		f.want(t, 0, 1, 1)
	})
}

// When the user cancels, or a check would come too late, the ticket is checked once more, for 5 seconds at most. That can
// find the message, but cannot rule it out. Copies are not counted then.
func TestCancelled(t *testing.T) {
	for name, tc := range map[string]struct {
		stored bool
		left   time.Duration
		during int // the list during which it is cancelled; 0: during the attempt
		want   result
		lists  int
		took   time.Duration
	}{
		"stored":                  {true, time.Hour, 0, gotReceipt, 2, 0},
		"not stored":              {false, time.Hour, 0, gotUnconfirmed, 2, 0},
		"and the list then hangs": {true, time.Hour, 0, gotUnconfirmed, 2, finalCheckTimeout},
		"during the last check":   {false, time.Hour, 4, gotUnconfirmed, 5, 6 * time.Second},
		"no time for all checks":  {false, 4 * time.Second, -1, gotUnconfirmed, 4, 2 * time.Second},
	} {
		subtest(t, name, func(t *testing.T, f *fakeTicket) {
			ctx, cancel := context.WithTimeout(t.Context(), tc.left)
			defer cancel()
			f.onPost = func(int, servicerequest.Post) fate {
				if tc.during == 0 {
					cancel()
				}
				return lostAnswer(tc.stored)
			}
			f.onList = func(ctx context.Context, n int, _ *servicerequest.Listing) error {
				switch {
				case n == tc.during:
					cancel()
					return nil
				case n > 1 && tc.took == finalCheckTimeout:
					<-ctx.Done()
				}
				return ctx.Err()
			}
			began := time.Now()
			r, _, err := f.deliverer().Deliver(ctx, deploy())
			if got := resultOf(r, err); got != tc.want {
				t.Errorf("%s: %v", got, err)
			}
			if took := time.Since(began); f.posts != 1 || f.lists != tc.lists || took != tc.took {
				t.Errorf("%d posts and %d lists in %v", f.posts, f.lists, took)
			}
		})
	}
}

// A key holds across runs, whatever became of the first. A run that has found the message does not search for it again.
func TestKeyAcrossRuns(t *testing.T) {
	inMemory(t, func(t *testing.T, f *fakeTicket) {
		f.add("Before")
		time.Sleep(time.Second)
		first, _, _ := deliver(t, f.deliverer(), deploy(), gotReceipt)
		d := f.deliverer()
		for range 2 {
			r, _, _ := deliver(t, d, deploy(), gotExisting)
			if r.Copies != 1 || r.Cut || !r.PostedAt.Equal(first.PostedAt) {
				t.Errorf("%+v", r)
			}
			time.Sleep(time.Minute)
		}
		f.want(t, 2, 1, 3) // a search and a list for copies, and another search
	})
}

// A long text that the list cuts is adopted, and the receipt says that only its beginning was compared.
func TestCutIsAdopted(t *testing.T) {
	inMemory(t, func(t *testing.T, f *fakeTicket) {
		f.show = func(s string, _ time.Duration) string { return firstRunes(s, 255) }
		m := deploy()
		m.Content = strings.Repeat("many words ", 40)
		deliver(t, f.deliverer(), m, gotReceipt)
		if r, _, _ := deliver(t, f.deliverer(), m, gotExisting); !r.Cut {
			t.Errorf("%+v", r)
		}
	})
}

// Another text with the key is a conflict: on the ticket, or in this run. The error shows where the texts part.
func TestKeyConflict(t *testing.T) {
	other := deploy()
	other.Content = "Release is down"
	check := func(t *testing.T, err error, want KeyConflictError) {
		t.Helper()
		var got *KeyConflictError
		if !errors.As(err, &got) || *got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
	}
	conflict := KeyConflictError{CaseID: testCase, Key: "deploy 4711", Content: "[deploy 4711] Release is down", Shown: deployed, Length: 29, ShownLength: 29, Part: 26}
	subtest(t, "on the ticket", func(t *testing.T, f *fakeTicket) {
		f.add(deployed)
		_, _, err := deliver(t, f.deliverer(), other, gotConflict)
		check(t, err, conflict)
		f.want(t, 1, 0, 1)
	})
	subtest(t, "in this run", func(t *testing.T, f *fakeTicket) {
		d := f.deliverer()
		deliver(t, d, deploy(), gotReceipt)
		deliver(t, d, deploy(), gotExisting) // one message
		_, _, err := deliver(t, d, other, gotConflict)
		check(t, err, conflict)
	})
	subtest(t, "its key changed", func(t *testing.T, f *fakeTicket) {
		f.add("DEPLOY 4711 RELEASE IS LIVE")
		_, _, err := deliver(t, f.deliverer(), deploy(), gotConflict)
		check(t, err, KeyConflictError{CaseID: testCase, Key: "deploy 4711", Changed: true, Content: deployed, Shown: "DEPLOY 4711 RELEASE IS LIVE", Length: 29, ShownLength: 27, Part: 1})
	})
	subtest(t, "in rich text", func(t *testing.T, f *fakeTicket) {
		f.add("<p>" + deployed + "</p>")
		_, _, err := deliver(t, f.deliverer(), other, gotConflict)
		rich := conflict
		rich.Shown, rich.ShownLength = "<p>"+deployed+"</p>", 36
		check(t, err, rich)
	})
	subtest(t, "secret", func(t *testing.T, f *fakeTicket) {
		f.add(deployed)
		secret := other
		secret.Secret = true
		_, _, err := deliver(t, f.deliverer(), secret, gotConflict)
		check(t, err, KeyConflictError{CaseID: testCase, Key: "deploy 4711"})
	})
	subtest(t, "secret in this run", func(t *testing.T, f *fakeTicket) {
		d := f.deliverer()
		secret := deploy()
		secret.Secret = true
		deliver(t, d, secret, gotReceipt)
		_, _, err := deliver(t, d, other, gotConflict)
		check(t, err, KeyConflictError{CaseID: testCase, Key: "deploy 4711"})
	})
}

// Nothing is sent with a key that a list may show changed. The error says what to write instead.
func TestInvalidKey(t *testing.T) {
	inMemory(t, func(t *testing.T, f *fakeTicket) {
		for key, want := range map[string]string{
			"run": "it has 3 characters", strings.Repeat("k", MaxKey+1): "it has 63 characters", "[deploy 4711]": "the provider adds the square brackets",
			"deploy_4711": `write "deploy-4711" instead`, "deploy #4711": `write "deploy 4711" instead`, "v1.4:0-1": `write "v1.4-0-1" instead`,
		} {
			if _, _, err := deliver(t, f.deliverer(), Message{Content: "Hello", Key: key}, gotNotPosted); !strings.Contains(fmt.Sprint(err), want) {
				t.Errorf("%v, want: %s", err, want)
			}
		}
		f.want(t, 0, 0, 0)
	})
}

// An earlier message of this run with the key ended unconfirmed and does not show: nothing is sent.
func TestKeyPending(t *testing.T) {
	inMemory(t, func(t *testing.T, f *fakeTicket) {
		f.onPost = fates(lostAnswer(false))
		f.onList = listsFail(errFailing, 2, 8) // the checks, and the next search
		d := f.deliverer()
		deliver(t, d, deploy(), gotUnconfirmed)
		deliver(t, d, deploy(), gotNotSearched) // which says nothing about the first
		deliver(t, d, Message{Content: "Another", Key: deploy().Key}, gotConflict)
		_, _, err := deliver(t, d, deploy(), gotUnconfirmed)
		var unconfirmed *UnconfirmedError
		if !errors.As(err, &unconfirmed) || unconfirmed.Err != nil || !errors.Is(unconfirmed.CheckErr, errPending) {
			t.Errorf("%+v", err)
		}
		if f.posts != 1 {
			t.Errorf("%d posts", f.posts)
		}
	})
}

// Two runs that search in the same seconds both post. At least one of them says so. So does a run whose message was sent
// again and came twice. It is the last delivery under way that says it, even if it fails.
func TestCopies(t *testing.T) {
	subtest(t, "two runs", func(t *testing.T, f *fakeTicket) {
		f.onPost = fates(accepted.slow(time.Second))
		var told atomic.Int32
		each(2, 2, func(int) {
			_, copies, _ := deliver(t, f.deliverer(), deploy(), gotReceipt)
			if slices.Equal(copies, []Copies{{"deploy 4711", 2}}) {
				told.Add(1)
			}
		})
		if told.Load() == 0 || f.count(deployed) != 2 {
			t.Errorf("%d were told, %v", told.Load(), f.onTicket())
		}
	})
	subtest(t, "sent again", func(t *testing.T, f *fakeTicket) {
		f.onPost = fates(lostAnswer(true).later(7*time.Second), accepted.slow(5*time.Second))
		_, copies, _ := deliver(t, f.deliverer(), deploy(), gotResent)
		if !slices.Equal(copies, []Copies{{"deploy 4711", 2}}) {
			t.Errorf("%v", copies)
		}
	})
	subtest(t, "with an error", func(t *testing.T, f *fakeTicket) {
		f.onPost = func(_ int, p servicerequest.Post) fate {
			if p.Content == deployed {
				f.add(deployed) // another run's
				return accepted
			}
			return rejected.slow(time.Second)
		}
		d := f.deliverer()
		var wait sync.WaitGroup
		wait.Go(func() {
			if _, copies, _ := deliver(t, d, deploy(), gotReceipt); copies != nil {
				t.Errorf("told %v, and another delivery is under way", copies)
			}
		})
		_, copies, _ := deliver(t, d, hello(), gotRefused)
		if wait.Wait(); len(copies) != 1 {
			t.Errorf("%v", copies)
		}
	})
	subtest(t, "while the list for those of an earlier message is under way", func(t *testing.T, f *fakeTicket) {
		f.onPost = func(n int, _ servicerequest.Post) fate {
			if n == 2 {
				f.add(deployed) // another run's
			}
			return accepted
		}
		f.onList = func(_ context.Context, n int, _ *servicerequest.Listing) error {
			if n == 2 {
				time.Sleep(3 * time.Second) // it is as it was when the request came
			}
			return nil
		}
		d := f.deliverer()
		var wait sync.WaitGroup
		wait.Go(func() { deliver(t, d, Message{Content: "x", Key: "another"}, gotReceipt) })
		time.Sleep(time.Second)
		if _, copies, _ := deliver(t, d, deploy(), gotReceipt); !slices.Equal(copies, []Copies{{"deploy 4711", 2}}) {
			t.Errorf("%v", copies)
		}
		wait.Wait()
	})
	subtest(t, "not an engineer's, not another text", func(t *testing.T, f *fakeTicket) {
		f.onPost = func(int, servicerequest.Post) fate {
			f.addAs(deployed, true)
			f.add(deployed + "?")
			return accepted
		}
		if _, copies, _ := deliver(t, f.deliverer(), deploy(), gotReceipt); copies != nil {
			t.Errorf("%v", copies)
		}
	})
	subtest(t, "not if the list hangs, and nobody waits long", func(t *testing.T, f *fakeTicket) {
		f.onList = func(ctx context.Context, n int, _ *servicerequest.Listing) error {
			if n == 2 {
				<-ctx.Done()
			}
			return ctx.Err()
		}
		began := time.Now()
		deliver(t, f.deliverer(), deploy(), gotReceipt)
		if took := time.Since(began); took != copiesTimeout+endOfRun {
			t.Errorf("it took %v", took)
		}
	})
}

// A listing for a key search does not become the baseline while a message of this run may still show, nor while one is
// under way, even if the baseline is old.
func TestSearchIsNoBaselineAroundAnAttempt(t *testing.T) {
	subtest(t, "after", func(t *testing.T, f *fakeTicket) {
		f.lag = 3 * time.Second
		f.onPost = fates(accepted.slow(2*time.Minute), accepted, lostAnswer(false))
		d := f.deliverer()
		deliver(t, d, hello(), gotReceipt)
		deliver(t, d, deploy(), gotReceipt)
		deliver(t, d, hello(), gotNotChecked)
	})
	for _, took := range []time.Duration{0, 70 * time.Second} { // the list ends while it is under way, or after
		subtest(t, "during "+took.String(), func(t *testing.T, f *fakeTicket) {
			f.onPost = fates(accepted.slow(2*time.Minute), accepted, lostAnswer(false))
			f.onList = func(_ context.Context, n int, _ *servicerequest.Listing) error {
				if n == 2 {
					time.Sleep(took) // it is as it was when the request came
				}
				return nil
			}
			d := f.deliverer()
			var wait sync.WaitGroup
			wait.Go(func() { deliver(t, d, hello(), gotReceipt) })
			time.Sleep(61 * time.Second)
			deliver(t, d, deploy(), gotReceipt)
			wait.Wait()
			deliver(t, d, hello(), gotNotChecked)
		})
	}
}

// An old baseline is renewed on a quiet ticket, so that other people's messages since do not count as unexplained. It is
// not renewed while an attempt may still show.
func TestBaselineIsRenewed(t *testing.T) {
	for wait, want := range map[time.Duration]result{30 * time.Second: gotUnconfirmed, 2 * time.Minute: gotResent} {
		subtest(t, wait.String(), func(t *testing.T, f *fakeTicket) {
			f.onPost = fates(accepted, lostAnswer(false), accepted)
			d := f.deliverer()
			deliver(t, d, hello(), gotReceipt)
			f.add("A human's question")
			time.Sleep(wait)
			deliver(t, d, Message{Content: "Another"}, want)
		})
	}
	subtest(t, "unless the list fails", func(t *testing.T, f *fakeTicket) {
		f.onPost = fates(accepted, lostAnswer(true))
		f.onList = listsFail(errFailing, 2, 2)
		d := f.deliverer()
		deliver(t, d, hello(), gotReceipt)
		time.Sleep(2 * time.Minute)
		deliver(t, d, Message{Content: "Another"}, gotReceipt) // compared with the old one
	})
	subtest(t, "soon after a message was found", func(t *testing.T, f *fakeTicket) {
		f.onPost = fates(accepted, lostAnswer(false), accepted)
		f.add(deployed)
		d := f.deliverer()
		deliver(t, d, hello(), gotReceipt)
		time.Sleep(58 * time.Second)
		deliver(t, d, deploy(), gotExisting)
		f.add("A human's question")
		time.Sleep(3 * time.Second)
		deliver(t, d, Message{Content: "Another"}, gotResent)
	})
	subtest(t, "although a fresh listing could be searched", func(t *testing.T, f *fakeTicket) {
		f.onPost = fates(throttled.retryAfter(70*time.Second), accepted, lostAnswer(false), accepted)
		d := f.deliverer()
		time.AfterFunc(time.Second, func() { f.add("A human's question") })
		deliver(t, d, deploy(), gotReceipt)
		time.Sleep(7 * time.Second)
		deliver(t, d, Message{Content: "Another", Key: "deploy 4712"}, gotResent)
	})
}

// Different groups may see different lists, so they share no baseline. But what they have sent counts together.
func TestGroups(t *testing.T) {
	grouped := hello()
	grouped.GroupID = "g"
	subtest(t, "soon after", func(t *testing.T, f *fakeTicket) {
		f.lag = 3 * time.Second
		f.onPost = fates(accepted, lostAnswer(false))
		d := f.deliverer()
		deliver(t, d, hello(), gotReceipt)
		deliver(t, d, grouped, gotUnconfirmed)
		grouped := deploy()
		grouped.GroupID = "g"
		deliver(t, d, grouped, gotNotChecked) // the key decides alone
	})
	for failure, want := range map[error]result{nil: gotNotChecked, errFailing: gotUnconfirmed} {
		subtest(t, fmt.Sprintf("later, %v", failure), func(t *testing.T, f *fakeTicket) {
			f.onPost = fates(accepted, lostAnswer(false))
			f.onList = listsFail(failure, 2, 2)
			d := f.deliverer()
			deliver(t, d, hello(), gotReceipt)
			time.Sleep(7 * time.Second)
			deliver(t, d, grouped, want)
		})
	}
	subtest(t, "meanwhile", func(t *testing.T, f *fakeTicket) {
		f.onPost = func(n int, p servicerequest.Post) fate {
			switch {
			case p.Content == "slow":
				time.Sleep(time.Hour)
			case n > 3:
				return lostAnswer(false)
			}
			return accepted
		}
		d := f.deliverer()
		var wait sync.WaitGroup
		wait.Go(func() { deliver(t, d, Message{Content: "slow"}, gotReceipt) })
		time.Sleep(time.Second)
		deliver(t, d, grouped, gotReceipt)
		keyed := deploy()
		keyed.GroupID = "g"
		deliver(t, d, keyed, gotReceipt)
		deliver(t, d, hello(), gotNotChecked)
		wait.Wait()
	})
}

// Everyone who waits for a search shares its failure. A refusal is not asked for again.
func TestFailedSearchIsShared(t *testing.T) {
	for name, tc := range map[string]struct {
		err   error
		lists int // after a second round
	}{"failing": {errFailing, 2}, "denied": {errDenied, 1}} {
		subtest(t, name, func(t *testing.T, f *fakeTicket) {
			f.onList = func(context.Context, int, *servicerequest.Listing) error {
				time.Sleep(time.Second)
				return tc.err
			}
			d := f.deliverer()
			for range 2 {
				each(20, 20, func(i int) { deliver(t, d, Message{Content: "x", Key: fmt.Sprintf("message %d", i)}, gotNotSearched) })
			}
			f.want(t, 0, 0, tc.lists)
		})
	}
}

// Messages that start one by one, each after the one before has ended, are one run.
func TestGapsAreNotTheEndOfARun(t *testing.T) {
	inMemory(t, func(t *testing.T, f *fakeTicket) {
		d := f.deliverer()
		var wait sync.WaitGroup
		for i := range 10 {
			wait.Go(func() { deliver(t, d, Message{Content: "x", Key: fmt.Sprintf("message %d", i)}, gotReceipt) })
			time.Sleep(endOfRun / 2)
		}
		wait.Wait()
		deliver(t, d, hello(), gotReceipt)
		f.want(t, 11, 11, 2) // a list to search, and one at the end
	})
}

// A list that takes long does not keep a message without a key, but one with a key waits for it.
func TestSlowList(t *testing.T) {
	inMemory(t, func(t *testing.T, f *fakeTicket) {
		f.onList = func(ctx context.Context, n int, _ *servicerequest.Listing) error {
			if n == 1 {
				time.Sleep(40 * time.Second)
			}
			return ctx.Err()
		}
		d := f.deliverer()
		var wait sync.WaitGroup
		began := time.Now()
		wait.Go(func() {
			deliver(t, d, hello(), gotReceipt)
			if took := time.Since(began); took != baselineTimeout {
				t.Errorf("without a key it took %v", took)
			}
		})
		deliver(t, d, deploy(), gotReceipt)
		if took := time.Since(began); took != 40*time.Second+endOfRun {
			t.Errorf("with a key it took %v", took)
		}
		wait.Wait()
		f.want(t, 2, 2, 2)
	})
}

// A rule that ends unconfirmed too often is useless.
func TestDoubtsAreRare(t *testing.T) {
	long := strings.Repeat("The same words at the beginning. ", 5)
	for name, tc := range map[string]struct {
		text     func(i int) string
		parallel int
		human    time.Duration // someone writes so often
		most     int           // of 300 whose answers are all lost
	}{
		"in parallel":             {func(i int) string { return fmt.Sprint("Message ", i) }, 100, 0, 0},
		"identical":               {func(int) string { return "Message" }, 20, 0, 0},
		"look-alikes":             {func(i int) string { return long + fmt.Sprint(i) }, 20, 0, 0},
		"a human every 5 minutes": {func(i int) string { return fmt.Sprint("Message ", i) }, 1, 5 * time.Minute, 9},
		"a human every minute":    {func(i int) string { return fmt.Sprint("Message ", i) }, 1, time.Minute, 75},
	} {
		subtest(t, name, func(t *testing.T, f *fakeTicket) {
			random := &lockedRand{Rand: rand.New(rand.NewPCG(3, 3))}
			f.onPost = func(int, servicerequest.Post) fate { return lostAnswer(random.maybe(0.7)) }
			if tc.human > 0 {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				go func() {
					for servicerequest.SystemClock.Sleep(ctx, tc.human) == nil {
						f.add("A human's question")
					}
				}()
			}
			var doubts atomic.Int32
			shared := New(f, Config{MaxRetries: 50})
			each(300, tc.parallel, func(i int) {
				d := shared
				if tc.human > 0 { // each message is a run of its own
					time.Sleep(30 * time.Second)
					d = New(f, Config{MaxRetries: 50})
				}
				r, _, err := d.Deliver(t.Context(), Message{CaseID: testCase, Content: tc.text(i)})
				if resultOf(r, err) == gotUnconfirmed {
					doubts.Add(1)
				}
			})
			if n := int(doubts.Load()); n > tc.most {
				t.Errorf("%d of 300 messages ended in doubt, want at most %d", n, tc.most)
			}
		})
	}
}

// A message that was not posted explains nothing on the ticket. One whose outcome is unknown explains one message.
func TestExplained(t *testing.T) {
	for name, tc := range map[string]struct {
		first fate
		want  result
	}{
		"rejected":                     {rejected, gotUnconfirmed},
		"throttled":                    {throttled, gotUnconfirmed},
		"never sent":                   {notSent, gotUnconfirmed},
		"credentials expired":          {expired, gotUnconfirmed},
		"no credentials":               {fate{err: errBroken}, gotUnconfirmed},
		"refused, as nobody documents": {refusedUnknown(false), gotNotChecked},
	} {
		subtest(t, name, func(t *testing.T, f *fakeTicket) {
			f.onPost = func(n int, p servicerequest.Post) fate {
				if p.Content == "Hello" {
					return tc.first
				}
				f.add("Hello") // someone else's, or ours in another form
				return lostAnswer(false)
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			d := New(f, Config{})
			_, _, _ = d.Deliver(ctx, Message{CaseID: testCase, Content: "Hello"})
			deliver(t, d, Message{Content: "Bye"}, tc.want)
		})
	}
}

// A run that is cancelled while it lists does not cost other messages their baseline.
func TestCancelledListingIsNoFailedBaseline(t *testing.T) {
	inMemory(t, func(t *testing.T, f *fakeTicket) {
		ctx, cancel := context.WithCancel(t.Context())
		f.onPost = fates(lostAnswer(true))
		f.onList = func(ctx context.Context, n int, _ *servicerequest.Listing) error {
			if n == 1 {
				cancel()
				<-ctx.Done()
			}
			return ctx.Err()
		}
		d := f.deliverer()
		if r, _, err := d.Deliver(ctx, hello()); resultOf(r, err) != gotNotPosted {
			t.Errorf("%v", err)
		}
		synctest.Wait()
		deliver(t, d, Message{Content: "Bye"}, gotReceipt)
	})
}

// Who has little time does not cost others their search: neither when it is over, nor when the service asks for more.
func TestLittleTimeIsOnesOwn(t *testing.T) {
	for _, asks := range []bool{false, true} {
		subtest(t, fmt.Sprint(asks), func(t *testing.T, f *fakeTicket) {
			f.onList = func(ctx context.Context, n int, _ *servicerequest.Listing) error {
				if left, ok := servicerequest.Remaining(ctx, servicerequest.SystemClock); n == 1 && (!ok || left > time.Second) {
					t.Error("the list does not know how much time there is")
				}
				err := servicerequest.SystemClock.Sleep(ctx, 900*time.Millisecond)
				if asks && n == 1 {
					return &servicerequest.NoTimeError{}
				}
				return cmp.Or(err, servicerequest.SystemClock.Sleep(ctx, 2*time.Second))
			}
			d := f.deliverer()
			hasty, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			var wait sync.WaitGroup
			wait.Go(func() {
				_, _, err := d.Deliver(hasty, Message{CaseID: testCase, Content: "x", Key: "hasty"})
				if err == nil || errors.As(err, new(*servicerequest.NoTimeError)) != asks {
					t.Errorf("the hasty one got %v", err)
				}
			})
			time.Sleep(500 * time.Millisecond)
			deliver(t, d, deploy(), gotReceipt)
			wait.Wait()
		})
	}
}

// Listings may be large. Old ones of other tickets are dropped.
func TestOldListingsAreDropped(t *testing.T) {
	inMemory(t, func(t *testing.T, f *fakeTicket) {
		d := f.deliverer()
		for _, caseID := range []string{"first", "second"} {
			m := deploy()
			m.CaseID = caseID
			_, _, _ = d.Deliver(t.Context(), m)
			time.Sleep(11 * time.Second)
		}
		if first := d.tickets["first"]; first.recent != nil || first.forms != nil {
			t.Errorf("it has %d texts", len(first.forms))
		}
	})
}

// If the ticket cannot be listed, that is tried again after a minute, and not for each message. A refusal is final.
func TestFailedBaselineIsNotTriedEachTime(t *testing.T) {
	hangs := errors.New("the list hangs")
	for name, tc := range map[string]struct {
		err   error
		gap   time.Duration
		lists int
	}{
		"hangs":           {hangs, 12 * time.Second, 1},
		"fails":           {errFailing, 12 * time.Second, 1},
		"fails for long":  {errFailing, 61 * time.Second, 4},
		"denied for long": {errDenied, 61 * time.Second, 1},
	} {
		subtest(t, name, func(t *testing.T, f *fakeTicket) {
			f.onList = func(ctx context.Context, _ int, _ *servicerequest.Listing) error {
				if errors.Is(tc.err, hangs) {
					<-ctx.Done()
				}
				return tc.err
			}
			d := f.deliverer()
			for i := range 4 {
				deliver(t, d, Message{Content: fmt.Sprint("Message ", i), GroupID: "g"}, gotReceipt)
				time.Sleep(tc.gap)
			}
			f.want(t, 4, 4, tc.lists)
		})
	}
}

// A message that was not there when last checked may come later. So the next one with its key needs a listing that was
// begun later: not one that was under way, whether it has ended or not.
func TestListingFromBeforeADoubtIsNotSearched(t *testing.T) {
	for _, pause := range []time.Duration{0, 5 * time.Second} {
		subtest(t, pause.String(), func(t *testing.T, f *fakeTicket) {
			f.lag = 7 * time.Second
			f.onPost = func(_ int, p servicerequest.Post) fate {
				if p.Content == deployed {
					return lostAnswer(true)
				}
				return accepted
			}
			f.onList = func(_ context.Context, n int, _ *servicerequest.Listing) error {
				if n == 1 || n == 4 { // the searches: they show the ticket as it was when they began
					time.Sleep(5 * time.Second)
				}
				return nil
			}
			d := New(f, Config{})
			var wait sync.WaitGroup
			wait.Go(func() {
				time.Sleep(10900 * time.Millisecond)
				deliver(t, d, Message{Content: "x", Key: "another"}, gotReceipt)
			})
			deliver(t, d, deploy(), gotNotChecked) // after 11 seconds
			time.Sleep(pause)
			deliver(t, d, deploy(), gotExisting)
			wait.Wait()
			if n := f.count(deployed); n != 1 {
				t.Errorf("%d on the ticket", n)
			}
		})
	}
}

// Another group may see another list, so its list is not searched.
func TestGroupSearchesItsOwnList(t *testing.T) {
	message := func(i int, group string) Message {
		return Message{Content: "x", Key: fmt.Sprintf("message %d", i), GroupID: group}
	}
	subtest(t, "after", func(t *testing.T, f *fakeTicket) {
		d := f.deliverer()
		deliver(t, d, message(0, ""), gotReceipt)
		deliver(t, d, message(1, "g"), gotReceipt)
		f.want(t, 2, 2, 4) // a search, and a list for copies, each
	})
	subtest(t, "meanwhile", func(t *testing.T, f *fakeTicket) {
		f.onList = func(context.Context, int, *servicerequest.Listing) error {
			time.Sleep(time.Second)
			return nil
		}
		d := f.deliverer()
		each(2, 2, func(i int) { deliver(t, d, message(i, strings.Repeat("g", i)), gotReceipt) })
		f.want(t, 2, 2, 3) // a search each, and a list for copies
	})
	subtest(t, "after a refusal", func(t *testing.T, f *fakeTicket) {
		f.onList = listsFail(errDenied, 1, 1)
		d := f.deliverer()
		deliver(t, d, message(0, ""), gotNotSearched)
		deliver(t, d, message(1, "g"), gotReceipt)
		deliver(t, d, message(2, "g"), gotReceipt)
	})
}

// Messages with one key go one at a time, even if their texts are nothing alike.
func TestOneKeyGoesOneAtATime(t *testing.T) {
	inMemory(t, func(t *testing.T, f *fakeTicket) {
		f.onPost = fates(accepted.slow(time.Second))
		d := f.deliverer()
		var wait sync.WaitGroup
		wait.Go(func() { deliver(t, d, deploy(), gotReceipt) })
		time.Sleep(500 * time.Millisecond)
		deliver(t, d, Message{Content: "We rolled back", Key: "deploy 4711"}, gotConflict)
		wait.Wait()
	})
}

// A message with a key waits for one that looks like it. If it is cancelled meanwhile, others can have its key.
func TestLookAlikesGoOneAtATime(t *testing.T) {
	inMemory(t, func(t *testing.T, f *fakeTicket) {
		f.onPost = fates(accepted.slow(time.Minute))
		d := f.deliverer()
		var wait sync.WaitGroup
		wait.Go(func() { deliver(t, d, Message{Content: "Deploy 4711: release is live"}, gotReceipt) })
		time.Sleep(time.Second)
		hasty, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if r, _, err := d.Deliver(hasty, deploy()); resultOf(r, err) != gotNotPosted {
			t.Errorf("%+v, %v", r, err)
		}
		f.want(t, 0, 1, 1) // all for the one that it waits for
		deliver(t, d, deploy(), gotConflict)
		wait.Wait()
	})
}

// A look-alike that ended unconfirmed may be what the list shows with our text.
func TestUnconfirmedLookAlikeIsNotOurs(t *testing.T) {
	inMemory(t, func(t *testing.T, f *fakeTicket) {
		text := strings.TrimSpace(strings.Repeat("The same words at the beginning. ", 5))
		f.show = func(s string, _ time.Duration) string { return firstRunes(s, len(text)) }
		f.onPost = fates(lostAnswer(true), lostAnswer(false))
		f.onList = listsFail(errFailing, 2, 7) // the checks of the first
		d := f.deliverer()
		deliver(t, d, Message{Content: text + " And more."}, gotUnconfirmed)
		deliver(t, d, Message{Content: text}, gotUnconfirmed)
	})
}
